"""Marks for a query: which few are needed, and what they make of a position or of token totals.

Only the marks a figure can depend on are read. Rates and prices follow the same rules as the
mark-to-market (`pm.marks.rates`), at the time of the question.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pm import keys
from pm.client.amounts import parse_amount
from pm.client.plan import Command
from pm.client.results import LiveValue
from pm.decimals import Amount, multiply_divide
from pm.marks.rates import PEG_CURRENCY, UNIT_KINDS, Prices
from pm.marks.stored import current_marks, splits_by_instrument
from pm.reference.snapshot import Reference
from pm.settings import ValuationSettings

_VALUE_DECIMALS = 18


class Rates:
    """What one client needs to know to read marks; built once, it only remembers what to ask."""

    def __init__(self, reference: Reference | None, valuation: ValuationSettings) -> None:
        self._reference = reference or Reference.build(0)
        self._valuation = valuation
        self._tokens_of: dict[str, list[str]] | None = None
        self._spot_of: dict[tuple[str, str], list[str]] = {}
        self._last_asked: tuple[str, ...] = ()
        self._last_commands: list[Command] = []

    @property
    def reporting_currency(self) -> str:
        """What figures are converted to."""
        return self._valuation.reporting_currency

    @property
    def last_asked(self) -> tuple[str, ...]:
        """The tokens of the last conversion, sorted: most likely those of the next."""
        return self._last_asked

    def terms_of(self, instrument: str) -> tuple[str, str] | None:
        """Base and quote of an instrument, None without a record."""
        record = self._reference.instrument(instrument)
        return None if record is None else (record.base, record.quote)

    def price_commands(self, instrument: str, base: str, quote: str) -> list[Command]:
        """What the price of an instrument needs."""
        fields = [f"{instrument}/{quote}", *self._pair_fields(base, quote, spot=False)]
        return [("HMGET", keys.marks(), *fields), ("HGETALL", keys.splits())]

    def rate_commands(self, tokens: Iterable[str]) -> list[Command]:
        """What the rates of tokens to the reporting currency need, for as few as there may be."""
        asked = tuple(sorted(tokens))
        if asked != self._last_asked or not self._last_commands:
            fields = self._rate_fields(asked)
            self._last_commands = [("HMGET", keys.marks(), *fields), ("HGETALL", keys.splits())]
            self._last_asked = asked
        return self._last_commands

    def prices(self, commands: Sequence[Command], replies: Sequence[Any]) -> Prices:
        """The rate set of the replies to `price_commands` or `rate_commands`."""
        marks = [
            mark
            for field, text in zip(commands[0][2:], replies[0], strict=True)
            if text is not None
            for mark in current_marks(field, text)
        ]
        return Prices(
            marks,
            splits_by_instrument(replies[1]),
            self._reference,
            now_ns=time.time_ns(),
            max_age_s=self._valuation.mark_max_age_seconds,
            hubs=self._valuation.hubs,
            assume_peg=self._valuation.assume_peg,
        )

    def live_value(self, values: Mapping[str, str], replies: Sequence[Any]) -> LiveValue | None:
        """A position's hash at the newest mark, from the replies to its `price_commands`."""
        instrument, base, quote = values["instrument_id"], values["base"], values["quote"]
        prices = self.prices(self.price_commands(instrument, base, quote), replies)
        price = prices.price((instrument, quote))
        if price.value is None or price.time is None:
            return None
        value = _value(values, price.value)
        cost = parse_amount(values["cost"])
        return LiveValue(
            mark=price.value,
            mark_time=price.time,
            is_stale=price.is_stale,
            market_value=value,
            unrealized_pnl=None if value is None else value - cost,
        )

    def _rate_fields(self, tokens: Iterable[str]) -> list[str]:
        target = self._reference.asset(self.reporting_currency)
        hubs = [self._reference.asset(hub) for hub in (*self._valuation.hubs, PEG_CURRENCY)]
        fields: dict[str, None] = {f"{target}/{target}": None}
        for token in tokens:
            asset = self._reference.asset(token)
            pairs = [(asset, target)]
            for hub in hubs:
                pairs += [(asset, hub), (hub, target)]
            for left, right in pairs:
                if left != right:
                    fields.update(dict.fromkeys(self._pair_fields(left, right, spot=True)))
                    fields.update(dict.fromkeys(self._pair_fields(right, left, spot=True)))
        return list(fields)

    def _pair_fields(self, base: str, quote: str, *, spot: bool) -> list[str]:
        """The fields that may hold a mark of a pair of tokens, or of what is worth the same."""
        if self._tokens_of is None:
            self._index()
        assert self._tokens_of is not None
        left, right = self._reference.asset(base), self._reference.asset(quote)
        quotes = self._tokens_of.get(right, [right])
        fields = [f"{one}/{two}" for one in self._tokens_of.get(left, [left]) for two in quotes]
        return [*fields, *self._spot_of.get((left, right), ())] if spot else fields

    def _index(self) -> None:
        tokens: dict[str, list[str]] = {}
        for token in self._reference.tokens.values():
            tokens.setdefault(token.asset, [token.asset]).append(token.id)
        self._tokens_of = {asset: list(dict.fromkeys(ids)) for asset, ids in tokens.items()}
        for record in self._reference.instruments.values():
            if record.kind in UNIT_KINDS:
                pair = self._reference.asset(record.base), self._reference.asset(record.quote)
                self._spot_of.setdefault(pair, []).append(f"{record.id}/{record.quote}")


def _value(values: Mapping[str, str], price: Amount) -> Amount | None:
    quantity, multiplier = parse_amount(values["quantity"]), parse_amount(values["multiplier"])
    if values["inverse"] != "1":
        return quantity * price * multiplier
    return -multiply_divide(quantity, multiplier, price, _VALUE_DECIMALS) if price else None
