"""Measurements of the whole: what fills, queries, passes and failovers cost on this machine.

Machines differ and are shared, so what is compared runs in turns within one run and is given as a
ratio beside the medians. Every server is private, in a temporary folder.
"""

from pm.bench.errors import BenchError
from pm.bench.run import PARTS, machine, run_parts
from pm.bench.scale import Scale

__all__ = ["PARTS", "BenchError", "Scale", "machine", "run_parts"]
