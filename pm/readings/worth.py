"""What all books together amount to, now and since the UTC day began."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import redis

from pm import keys
from pm.attribution.sums import add
from pm.books import reference_store
from pm.client.rates import Rates
from pm.decimals import Amount
from pm.readings.books import BookReading
from pm.settings import Settings
from pm.valuation.conversion import Conversion, published


@dataclass(frozen=True, slots=True, kw_only=True)
class Worth:
    """Money over all books, in `currency`; None is unknown.

    `value` and `unrealized_pnl` are those of the last mark-to-market; what was realized and paid
    today is converted at the rates of now.
    """

    currency: str
    value: Amount | None
    unrealized_pnl: Amount | None
    realized_today: Amount | None
    fees_today: Amount | None
    realized_today_by_token: Mapping[str, Amount]
    fees_today_by_token: Mapping[str, Amount]


def read_worth(client: redis.Redis, settings: Settings, books: Sequence[BookReading]) -> Worth:
    """What the books amount to; one book is valued alone, several together."""
    key = keys.valuation(books[0].name) if len(books) == 1 else keys.portfolio_valuation()
    stored: Any = client.hmget(key, ["equity", "unrealized_pnl"])
    value, unrealized = (None if not text else Amount.parse(_text(text)) for text in stored)
    realized: dict[str, Amount] = {}
    fees: dict[str, Amount] = {}
    for book in books:
        for token, amount in book.today.realized_pnl.items():
            add(realized, token, amount)
        for token, amount in book.today.fees.items():
            add(fees, token, amount)
    conversion = _conversion(client, settings, {*realized, *fees})
    return Worth(
        currency=settings.valuation.reporting_currency,
        value=value,
        unrealized_pnl=unrealized,
        realized_today=published(conversion.total(realized)),
        fees_today=published(conversion.total(fees)),
        realized_today_by_token=realized,
        fees_today_by_token=fees,
    )


def _conversion(client: redis.Redis, settings: Settings, tokens: set[str]) -> Conversion:
    reference = reference_store.load_version(client)
    rates = Rates(reference, settings.valuation)
    commands = rates.rate_commands(tokens)
    untyped: Any = client
    replies = [untyped.execute_command(*command) for command in commands]
    return Conversion(rates.prices(commands, replies), rates.reporting_currency)


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
