"""Whether the books hold what the day adds up to, by the scenario's own arithmetic."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import redis

from pm import keys
from pm.client.results import Amounts
from pm.decimals import Amount
from pm.demo.appraisal import Appraisal
from pm.demo.exact import text_of
from pm.demo.ledger import Ledger
from pm.demo.view import read_positions
from pm.demo.worth import Worth

Figures = dict[str, dict[str, str]]
"""Figures by name, of each position or balance by its place."""


def differences(client: redis.Redis, ledger: Ledger, books: Sequence[str]) -> list[str]:
    """One line for each figure that is not as expected; the client must decode."""
    return [
        *_compare(_expected_positions(ledger), _found_positions(client, books)),
        *_compare(_expected_balances(ledger), _found_balances(client, books)),
    ]


def worth_differences(appraisal: Appraisal, worth: Worth) -> list[str]:
    """One line for each figure of the last mark-to-market that is not as expected."""
    return list(_compare(_expected_worth(worth), _found_worth(appraisal)))


def _expected_worth(worth: Worth) -> Figures:
    figures = {
        "all books": {
            "equity": text_of(worth.equity),
            "unrealized P&L": text_of(worth.unrealized),
        }
    }
    for book, equity in worth.equity_of_books.items():
        unrealized = worth.unrealized_of_books[book]
        shown = {token: text_of(amount) for token, amount in unrealized.items()}
        figures[f"book {book}"] = {"equity": text_of(equity), "unrealized P&L": _shown(shown)}
    for strategy, equity in worth.equity_of_strategies.items():
        figures[f"strategy {strategy}"] = {
            "equity": text_of(equity),
            "unrealized P&L": text_of(worth.unrealized_of_strategies[strategy]),
        }
    return figures


def _found_worth(appraisal: Appraisal) -> Figures:
    whole = appraisal.whole.valuation
    figures = {"all books": _known(whole.equity, whole.unrealized_pnl) if whole else {}}
    for book, summary in appraisal.books.items():
        equity = summary.valuation.equity if summary.valuation else None
        figures[f"book {book}"] = {
            "equity": str(equity),
            "unrealized P&L": _shown(_texts(summary.unrealized_pnl)),
        }
    for strategy, found in appraisal.strategies.items():
        valuation = found.valuation
        figures[f"strategy {strategy}"] = (
            _known(valuation.equity, valuation.unrealized_pnl) if valuation else {}
        )
    return figures


def _known(equity: Amount | None, unrealized: Amount | None) -> dict[str, str]:
    return {"equity": str(equity), "unrealized P&L": str(unrealized)}


def _texts(amounts: Amounts) -> dict[str, str]:
    return {token: str(amount) for token, amount in amounts.items()}


def _expected_positions(ledger: Ledger) -> Figures:
    return {
        f"book {key.book}: position {key.strategy} {key.instrument}": {
            "quantity": text_of(held.quantity),
            "cost": text_of(held.cost),
            "realized P&L": text_of(held.realized),
            "carry": text_of(held.carry),
            "transfer cost": text_of(held.transfer_cost),
            "fees": _shown({token: text_of(fee) for token, fee in held.fees.items()}),
        }
        for key, held in ledger.positions.items()
    }


def _found_positions(client: redis.Redis, books: Sequence[str]) -> Figures:
    return {
        f"book {book}: position {row.strategy} {row.instrument}": {
            "quantity": row.quantity,
            "cost": row.cost,
            "realized P&L": row.realized_pnl,
            "carry": row.carry,
            "transfer cost": row.transfer_cost,
            "fees": _shown(row.fees),
        }
        for book in books
        for row in read_positions(client, book)
    }


def _expected_balances(ledger: Ledger) -> Figures:
    return {
        f"book {key.book}: balance {key.location} {key.token}": {
            "total": text_of(total),
            "reserved": "0",
        }
        for key, total in ledger.balances.items()
    }


def _found_balances(client: redis.Redis, books: Sequence[str]) -> Figures:
    found: Figures = {}
    for book in books:
        for member in client.zrange(keys.balances(book), 0, -1):
            if member != keys.SENTINEL:
                place, _, token = str(member).partition(":")
                balance = keys.balance(book, place, token)
                total, reserved = client.hmget(balance, ("total", "reserved"))
                figures = {"total": str(total), "reserved": str(reserved)}
                found[f"book {book}: balance {place} {token}"] = figures
    return found


def _compare(expected: Figures, found: Figures) -> Iterator[str]:
    for place in sorted({*expected, *found}):
        if place not in found:
            yield f"{place}: is missing"
        elif place not in expected:
            yield f"{place}: should not be there"
        else:
            for name, value in expected[place].items():
                present = found[place].get(name, "missing")
                if present != value:
                    yield f"{place}: {name} is {present}, should be {value}"


def _shown(fees: Mapping[str, str]) -> str:
    """Fees as text; a token whose fees and rebates cancel out counts as none."""
    return ", ".join(f"{fees[token]} {token}" for token in sorted(fees) if fees[token] != "0")
