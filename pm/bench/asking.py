"""What the five queries cost at any number of positions, fresh and remembered.

Books of every size stand side by side and are asked in turns. Each query is set beside a bare
HGETALL of one hash as large as all it reads, so that a ratio tells what finding, parsing and
computing add to the bytes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

import redis

from pm.bench.errors import BenchError
from pm.bench.figures import Figure, Latency, Result, Row
from pm.bench.market import SETTINGS, Market, give_capital, tell_returns
from pm.bench.opened import opened_server
from pm.bench.querying import taken_ns
from pm.bench.scale import Scale
from pm.bench.workload import BASES, EXCHANGE, SIDE, Pair, Spread
from pm.bench.worth import FIVE, WorthQuery
from pm.bench.yardstick import Yardstick, lay_out
from pm.books import reference_store
from pm.client import Client, QueryLimits
from pm.connect import connect
from pm.valuation.mark_to_market import run_pass

PART: Final = "queries"

_STRATEGIES_ASKED: Final = 8
_TIMEOUT_S: Final = 120.0
_CACHE: Final = QueryLimits(cache_entries=1_000, cache_ttl_s=3_600.0)
_NONE: Final = "-"
_FLAT: Final = "largest above smallest, %"


@dataclass(slots=True)
class _Times:
    """Of one query, in ns; `first` is the first time after its records were replaced."""

    bare: list[int] = field(default_factory=list)
    query: list[int] = field(default_factory=list)
    first: list[int] = field(default_factory=list)
    cached: list[int] = field(default_factory=list)

    def figures(self) -> dict[str, Figure]:
        """The columns of a row that are measured."""
        query, bare = Latency.of(self.query), Latency.of(self.bare)
        cached = Latency.of(self.cached) if self.cached else None
        return {
            "p50 µs": query.p50,
            "p99 µs": query.p99,
            "HGETALL p50 µs": bare.p50,
            "HGETALL p99 µs": bare.p99,
            "ratio of p50": query.p50 / bare.p50,
            "after a pass p50 µs": Latency.of(self.first).p50 if self.first else _NONE,
            "cached p50 µs": cached.p50 if cached else _NONE,
            "cached p99 µs": cached.p99 if cached else _NONE,
        }


class _Size:
    """The book of one size, its clients, and what was measured on it."""

    def __init__(self, spread: Spread, server: redis.Redis, fresh: Client, cached: Client) -> None:
        self._spread = spread
        self._server = server
        self._fresh = fresh
        self._cached = cached
        self._pairs = [pair for name in _asked(spread) for pair in spread.of_strategy(name)]
        self._times = {query.name: _Times() for query in FIVE}
        self._yardsticks = {query.name: self._lay_out(query) for query in FIVE}
        self._is_cached = {query.name: self._is_remembered(query) for query in FIVE}

    def measure(self, query: WorthQuery, count: int, seed: int) -> None:
        """Ask so often, of positions drawn at random."""
        drawn, times = Random(seed), self._times[query.name]
        for number in range(count):
            pair = drawn.choice(self._pairs)
            key = self._yardsticks[query.name][pair].key
            if self._replace_records(query, pair):
                times.first.append(taken_ns(query.ask, self._fresh, pair))
            if number % 2:
                times.bare.append(taken_ns(self._fresh.server.hgetall, key))
            times.query.append(taken_ns(query.ask, self._fresh, pair))
            if not number % 2:
                times.bare.append(taken_ns(self._fresh.server.hgetall, key))
            if self._is_cached[query.name]:
                query.ask(self._cached, pair)
                times.cached.append(taken_ns(query.ask, self._cached, pair))

    def row(self, query: WorthQuery) -> Row:
        """The row of a query."""
        yardstick = self._yardsticks[query.name][self._pairs[0]]
        return {
            "query": query.name,
            "positions": f"{self._spread.positions:,}",
            "fields": yardstick.fields,
            "kB": yardstick.size / 1_000,
            **self._times[query.name].figures(),
        }

    def _lay_out(self, query: WorthQuery) -> dict[Pair, Yardstick]:
        of_reads: dict[Sequence[str], Yardstick] = {}
        found = {}
        for pair in self._pairs:
            reads = tuple(query.reads(self._spread, pair))
            if reads not in of_reads:
                name = f"{query.name}:{len(of_reads)}"
                of_reads[reads] = lay_out(self._server, name, reads)
            found[pair] = of_reads[reads]
        return found

    def _replace_records(self, query: WorthQuery, pair: Pair) -> bool:
        """Store the records of the last pass as those of a later one; False if it has none."""
        records = query.records(pair)
        for key in records:
            self._server.hincrby(key, "at", 1)
        return bool(records)

    def _is_remembered(self, query: WorthQuery) -> bool:
        """Whether a query that was just asked is answered without a word to the server."""
        query.ask(self._cached, self._pairs[0])
        before = self._commands()
        query.ask(self._cached, self._pairs[0])
        return self._commands() == before + 1

    def _commands(self) -> int:
        found: Any = self._server.info("stats")
        return int(found["total_commands_processed"])


def measure_queries(scale: Scale) -> Result:
    """Every query at every size, on otherwise idle servers that fsync once a second."""
    count = max(4, scale.reads_a_round // 3)
    with ExitStack() as stack:
        sizes = []
        for positions in scale.sizes:
            spread = Spread(positions, SIDE)
            sizes.append(stack.enter_context(_valued_book(scale, spread)))
        for number in range(scale.rounds):
            scale.say(f"round {number + 1} of {scale.rounds}")
            for query in FIVE:
                for size in sizes if number % 2 else reversed(sizes):
                    size.measure(query, count, seed=number)
        rows = [row for query in FIVE for row in _with_spread([size.row(query) for size in sizes])]
    return Result(
        PART,
        "The five queries of the Python client by open positions",
        tuple(rows),
        (
            "HGETALL: redis-py's, of one hash with the fields and bytes of all that the query"
            " reads, in turns",
            "after a pass: the first answer from records that have just been replaced;"
            f" cached: asked again with nothing changed ({_NONE}: the client asks all the same)",
            f"every strategy holds {SIDE} instruments; all books hold the same {BASES} assets",
        ),
    )


@contextmanager
def _valued_book(scale: Scale, spread: Spread) -> Iterator[_Size]:
    """A new server whose positions are open and valued."""
    with ExitStack() as stack:
        target = stack.enter_context(opened_server(scale, spread, EXCHANGE))
        raw = stack.enter_context(connect(target, role="bench", decode=False, timeout_s=_TIMEOUT_S))
        server = stack.enter_context(connect(target, role="bench", timeout_s=_TIMEOUT_S))
        give_capital(raw, spread)
        market = Market(raw, spread)
        market.tell_past()
        market.move()
        for strategy in (None, *map(str, _asked(spread))):
            tell_returns(raw, strategy)
        scale.say(f"marking {spread.positions:,} positions to market")
        report = run_pass(server, SETTINGS)
        if report.valued != spread.positions:
            raise BenchError(f"a pass valued {report.valued} of {spread.positions} positions")
        reference = reference_store.load_version(server)
        fresh, cached = (
            stack.enter_context(Client.open(target, SETTINGS, reference=reference, limits=limits))
            for limits in (QueryLimits(), _CACHE)
        )
        yield _Size(spread, server, fresh, cached)


def _asked(spread: Spread) -> range:
    """The strategies that are asked for: of those that hold all they may, the first."""
    return range(1, min(_STRATEGIES_ASKED, spread.positions // spread.side) + 1)


def _with_spread(rows: list[Row]) -> list[Row]:
    """The rows of one query, and one that tells how much its figures grow."""
    last: dict[str, Figure] = {**rows[0], "positions": _FLAT}
    for name in list(rows[0])[2:]:
        figures = [row[name] for row in rows]
        known = [figure for figure in figures if not isinstance(figure, str)]
        is_told = bool(known) and "p99" not in name
        last[name] = 100 * (max(known) / min(known) - 1) if is_told else _NONE
    return [*rows, last]
