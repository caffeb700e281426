"""Books whose positions are open: made once, then started from a copy wherever one is needed.

Opening a hundred thousand positions takes a minute, loading them a second.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pm.bench.book import Calls, apply_all, open_bench_book
from pm.bench.private_server import Appendfsync, private_server, save_data
from pm.bench.scale import Scale
from pm.bench.workload import Desk, Digits, Spread, reference_of
from pm.books import reference_store
from pm.connect import connect

_TIMEOUT_S = 120.0


@contextmanager
def opened_server(
    scale: Scale, spread: Spread, digits: Digits, appendfsync: Appendfsync = "everysec"
) -> Iterator[str]:
    """A server that holds reference data, functions and a book with these positions open."""
    name = f"{spread.positions}-{spread.side}-{digits.quantity}-{digits.price}"
    data = scale.kept / name
    if not data.exists():
        scale.say(f"opening {spread.positions:,} positions with amounts of {digits.name}")
        _open(scale.program, spread, digits, data)
    with private_server(scale.program, appendfsync, data) as target:
        yield target


def opened_desk(spread: Spread, digits: Digits) -> tuple[Desk, Calls]:
    """The desk whose positions they are, and what turns its next fills into calls."""
    desk = Desk(spread, digits, seed=spread.positions)
    opened = sum(1 for _ in desk.openings())
    return desk, Calls(reference_of(spread), applied=opened)


def _open(program: Path, spread: Spread, digits: Digits, data: Path) -> None:
    reference = reference_of(spread)
    desk = Desk(spread, digits, seed=spread.positions)
    with (
        private_server(program) as target,
        connect(target, role="bench", decode=False, timeout_s=_TIMEOUT_S) as client,
    ):
        reference_store.merge(client, reference)
        open_bench_book(client)
        apply_all(client, Calls(reference), list(desk.openings()))
        save_data(target, data)
