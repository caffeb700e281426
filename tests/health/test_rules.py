"""The order of levels, and what a user who may not ask is told."""

from __future__ import annotations

from typing import get_args

import pytest

from pm.counting.stored import Histogram
from pm.health.rules import assess, is_ready
from pm.health.verdict import Component, Level, Situation, worst_of
from pm.readings.server import ServerReading
from pm.readings.system import SystemReading
from pm.readings.windows import WATCHED, Window
from pm.settings import Settings
from pm.wording import number_of


def situation(server: ServerReading) -> Situation:
    system = SystemReading(at=0, server=server, workers_live=1, books=())
    return Situation(system, {name: Window(Histogram(), None) for name in WATCHED}, Settings())


def parts(*levels: Level) -> list[Component]:
    return [Component(f"part-{number}", level, "") for number, level in enumerate(levels)]


def test_the_worst_level_counts_and_the_unknown_does_not() -> None:
    assert worst_of([]) == "healthy"
    assert worst_of(parts("unknown")) == "healthy"
    assert worst_of(parts("healthy", "degraded", "unknown")) == "degraded"
    assert worst_of(parts("degraded", "down", "healthy")) == "down"
    assert set(get_args(Level)) == {"healthy", "unknown", "degraded", "down"}


def test_only_what_is_needed_to_work_makes_it_unready() -> None:
    for name in ("books", "schema", "functions", "persistence", "replicas", "memory"):
        assert not is_ready([Component(name, "down", "")])
        assert is_ready([Component(name, "degraded", ""), Component(name, "unknown", "")])
    assert is_ready([Component("workers", "down", ""), Component("lag", "down", "")])


def test_what_could_not_be_asked_is_unknown_and_nothing_else_fails() -> None:
    levels = {part.name: part.level for part in assess(situation(ServerReading(is_asked=False)))}
    unknown = {name for name, level in levels.items() if level == "unknown"}
    assert unknown == {"persistence", "replicas", "memory", "functions"}


@pytest.mark.parametrize(
    ("server", "level", "text"),
    [
        (ServerReading(is_asked=True, replicas=2, replicas_online=2), "healthy", "2 replicas"),
        (ServerReading(is_asked=True, replicas=2, replicas_online=1), "degraded", "1 of 2"),
        (ServerReading(is_asked=True, replicas=1, replicas_good=0), "down", "refuses writes"),
        (ServerReading(is_asked=True, is_replica=True), "down", "without a link"),
        (
            ServerReading(is_asked=True, is_replica=True, primary_link_up=True),
            "degraded",
            "takes no writes",
        ),
    ],
)
def test_replicas(server: ServerReading, level: Level, text: str) -> None:
    [found] = [part for part in assess(situation(server)) if part.name == "replicas"]
    assert found.level == level
    assert text in found.text


@pytest.mark.parametrize(
    ("server", "level"),
    [
        (ServerReading(is_asked=True, append_only=True, last_write_ok=True), "healthy"),
        (ServerReading(is_asked=True, append_only=True, last_write_ok=False), "down"),
        (ServerReading(is_asked=True, append_only=False, last_write_ok=True), "degraded"),
    ],
)
def test_persistence(server: ServerReading, level: Level) -> None:
    [found] = [part for part in assess(situation(server)) if part.name == "persistence"]
    assert found.level == level


def test_counts_in_words() -> None:
    assert number_of(1, "entry", "entries") == "1 entry"
    assert number_of(2, "entry", "entries") == "2 entries"
    assert number_of(0, "worker") == "0 workers"
