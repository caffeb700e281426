"""What a query of the Python client takes beside a bare HGETALL on the same connection."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random
from statistics import median
from typing import Final

from pm import keys
from pm.bench.book import BOOK
from pm.bench.figures import Latency, Row
from pm.bench.workload import QUOTE, VENUE, Pair, instrument_id
from pm.client import Client

TRACE_ID: Final = b"bench".hex().rjust(32, "0")
TRACE_STRATEGY: Final = 1

Ask = Callable[[Client, Pair], object]


@dataclass(frozen=True, slots=True)
class Query:
    """A query, how many hashes it reads for this spread, and the hash read barely beside it."""

    name: str
    ask: Ask
    hashes: Callable[[Client, Pair], int]
    beside: Callable[[Pair], str]


@dataclass(slots=True)
class Times:
    """Times of a query and of the HGETALL beside it, in ns."""

    bare: list[int] = field(default_factory=list)
    query: list[int] = field(default_factory=list)

    @property
    def ratio(self) -> float:
        """The query's median time in those of a bare HGETALL."""
        return median(self.query) / median(self.bare)

    def row(self, name: str, hashes: int) -> Row:
        """The row of a table."""
        bare, query = Latency.of(self.bare), Latency.of(self.query)
        return {
            "query": name,
            "hashes": hashes,
            "p50 µs": query.p50,
            "p99 µs": query.p99,
            "HGETALL p50 µs": bare.p50,
            "HGETALL p99 µs": bare.p99,
            "ratio of p50": self.ratio,
        }


def _position_key(pair: Pair) -> str:
    return keys.position(BOOK, str(pair[0]), instrument_id(pair[1]))


def _one(_: Client, __: Pair) -> int:
    return 1


POSITION: Final = Query(
    "position",
    lambda client, pair: client.position(instrument_id(pair[1]), pair[0]),
    _one,
    _position_key,
)
BALANCE: Final = Query(
    "balance",
    lambda client, _: client.balance(VENUE, QUOTE),
    _one,
    lambda _: keys.balance(BOOK, VENUE, QUOTE),
)
NETTED: Final = Query(
    "netted position",
    lambda client, pair: client.position(instrument_id(pair[1])),
    lambda client, pair: len(_netted(client, pair)),
    _position_key,
)
PORTFOLIO: Final = Query(
    "strategy portfolio",
    lambda client, pair: client.strategy_portfolio(pair[0]),
    lambda client, pair: len(client.strategy_portfolio(pair[0]).positions) + 1,
    _position_key,
)
POSITIONS: Final = Query(
    "positions of a strategy",
    lambda client, pair: client.positions(strategy=pair[0]),
    lambda client, pair: len(client.positions(strategy=pair[0])),
    _position_key,
)
CHAIN: Final = Query(
    "chain balances",
    lambda client, _: client.chain_balances(0),
    lambda client, _: len(client.chain_balances(0)),
    lambda _: keys.balance(BOOK, VENUE, QUOTE),
)
TRACE: Final = Query(
    "trace",
    lambda client, _: client.trace(TRACE_ID),
    _one,
    lambda _: keys.trace(BOOK, TRACE_ID),
)

EVERY_QUERY: Final = (POSITION, BALANCE, TRACE, NETTED, POSITIONS, PORTFOLIO, CHAIN)


def time_query(
    client: Client, query: Query, pairs: Sequence[Pair], count: int, times: Times, seed: int
) -> None:
    """Ask about positions drawn at random, the bare read and the query in turns."""
    drawn = Random(seed)
    for number in range(count):
        pair = drawn.choice(pairs)
        key = query.beside(pair)
        if number % 2:
            times.bare.append(taken_ns(client.server.hgetall, key))
            times.query.append(taken_ns(query.ask, client, pair))
        else:
            times.query.append(taken_ns(query.ask, client, pair))
            times.bare.append(taken_ns(client.server.hgetall, key))


def taken_ns(run: Callable[..., object], *arguments: object) -> int:
    """How long a call takes."""
    started = time.perf_counter_ns()
    run(*arguments)
    return time.perf_counter_ns() - started


def _netted(client: Client, pair: Pair) -> tuple[object, ...]:
    found = client.position(instrument_id(pair[1]))
    return () if found is None else found.positions
