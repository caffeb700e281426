"""Whether the books hold what the day adds up to, by the scenario's own arithmetic."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import redis

from pm import keys
from pm.decimals import Amount
from pm.demo.ledger import Ledger
from pm.demo.view import read_positions

Figures = dict[str, dict[str, str]]
"""Figures by name, of each position or balance by its place."""


def differences(client: redis.Redis, ledger: Ledger, books: Sequence[str]) -> list[str]:
    """One line for each figure that is not as expected; the client must decode."""
    return [
        *_compare(_expected_positions(ledger), _found_positions(client, books)),
        *_compare(_expected_balances(ledger), _found_balances(client, books)),
    ]


def _expected_positions(ledger: Ledger) -> Figures:
    return {
        f"book {key.book}: position {key.strategy} {key.instrument}": {
            "quantity": str(totals.quantity),
            "cost less realized P&L": str(totals.notional),
            "fees": _shown({token: str(fee) for token, fee in totals.fees.items()}),
        }
        for key, totals in ledger.positions.items()
    }


def _found_positions(client: redis.Redis, books: Sequence[str]) -> Figures:
    return {
        f"book {book}: position {row.strategy} {row.instrument}": {
            "quantity": row.quantity,
            "cost less realized P&L": str(Amount.parse(row.cost) - Amount.parse(row.realized_pnl)),
            "fees": _shown(row.fees),
        }
        for book in books
        for row in read_positions(client, book)
    }


def _expected_balances(ledger: Ledger) -> Figures:
    return {
        f"book {key.book}: balance {key.location} {key.token}": {"total": str(total)}
        for key, total in ledger.balances.items()
    }


def _found_balances(client: redis.Redis, books: Sequence[str]) -> Figures:
    found: Figures = {}
    for book in books:
        for member in client.zrange(keys.balances(book), 0, -1):
            if member != keys.SENTINEL:
                place, _, token = str(member).partition(":")
                total = client.hget(keys.balance(book, place, token), "total")
                found[f"book {book}: balance {place} {token}"] = {"total": str(total)}
    return found


def _compare(expected: Figures, found: Figures) -> Iterator[str]:
    for place in sorted({*expected, *found}):
        if place not in found:
            yield f"{place}: is missing"
        elif place not in expected:
            yield f"{place}: should not be there"
        else:
            for name, value in expected[place].items():
                present = found[place][name]
                if present != value:
                    yield f"{place}: {name} is {present}, should be {value}"


def _shown(fees: Mapping[str, str]) -> str:
    """Fees as text; a token whose fees and rebates cancel out counts as none."""
    return ", ".join(f"{fees[token]} {token}" for token in sorted(fees) if fees[token] != "0")
