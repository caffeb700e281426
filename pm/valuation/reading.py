"""Reads a book's collections in slices: each call is short, however much the book holds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

import redis

from pm import keys
from pm.decimals import Amount
from pm.valuation.held import (
    POSITION_FIELDS,
    TOKEN_TOTALS,
    TOTALS,
    HeldBalance,
    HeldPosition,
    PendingTransfer,
    StrategyTotals,
    amounts_of,
    pending_of,
    position_of,
)

COMMANDS_A_SLICE: Final = 200
MEMBERS_A_SLICE: Final = 1_000

_STRATEGY_FIELDS: Final = ("seq", *TOTALS, *TOKEN_TOTALS)
_BOOK_FIELDS: Final = ("seq", "in_flight", "receivables", "valuation", "valuation_torn")
_BALANCE_FIELDS: Final = ("location", "token", "total", "available", "seq")
_PENDING_FIELDS: Final = (
    "kind",
    "status",
    "strategy",
    "instrument",
    "quantity",
    "cost",
    "seq",
)


@dataclass(frozen=True, slots=True)
class Head:
    """Where a book stands, and what its hash holds beside positions and balances."""

    seq: int
    in_flight: dict[str, Amount]
    receivables: dict[str, Amount]
    valuation: str
    is_torn_valuation: bool


def read_head(client: redis.Redis, book: str) -> Head:
    """The book's hash, as of one seq; LookupError when there is no such book."""
    found: Any = client.hmget(keys.book(book), _BOOK_FIELDS)
    seq, in_flight, receivables, valuation, torn = found
    if seq is None:
        raise LookupError(f"book {book} does not exist")
    return Head(
        int(seq), amounts_of(in_flight), amounts_of(receivables), valuation or "0", torn == "1"
    )


def members(client: redis.Redis, key: str) -> Iterator[str]:
    """The members of a list of names. All have the same score, so they are in byte order."""
    low = "-"
    while True:
        found: Any = client.zrangebylex(key, low, "+", start=0, num=MEMBERS_A_SLICE)
        yield from (member for member in found if member != keys.SENTINEL)
        if len(found) < MEMBERS_A_SLICE:
            return
        low = f"({found[-1]}"


def _hashes(
    client: redis.Redis, names: Iterable[str], key: Any, wanted: Sequence[str]
) -> Iterator[tuple[str, list[Any]]]:
    """The wanted fields of the hash of each name, those that do not exist left out."""
    waiting = iter(names)
    while batch := list(islice(waiting, COMMANDS_A_SLICE)):
        pipeline = client.pipeline(transaction=False)
        for name in batch:
            pipeline.hmget(key(name), wanted)
        for name, values in zip(batch, pipeline.execute(), strict=True):
            if any(value is not None for value in values):
                yield name, values


def read_positions(
    client: redis.Redis, book: str, names: Iterable[str]
) -> Iterator[tuple[str, HeldPosition]]:
    """The positions of these names, `<strategy>:<instrument>`, that exist."""
    prefix = keys.of_book(book, "position:")
    for member, values in _hashes(client, names, lambda name: prefix + name, POSITION_FIELDS):
        strategy, _, instrument = member.partition(":")
        yield member, position_of(strategy, instrument, values)


def read_balances(client: redis.Redis, book: str) -> tuple[dict[str, HeldBalance], int]:
    """The balances, and the newest seq among them."""
    prefix = keys.of_book(book, "balance:")
    balances, newest = {}, 0
    names = members(client, keys.balances(book))
    for member, values in _hashes(client, names, lambda name: prefix + name, _BALANCE_FIELDS):
        location, token, total, available, seq = values
        balances[member] = HeldBalance(
            location, token, Amount.parse(total), Amount.parse(available)
        )
        newest = max(newest, int(seq))
    return balances, newest


def read_strategies(client: redis.Redis, book: str) -> dict[str, StrategyTotals]:
    """The totals of all strategies."""
    names = members(client, keys.strategies(book))
    found = _hashes(client, names, lambda name: keys.strategy(book, name), _STRATEGY_FIELDS)
    return {
        name: StrategyTotals(int(values[0]), *(amounts_of(text) for text in values[1:]))
        for name, values in found
    }


def read_pendings(client: redis.Redis, book: str) -> dict[str, PendingTransfer]:
    """The transfers that have a position on its way, by their id."""
    names = members(client, keys.pendings(book))
    pendings = {}
    for name, values in _hashes(
        client, names, lambda name: keys.pending(book, name), _PENDING_FIELDS
    ):
        pending = pending_of(dict(zip(_PENDING_FIELDS, values, strict=True)))
        if pending is not None:
            pendings[name.partition(".")[2]] = pending
    return pendings
