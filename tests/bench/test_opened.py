"""A book that was opened once is started from a copy, and goes on where its desk stands."""

from __future__ import annotations

from pm import keys
from pm.bench import Scale
from pm.bench.book import BOOK, apply, digest
from pm.bench.opened import opened_desk, opened_server
from pm.bench.workload import EXCHANGE, Spread
from pm.connect import connect

SPREAD = Spread(positions=24, side=12)


def _start(scale: Scale) -> tuple[bytes, bytes]:
    """The digest of a started book before and after its desk's next fills."""
    desk, calls = opened_desk(SPREAD, EXCHANGE)
    with (
        opened_server(scale, SPREAD, EXCHANGE) as target,
        connect(target, role="bench", decode=False) as client,
    ):
        assert client.zcard(keys.positions(BOOK)) == SPREAD.positions + 1  # and the sentinel
        before = digest(client)
        apply(client, calls.of(desk.fills(3)))
        return before, digest(client)


def test_a_book_is_opened_once_and_each_server_begins_with_the_same(
    tiny: Scale, said: list[str]
) -> None:
    first, second = _start(tiny), _start(tiny)
    assert first == second
    assert first[0] != first[1]
    assert said == ["opening 24 positions with amounts of exchange, 8 decimals"]
