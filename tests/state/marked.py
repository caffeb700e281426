"""Marks on positions, and whether totals are the sums of what the positions are worth."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import NamedTuple

import redis

from pm import keys
from pm.decimals import ZERO, Amount
from pm.rules import laws_of_valuation
from pm.valuation.marking import FixedSlices, NewMark, recount, set_marks
from pm.valuation.snapshot import read_book
from tests.state.books import BOOK, PREFIX, Contents

MARKED_AT = "1700000000000000000"


class Worth(NamedTuple):
    """Valuation totals without tokens of which there is nothing."""

    market_value: dict[str, Amount]
    unrealized_pnl: dict[str, Amount]
    unmarked: int


def set_prices(client: redis.Redis, prices: Mapping[str, str]) -> None:
    """Mark positions, named `<strategy>:<instrument>`, at these prices; "" takes a mark away."""
    marks = [NewMark(member, price, MARKED_AT, "0") for member, price in prices.items()]
    set_marks(client, BOOK, marks, FixedSlices(7))


def members(held: Contents) -> list[str]:
    """Every position, open or flat."""
    start = PREFIX + "position:"
    return [key.removeprefix(start) for key in held if key.startswith(start)]


def recounted(decoding: redis.Redis) -> None:
    """Count the totals anew."""
    assert recount(decoding, read_book(decoding, BOOK))


def is_torn(client: redis.Redis) -> bool:
    """Whether the book says that its totals have to be counted anew."""
    return bool(client.hget(keys.book(BOOK), "valuation_torn") == b"1")


def worths(held: Contents) -> dict[str, Worth]:
    """The totals of the book ("") and of its strategies, as stored."""
    start = PREFIX + "strategy:"
    totals = {
        key.removeprefix(start): _worth(fields[1])
        for key, fields in held.items()
        if key.startswith(start)
    }
    return {**totals, "": _worth(held[PREFIX + "book"][1])}


def unsummed(held: Contents) -> list[str]:
    """Where totals are not the sums over positions."""
    hashes = {
        key.removeprefix(PREFIX): {name.decode(): text.decode() for name, text in fields.items()}
        for key, (kind, fields) in held.items()
        if kind == "hash"
    }
    return laws_of_valuation.differences(hashes)


def _worth(fields: Mapping[bytes, bytes]) -> Worth:
    def amounts(name: bytes) -> dict[str, Amount]:
        told: dict[str, str] = json.loads(fields.get(name, b"{}"))
        read = {token: Amount.parse(text) for token, text in told.items()}
        return {token: amount for token, amount in read.items() if amount != ZERO}

    unmarked = int(fields.get(b"unmarked", b"0"))
    return Worth(amounts(b"market_value"), amounts(b"unrealized_pnl"), unmarked)
