"""How fast a book is made again from its journal, against how fast it was made by live application.

Both are of the same events in the same run. First they are applied as a worker does it, read from
their lane, decoded and applied in calls of a hundred; then they are folded, checked, written into
the shadow, compared and switched.
"""

from __future__ import annotations

import time
from typing import Final

import redis

from pm.bench.book import BOOK, LANE, open_bench_book
from pm.bench.errors import BenchError
from pm.bench.figures import Result, Row
from pm.bench.private_server import private_server
from pm.bench.scale import Scale
from pm.bench.workload import EXCHANGE, SIDE, TOKEN, Desk, Digits, Spread, reference_of
from pm.books import lanes, reference_store
from pm.books.applying import Applier
from pm.books.decoding import Decoder, DecodingOptions
from pm.connect import connect
from pm.events.message import pack
from pm.fold import Fold
from pm.history import History
from pm.rebuild import rebuild_book
from pm.rebuild.restoring import Limits
from pm.reference.snapshot import Reference

PART: Final = "rebuild"

_TIMEOUT_S: Final = 120.0
_FILLS_A_CALL: Final = 100
_QUARANTINE_MAX: Final = 1_000
_NO_LIMITS: Final = Limits(1 << 62, 1 << 31)


def measure_rebuilding(scale: Scale) -> Result:
    """Live application and rebuild of one book, for both sizes of amounts."""
    rows = []
    for digits in (EXCHANGE, TOKEN):
        scale.say(f"{digits.name}: {scale.backlog:,} fills applied and rebuilt")
        with (
            private_server(scale.program) as target,
            connect(target, role="bench", decode=False, timeout_s=_TIMEOUT_S) as client,
        ):
            rows.append(_measure(client, scale, digits))
    return Result(
        PART,
        "A book rebuilt from its journal, against live application of the same events",
        tuple(rows),
        (
            "live: read from the lane, decoded, applied in calls of a hundred, as a worker does;"
            " rebuilt: folded with every check, written, read back, compared, switched",
        ),
    )


def _measure(client: redis.Redis, scale: Scale, digits: Digits) -> Row:
    spread = Spread(scale.positions, SIDE)
    reference, desk = reference_of(spread), Desk(spread, digits, seed=spread.positions)
    reference_store.merge(client, reference)
    open_bench_book(client)
    fills = [*desk.openings(), *desk.fills(scale.backlog)]
    lanes.publish(client, BOOK, map(pack, fills), fills[0].executed_at)
    live_s, calls_s = _apply_live(client, reference)
    history = History(client)
    fold = Fold(BOOK)
    started = time.perf_counter()
    fold.follow(history)
    folded_s = time.perf_counter() - started
    started = time.perf_counter()
    done = rebuild_book(client, BOOK, history, _NO_LIMITS)
    rebuilt_s = time.perf_counter() - started
    if done.healed or not done.is_switched:
        raise BenchError(f"the rebuilt book differs: {done.healed.shown[:3]}")
    return {
        "amounts": digits.name,
        "entries": len(fills),
        "live/s": len(fills) / live_s,
        "calls alone/s": len(fills) / calls_s,
        "folded/s": len(fills) / folded_s,
        "rebuilt/s": len(fills) / rebuilt_s,
        "rebuilt by live": live_s / rebuilt_s,
    }


def _apply_live(client: redis.Redis, reference: Reference) -> tuple[float, float]:
    """Take everything from the lane; seconds in all, and of these in calls of `apply`."""
    decoder = Decoder(BOOK, reference, DecodingOptions())
    applier, cursor, calls_s = Applier(BOOK, _QUARANTINE_MAX), lanes.START, 0.0
    started = time.perf_counter()
    while entries := lanes.read(client, BOOK, {LANE: cursor}, count=_FILLS_A_CALL).get(LANE):
        events = [event for entry in entries for event in decoder.prepare(entry)]
        called = time.perf_counter()
        outcome = applier.apply(client, LANE, cursor, events, reference.version)
        calls_s += time.perf_counter() - called
        if outcome.counts.applied != len(events):
            raise BenchError(f"of {len(events)} fills {outcome.counts.applied} were applied")
        cursor = outcome.cursor
    return time.perf_counter() - started, calls_s
