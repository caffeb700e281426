"""Brings stored positions to the newest marks, a bounded slice a call.

`value` moves a position and the totals above it by the same difference, at the quantity the
position has when it is called, so fills that come in between do no harm. After a torn write the
totals are counted anew from all positions.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple, Protocol

import redis

from pm import keys
from pm.decimals import ZERO, Amount, multiply_divide
from pm.functions import library
from pm.valuation.held import HeldPosition
from pm.valuation.snapshot import BookSnapshot, open_positions

RECOUNT_TRIES: Final = 20
VALUE_SCALE: Final = 18


class NewMark(NamedTuple):
    """What a position is to be valued at; price "" takes its mark away. Time is ns text."""

    member: str
    price: str
    time: str
    stale: str


class SliceSize(Protocol):
    """How many positions the next call may value, learnt from what the last ones took."""

    def next(self) -> int:
        """Positions the next call may value."""

    def observe(self, events: int, taken_s: float) -> None:
        """Learn from a call."""


@dataclass(slots=True)
class FixedSlices:
    """Slices of one size: about a millisecond of the server each."""

    size: int = 16

    def next(self) -> int:
        """Positions the next call may value."""
        return self.size

    def observe(self, events: int, taken_s: float) -> None:
        """Nothing is learnt."""


class Marked(NamedTuple):
    """How many positions were valued, and the longest call, the way to the server included."""

    positions: int
    longest_s: float


@dataclass(slots=True)
class _Sums:
    market_value: dict[str, Amount] = field(default_factory=dict)
    unrealized_pnl: dict[str, Amount] = field(default_factory=dict)
    unmarked: int = 0

    def add(self, held: HeldPosition, value: Amount | None) -> None:
        if value is None:
            self.unmarked += 1
            return
        token = held.settlement
        self.market_value[token] = self.market_value.get(token, ZERO) + value
        unrealized = self.unrealized_pnl.get(token, ZERO) + value - held.cost
        self.unrealized_pnl[token] = unrealized

    def texts(self) -> list[str]:
        return [_text(self.market_value), _text(self.unrealized_pnl), str(self.unmarked)]


def market_value(held: HeldPosition, price: Amount | None) -> Amount | None:
    """Quantity * price * multiplier, inverse -quantity * multiplier / price to 18 decimals.

    None without a price, and for an inverse position at price 0.
    """
    if price is None:
        return None
    if not held.inverse:
        return held.quantity * price * held.multiplier
    if not price:
        return None
    return -multiply_divide(held.quantity, held.multiplier, price, VALUE_SCALE)


def set_marks(
    client: redis.Redis, book: str, marks: Sequence[NewMark], slices: SliceSize
) -> Marked:
    """Value positions at these marks."""
    done = valued = 0
    longest_s = 0.0
    while done < len(marks):
        batch = marks[done : done + slices.next()]
        done += len(batch)
        started = time.perf_counter()
        valued += _value(client, book, batch)
        taken_s = time.perf_counter() - started
        slices.observe(len(batch), taken_s)
        longest_s = max(longest_s, taken_s)
    return Marked(valued, longest_s)


def recount(client: redis.Redis, snapshot: BookSnapshot) -> bool:
    """Set the book's valuation totals to sums over its positions; False if it never stood still.

    `snapshot` must have been read after the last call of `set_marks`, by the only process that
    values the book.
    """
    for _ in range(RECOUNT_TRIES):
        names = list(snapshot.strategies)
        of_book, of_strategy = _count(open_positions(snapshot), names)
        arguments = [str(snapshot.seq_end), snapshot.valuation, *of_book.texts()]
        for name in names:
            arguments += of_strategy[name].texts()
        wanted = [
            keys.book(snapshot.book),
            *(keys.strategy(snapshot.book, name) for name in names),
        ]
        valuation = snapshot.valuation
        if library.call(client, "recount_valuation", wanted, arguments)[0] == "recounted":
            return True
        snapshot.advance(client)
        if snapshot.valuation != valuation:
            return False
    return False


def _value(client: redis.Redis, book: str, marks: Sequence[NewMark]) -> int:
    strategies = dict.fromkeys(mark.member.partition(":")[0] for mark in marks)
    prefix = keys.of_book(book, "position:")
    wanted = [keys.book(book), *(prefix + mark.member for mark in marks)]
    wanted += [keys.strategy(book, name) for name in strategies]
    reply = library.call(client, "value", wanted, [part for mark in marks for part in mark])
    if reply[0] != "valued":
        raise LookupError(f"book {book}: value answered {reply[0]}")
    return int(reply[2])


def _count(
    positions: Iterable[HeldPosition], strategies: Iterable[str]
) -> tuple[_Sums, dict[str, _Sums]]:
    of_book, of_strategy = _Sums(), {name: _Sums() for name in strategies}
    for held in positions:
        value = market_value(held, Amount.parse(held.mark) if held.mark else None)
        of_book.add(held, value)
        of_strategy[held.strategy].add(held, value)
    return of_book, of_strategy


def _text(amounts: Mapping[str, Amount]) -> str:
    ordered = {token: str(amounts[token]) for token in sorted(amounts)}
    return json.dumps(ordered, separators=(",", ":"))
