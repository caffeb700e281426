"""What the books hold at one location now, each book at one seq.

The stored keys are read in bounded slices, so that nobody waits for it. A book that moves on each
time it is read is folded from its last checkpoint instead.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

import redis

from pm import keys
from pm.books import opening
from pm.books.opening import BookError
from pm.connect.replies import text_of
from pm.decimals import Amount
from pm.reconcile.held import Held, HeldBalance, HeldPosition
from pm.rules.state import BookState

TRIES: Final = 3
KEYS_A_READ: Final = 500

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


def read_held(
    client: redis.Redis,
    books: Iterable[str],
    location: str,
    venue: str,
    fold: Callable[[str], BookState],
) -> Held:
    """What the books hold; `fold` gives a book's state now, for one that never stands still.

    BookError for a book that does not exist or holds what is no number.
    """
    held = Held(location)
    for book in books:
        for _ in range(TRIES):
            if _read_book(client, book, held, venue):
                break
        else:
            held.add_state(book, fold(book), venue)
    return held


def _read_book(client: redis.Redis, book: str, held: Held, venue: str) -> bool:
    """Take in what is stored of a book; False, and nothing taken, when it moved on meanwhile."""
    head = opening.head(client, book)
    if head is None:
        raise BookError(f"book {book} does not exist")
    tokens = _tokens(client, book, held.location)
    names = _position_names(client, book, venue)
    balance_keys = [keys.balance(book, held.location, token) for token in tokens]
    position_keys = [keys.position(book, strategy, instrument) for strategy, instrument in names]
    balances = _read(client, balance_keys, _BALANCE)
    positions = _read(client, position_keys, _POSITION)
    after = opening.head(client, book)
    if after is None or after.seq != head.seq:
        return False
    held.seqs[book] = head.seq
    for token, values in zip(tokens, balances, strict=True):
        total, available = (_amount(value, book, f"balance {token}") for value in values)
        held.balances[token][book] = HeldBalance(total, available)
    for (strategy, instrument), values in zip(names, positions, strict=True):
        place, *amounts, inverse, settlement, kind = values
        name = f"position {strategy}:{instrument}"
        quantity, cost, realized_pnl, multiplier = (_amount(value, book, name) for value in amounts)
        told = HeldPosition(
            strategy,
            quantity,
            cost,
            realized_pnl,
            multiplier,
            inverse == "1",
            settlement,
            kind,
        )
        held.add_position(book, instrument, place, venue, told)
    return True


def _read(client: redis.Redis, names: Sequence[str], fields: Sequence[str]) -> list[list[str]]:
    """Fields of hashes as text, "" for those that are not there."""
    found: list[list[str]] = []
    for start in range(0, len(names), KEYS_A_READ):
        pipeline = client.pipeline(transaction=False)
        for name in names[start : start + KEYS_A_READ]:
            pipeline.hmget(name, fields)
        found += [
            ["" if value is None else text_of(value) for value in values]
            for values in pipeline.execute()
        ]
    return found


def _tokens(client: redis.Redis, book: str, location: str) -> list[str]:
    members: Any = client.zrange(keys.balances(book), 0, -1)
    found = (text_of(member).rpartition(":") for member in members)
    return [token for place, _, token in found if place == location]


def _position_names(client: redis.Redis, book: str, venue: str) -> list[tuple[str, str]]:
    found = []
    for key in (keys.positions(book), keys.closed(book)):
        members: Any = client.zrange(key, 0, -1)
        for member in members:
            strategy, _, instrument = text_of(member).partition(":")
            if instrument.partition(".")[0] == venue:
                found.append((strategy, instrument))
    return found


def _amount(text: str, book: str, name: str) -> Amount:
    try:
        return Amount.parse(text)
    except ValueError:
        raise BookError(f"book {book}: {name} cannot be read: run `pm verify`") from None
