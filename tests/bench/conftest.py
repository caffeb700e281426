"""A scale at which every part runs within seconds; what it finds means nothing."""

from __future__ import annotations

import pytest

from pm.bench import Scale
from pm.server.binary import find_binary


@pytest.fixture
def said() -> list[str]:
    """The progress that was told."""
    return []


@pytest.fixture
def tiny(said: list[str]) -> Scale:
    """The smallest counts."""
    return Scale(
        find_binary(),
        said.append,
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
    )
