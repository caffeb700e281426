"""What Prometheus reads: counters of all processes, gauges of the system's state.

counting ─▶ pm:{ref}:metrics ────────────────────┐
readings ─ health ─ collecting ─▶ pm:{ref}:gauges ┴─ exposition ─ serving ─▶ GET /metrics
"""

from pm.metrics.collecting import collect_gauges

__all__ = ["collect_gauges"]
