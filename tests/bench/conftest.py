"""A scale at which every part runs within seconds; what it finds means nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pm.bench import Scale, run_parts
from pm.bench.figures import Row
from pm.server.binary import find_binary


@pytest.fixture
def said() -> list[str]:
    """The progress that was told."""
    return []


@pytest.fixture
def tiny(said: list[str], tmp_path: Path) -> Scale:
    """The smallest counts."""
    return _tiny(said.append, tmp_path)


@pytest.fixture(scope="module")
def five_queries(tmp_path_factory: pytest.TempPathFactory) -> tuple[Row, ...]:
    """What the part `queries` tells."""
    kept = tmp_path_factory.mktemp("kept")
    (result,) = run_parts(["queries"], _tiny(lambda _: None, kept))
    return result.rows


def _tiny(say: Callable[[str], None], kept: Path) -> Scale:
    return Scale(
        find_binary(),
        say,
        kept,
        positions=144,
        rounds=1,
        fills_a_round=20,
        reads_a_round=4,
        decodes_a_round=20,
        streams=1,
        stream_s=0.5,
        rates=(100, 200),
        backlog=300,
        sizes=(100, 200),
        kills=1,
        valued_positions=144,
        passes=1,
        reservations=6,
        archived_entries=300,
    )
