"""The terms of a trade: as its fill told them, as a correction changes them, and their version."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from pm.corrections.errors import CannotCorrect
from pm.corrections.steps import Version
from pm.decimals import ZERO, Amount
from pm.rules.facts import Fee, Terms
from pm.rules.legs import Leg, notional, unit_price


class TradeTerms(NamedTuple):
    """What a trade was; quantity 0 is a busted one, whose `unit_price` values the fees it keeps."""

    quantity: Amount
    price: Amount | None
    quote_amount: Amount | None
    fees: tuple[Fee, ...]
    unit_price: Amount | None = None

    @property
    def is_busted(self) -> bool:
        """Whether it did not happen."""
        return not self.quantity

    def version(self, terms: Terms) -> Version:
        """How it counts; CannotCorrect without a price."""
        if self.is_busted:
            return Version(None, self.fees, self.unit_price, counts=False)
        whole = notional(
            self.quantity, self.price, self.quote_amount, terms.multiplier, terms.inverse
        )
        if whole is None:
            raise CannotCorrect("price_missing", "the corrected trade has no price")
        one = unit_price(self.quantity, whole, self.price, self.quote_amount, terms.multiplier)
        return Version(Leg(self.quantity, whole), self.fees, one)

    def text(self) -> str:
        """The JSON a restatement holds of it."""
        parts = [f'"quantity":"{self.quantity}"']
        for name in ("price", "quote_amount", "unit_price"):
            value = getattr(self, name)
            if value is not None:
                parts.append(f'"{name}":"{value}"')
        return "{" + ",".join(parts) + f',"fees":{_fees_text(self.fees)}}}'


class Request(NamedTuple):
    """What is asked of a trade, as it is pending; None leaves a term as it was.

    `asked_seq` is the entry that asked for it, 0 where that does not matter.
    """

    correction: str
    action: str
    execution: str
    strategy: str
    quantity: Amount | None
    price: Amount | None
    quote_amount: Amount | None
    fees: tuple[Fee, ...] | None
    keep_fees: bool
    by: str
    why: str
    asked_seq: int = 0

    def applied_to(self, trade: TradeTerms, terms: Terms) -> TradeTerms:
        """The trade as the request makes it; CannotCorrect where that makes no sense."""
        if trade.is_busted:
            raise CannotCorrect("busted_before", "the trade was busted before")
        if self.action == "bust":
            fees = trade.fees if self.keep_fees else ()
            return TradeTerms(ZERO, None, None, fees, trade.version(terms).unit_price)
        quantity = trade.quantity if self.quantity is None else self.quantity
        if quantity.sign != trade.quantity.sign:
            raise CannotCorrect(
                "side_differs", "a buy cannot become a sell: bust it and tell the right trade"
            )
        price, quote_amount = trade.price, trade.quote_amount
        if self.price is not None or self.quote_amount is not None:
            price = trade.price if self.price is None else self.price
            quote_amount = self.quote_amount
        elif quote_amount is not None and quantity != trade.quantity:
            raise CannotCorrect(
                "price_missing", "the trade told its whole amount: tell the new one, or a price"
            )
        return TradeTerms(
            quantity, price, quote_amount, trade.fees if self.fees is None else self.fees
        )


def told_terms(told: Mapping[str, Any]) -> TradeTerms:
    """The terms in an object: the facts of a fill, or what a restatement holds."""
    return TradeTerms(
        Amount.parse(told["quantity"]),
        _maybe(told.get("price")),
        _maybe(told.get("quote_amount")),
        fees_of(told.get("fees") or ()),
        _maybe(told.get("unit_price")),
    )


def told_version(told: Mapping[str, Any]) -> Version:
    """The version in an object of a restatement."""
    quantity = Amount.parse(told["quantity"])
    main = Leg(quantity, Amount.parse(told["notional"])) if quantity else None
    fees, unit_price = fees_of(told["fees"]), _maybe(told.get("unit_price"))
    return Version(main, fees, unit_price, told["counts"] == "1")


def version_text(version: Version) -> str:
    """The JSON a restatement holds of a version."""
    quantity, notional_ = version.main or (ZERO, ZERO)
    price = "" if version.unit_price is None else f',"unit_price":"{version.unit_price}"'
    return (
        f'{{"quantity":"{quantity}","notional":"{notional_}"{price}'
        f',"fees":{_fees_text(version.fees)},"counts":"{int(version.counts)}"}}'
    )


def _fees_text(fees: tuple[Fee, ...]) -> str:
    rows = ",".join(
        f'["{fee.token}","{fee.amount}","{"gas" if fee.gas else "trading"}"]' for fee in fees
    )
    return f"[{rows}]"


def fees_of(rows: Any) -> tuple[Fee, ...]:
    """Fees from their lists, without those of 0."""
    fees = [Fee(token, Amount.parse(text), kind == "gas") for token, text, kind in rows]
    return tuple(fee for fee in fees if fee.amount)


def amounts_of(fees: Iterable[Fee]) -> dict[str, Amount]:
    """The amounts of fees by token."""
    amounts: dict[str, Amount] = {}
    for fee in fees:
        amounts[fee.token] = amounts.get(fee.token, ZERO) + fee.amount
    return amounts


def _maybe(text: str | None) -> Amount | None:
    return None if not text else Amount.parse(text)
