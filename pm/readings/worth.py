"""What all books together amount to, now and since the UTC day began."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import redis

from pm import keys
from pm.attribution.sums import add
from pm.books import reference_store
from pm.connect.replies import text_of
from pm.decimals import ZERO, Amount
from pm.marks import store
from pm.readings.today import TodayReading
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


def read_worth(client: redis.Redis, settings: Settings, today: Mapping[str, TodayReading]) -> Worth:
    """What the books amount to, given their days; one is valued alone, several together."""
    key = keys.valuation(next(iter(today))) if len(today) == 1 else keys.portfolio_valuation()
    stored: Any = client.hmget(key, ["equity", "unrealized_pnl"])
    value, unrealized = (None if not text else Amount.parse(text_of(text)) for text in stored)
    realized: dict[str, Amount] = {}
    fees: dict[str, Amount] = {}
    for day in today.values():
        for token, amount in day.realized_pnl.items():
            add(realized, token, amount)
        for token, amount in day.fees.items():
            add(fees, token, amount)
    realized_worth, fees_worth = _converted(client, settings, realized, fees)
    return Worth(
        currency=settings.valuation.reporting_currency,
        value=value,
        unrealized_pnl=unrealized,
        realized_today=realized_worth,
        fees_today=fees_worth,
        realized_today_by_token=realized,
        fees_today_by_token=fees,
    )


def _converted(
    client: redis.Redis, settings: Settings, *sums: Mapping[str, Amount]
) -> list[Amount | None]:
    if not any(amount for amounts in sums for amount in amounts.values()):
        return [ZERO for _ in sums]
    reference = reference_store.load_version(client)
    prices = store.read_prices(client, settings.valuation, reference, time.time_ns())
    conversion = Conversion(prices, settings.valuation.reporting_currency)
    return [published(conversion.total(amounts)) for amounts in sums]
