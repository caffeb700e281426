"""docs/monitoring.md knows every metric, every component, and no others."""

from __future__ import annotations

import re
from pathlib import Path

from pm.counting.catalogue import METRICS
from pm.counting.stored import Histogram
from pm.health.rules import assess
from pm.health.verdict import Situation
from pm.readings.server import ServerReading
from pm.readings.system import SystemReading
from pm.readings.windows import WATCHED, Window
from pm.settings import Settings

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "monitoring.md").read_text()


def test_every_metric_is_documented_and_no_other() -> None:
    rows = "\n".join(line for line in TEXT.splitlines() if line.startswith("|"))
    assert set(re.findall(r"\bpm_\w+", rows)) == set(METRICS)


def test_every_component_is_documented_and_no_other() -> None:
    server = ServerReading(is_asked=False)
    system = SystemReading(at=0, server=server, workers_live=0, books=())
    empty = {name: Window(Histogram(), None) for name in WATCHED}
    components = {part.name for part in assess(Situation(system, empty, Settings()))}
    table = TEXT.partition("## Health")[2].partition("\n\n*")[0]
    assert set(re.findall(r"^\| `(\w+)`", table, re.MULTILINE)) == components
