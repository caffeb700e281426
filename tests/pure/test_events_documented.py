"""The examples of the documentation are events as they may be sent."""

import json
import re
from pathlib import Path

from pm.events.facts import Direct, Facts
from pm.events.lines import MarkLine, parse_lines
from pm.events.read_event import KINDS
from pm.reference.toml_source import load_reference

ROOT = Path(__file__).resolve().parents[2]
OF_OUR_OWN = {"fee_value", "trace_expired", "trace_archived"}
LINES = [
    line
    for block in re.findall(r"```json\n(.*?)```", (ROOT / "docs/events.md").read_text(), re.DOTALL)
    for line in block.splitlines()
]


def test_every_kind_that_may_be_sent_has_an_example() -> None:
    marks: list[MarkLine] = []
    assert {event.kind for event in parse_lines(LINES, marks)} == set(KINDS) - OF_OUR_OWN
    assert len(marks) == 1


def test_every_example_can_be_applied_with_the_instruments_that_come_along() -> None:
    facts = Facts(load_reference(ROOT / "config/instruments.toml"))
    for event in parse_lines(LINES, []):
        assert json.loads(facts.text(event, Direct(1)))["kind"] == event.kind
