"""How fast a book is made again from its journal, against how fast it was made by live calls.

Both are of the same events in the same run: first applied in calls of a hundred, the largest and so
the fastest that workers make, then folded, checked, written into the shadow, compared and switched.
"""

from __future__ import annotations

import time
from typing import Final

import redis

from pm.bench.book import BOOK, Calls, apply, open_bench_book
from pm.bench.errors import BenchError
from pm.bench.figures import Result, Row
from pm.bench.private_server import private_server
from pm.bench.scale import Scale
from pm.bench.workload import EXCHANGE, SIDE, TOKEN, Desk, Digits, Spread, reference_of
from pm.books import reference_store
from pm.connect import connect
from pm.fold import Fold
from pm.history import History
from pm.rebuild import rebuild_book
from pm.rebuild.restoring import Limits

PART: Final = "rebuild"

_TIMEOUT_S: Final = 120.0
_FILLS_A_CALL: Final = 100
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
        ("rebuild: fold with every check, shadow written and read back, compared, switched",),
    )


def _measure(client: redis.Redis, scale: Scale, digits: Digits) -> Row:
    spread = Spread(scale.positions, SIDE)
    reference, desk = reference_of(spread), Desk(spread, digits, seed=spread.positions)
    reference_store.merge(client, reference)
    open_bench_book(client)
    fills = [*desk.openings(), *desk.fills(scale.backlog)]
    calls = Calls(reference)
    ready = [
        calls.of(fills[start : start + _FILLS_A_CALL])
        for start in range(0, len(fills), _FILLS_A_CALL)
    ]
    started = time.perf_counter()
    for call in ready:
        apply(client, call)
    applied_s = time.perf_counter() - started
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
        "applied/s": len(fills) / applied_s,
        "folded/s": len(fills) / folded_s,
        "rebuilt/s": len(fills) / rebuilt_s,
        "rebuilt by applied": applied_s / rebuilt_s,
    }
