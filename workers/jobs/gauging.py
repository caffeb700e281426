"""The job that looks at the whole system, for metrics and health."""

from __future__ import annotations

from pm.metrics.collecting import collect_gauges
from workers.jobs.table import JobContext


def collect(context: JobContext) -> str:
    """Read every gauge and store it for whoever shows them."""
    return f"{len(collect_gauges(context.raw, context.settings))} gauges"
