"""What the books hold at one location: of every book, at one of its seqs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import redis

from pm import keys
from pm.books import opening
from pm.books.opening import BookError
from pm.decimals import ZERO, Amount
from pm.rules.state import BookState

_TRIES: Final = 20
_BALANCE: Final = ("total", "available")
_POSITION: Final = (
    "location",
    "quantity",
    "cost",
    "realized_pnl",
    "multiplier",
    "inverse",
    "settlement",
    "instrument_kind",
)


class HeldBalance(NamedTuple):
    """One token of one book."""

    total: Amount
    available: Amount


class HeldPosition(NamedTuple):
    """One strategy's position; P&L and cost in its settlement token."""

    strategy: str
    quantity: Amount
    cost: Amount
    realized_pnl: Amount
    multiplier: Amount
    inverse: bool
    settlement: str
    kind: str


@dataclass(slots=True)
class Held:
    """Balances by token and positions by instrument, each by book; `seqs` says when."""

    location: str
    seqs: dict[str, int] = field(default_factory=dict)
    balances: dict[str, dict[str, HeldBalance]] = field(default_factory=lambda: defaultdict(dict))
    positions: dict[str, dict[str, list[HeldPosition]]] = field(
        default_factory=lambda: defaultdict(dict)
    )

    def total(self, token: str) -> Amount:
        """The token's total over all books."""
        return _sum(held.total for held in self.balances.get(token, {}).values())

    def available(self, token: str) -> Amount:
        """What of it no order holds back."""
        return _sum(held.available for held in self.balances.get(token, {}).values())

    def quantity(self, instrument: str) -> Amount:
        """The instrument's quantity over all books and strategies."""
        return _sum(held.quantity for held in self.all_positions(instrument))

    def all_positions(self, instrument: str) -> list[HeldPosition]:
        """Its positions in all books."""
        books = self.positions.get(instrument, {})
        return [held for book in sorted(books) for held in books[book]]


def read_held(client: redis.Redis, books: Iterable[str], location: str, venue: str) -> Held:
    """What the books hold now; BookError for one that never stands still."""
    held = Held(location)
    for book in books:
        _read_book(client, book, held, venue)
    return held


def held_of_states(states: Iterable[tuple[str, BookState]], location: str, venue: str) -> Held:
    """What folded books hold."""
    held = Held(location)
    for book, state in states:
        held.seqs[book] = state.seq
        for balance in state.balances.values():
            if balance.location == location:
                of = balance.balance
                held.balances[balance.token][book] = HeldBalance(of.total, of.available)
        for record in state.positions.values():
            if _lies(record.instrument, record.place.location, location, venue):
                terms, position = record.terms, record.position
                told = HeldPosition(
                    record.strategy,
                    position.quantity,
                    position.cost,
                    position.realized_pnl,
                    terms.multiplier,
                    terms.inverse,
                    terms.settlement,
                    terms.kind,
                )
                held.positions[record.instrument].setdefault(book, []).append(told)
    return held


def _read_book(client: redis.Redis, book: str, held: Held, venue: str) -> None:
    for _ in range(_TRIES):
        head = opening.head(client, book)
        if head is None:
            raise BookError(f"book {book} does not exist")
        # One transaction, so that all of it is of one seq; the lists may be older.
        tokens = _tokens(client, book, held.location)
        names = _position_names(client, book, venue)
        with client.pipeline(transaction=True) as pipeline:
            pipeline.hget(keys.book(book), "seq")
            for token in tokens:
                pipeline.hmget(keys.balance(book, held.location, token), _BALANCE)
            for strategy, instrument in names:
                pipeline.hmget(keys.position(book, strategy, instrument), _POSITION)
            seq, *found = pipeline.execute()
        if int(seq) == head.seq:
            break
    else:
        raise BookError(f"book {book} is too busy to be read at one seq: try again, or say --at")
    held.seqs[book] = head.seq
    for token, values in zip(tokens, found, strict=False):
        total, available = (_amount(value, book, f"balance {token}") for value in values)
        held.balances[token][book] = HeldBalance(total, available)
    for (strategy, instrument), values in zip(names, found[len(tokens) :], strict=True):
        place, *amounts, inverse, settlement, kind = values
        if _lies(instrument, _text(place), held.location, venue):
            name = f"position {strategy}:{instrument}"
            quantity, cost, realized_pnl, multiplier = (
                _amount(value, book, name) for value in amounts
            )
            told = HeldPosition(
                strategy,
                quantity,
                cost,
                realized_pnl,
                multiplier,
                _text(inverse) == "1",
                _text(settlement),
                _text(kind),
            )
            held.positions[instrument].setdefault(book, []).append(told)


def _tokens(client: redis.Redis, book: str, location: str) -> list[str]:
    members: Any = client.zrange(keys.balances(book), 0, -1)
    found = (_text(member).rpartition(":") for member in members)
    return [token for place, _, token in found if place == location]


def _position_names(client: redis.Redis, book: str, venue: str) -> list[tuple[str, str]]:
    found = []
    for key in (keys.positions(book), keys.closed(book)):
        members: Any = client.zrange(key, 0, -1)
        for member in members:
            strategy, _, instrument = _text(member).partition(":")
            if instrument.partition(".")[0] == venue:
                found.append((strategy, instrument))
    return found


def _lies(instrument: str, place: str, location: str, venue: str) -> bool:
    """Whether a position is of the venue and, as far as it says where it lies, at the location."""
    return instrument.partition(".")[0] == venue and place in ("", location)


def _sum(amounts: Iterable[Amount]) -> Amount:
    summed = ZERO
    for amount in amounts:
        summed += amount
    return summed


def _amount(value: Any, book: str, name: str) -> Amount:
    try:
        return Amount.parse(_text(value))
    except ValueError:
        raise BookError(f"book {book}: {name} cannot be read: run `pm verify`") from None


def _text(value: bytes | str | None) -> str:
    if value is None:
        return ""
    return value.decode() if isinstance(value, bytes) else value
