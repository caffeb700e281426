"""What one event says, as the journal keeps it: a JSON object of texts.

Facts are read as they are needed, so that a duplicate costs no arithmetic. An absent key means the
default or unknown; a key a rule cannot do without raises FactsError, which names the key and the
place of the event. Every rule reads facts through this module and never the JSON itself.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

from pm.decimals import Amount

_PLACE = ("lane", "entry", "index")


class FactsError(ValueError):
    """The facts of an event lack what a rule needs, or are no facts at all."""


class Fee(NamedTuple):
    """A fee in one token: above zero paid, below zero a rebate; gas never touches a position."""

    token: str
    amount: Amount
    gas: bool


@dataclass(frozen=True, slots=True)
class Terms:
    """What an instrument is, as far as accounting asks; `dust` is the quantity counted as flat."""

    kind: str
    base: str
    quote: str
    settlement: str
    multiplier: Amount
    inverse: bool
    dust: Amount


class Place(NamedTuple):
    """Where something lies: a location and its chain, "0" for none."""

    location: str
    chain_id: str


@lru_cache(maxsize=4096)
def _terms(
    kind: str,
    base: str,
    quote: str,
    settlement: str,
    multiplier: str,
    inverse: str,
    dust: str,
) -> Terms:
    terms = Terms(
        kind=kind,
        base=base,
        quote=quote,
        settlement=settlement,
        multiplier=Amount.parse(multiplier),
        inverse=inverse == "1",
        dust=Amount.parse(dust),
    )
    if terms.multiplier.sign <= 0 or terms.dust.sign < 0:
        raise ValueError(f"multiplier {multiplier} or dust {dust} out of range")
    return terms


@dataclass(frozen=True, slots=True)
class Facts:
    """One event: its JSON text, the object in it, and its kind."""

    text: str
    values: Mapping[str, Any]
    kind: str

    @classmethod
    def parse(cls, text: str) -> "Facts":
        """Read facts from their JSON text; FactsError when it is no object with a kind."""
        try:
            values = json.loads(text)
        except ValueError as error:
            raise FactsError(f"facts are not JSON: {error}") from None
        if not isinstance(values, dict) or not isinstance(values.get("kind"), str):
            raise FactsError("facts are not a JSON object with a kind")
        return cls(text, values, values["kind"])

    @property
    def place(self) -> str:
        """Lane, entry and index, for messages."""
        get = self.values.get
        return f"{get('lane', '?')} {get('entry', '?')}[{get('index', '0')}]"

    def word(self, name: str) -> str | None:
        """The text under `name`, None when absent."""
        value = self.values.get(name)
        if value is None or isinstance(value, str):
            return value
        raise FactsError(f"{self.place}: {name} is not a text")

    def need(self, name: str) -> str:
        """The text under `name`; FactsError when absent."""
        value = self.values.get(name)
        if isinstance(value, str):
            return value
        raise FactsError(f"{self.place}: a {self.kind} without a text {name}")

    def amount(self, name: str) -> Amount | None:
        """The amount under `name`, None when absent."""
        value = self.word(name)
        return None if value is None else self._parsed(name, value)

    def need_amount(self, name: str) -> Amount:
        """The amount under `name`; FactsError when absent."""
        return self._parsed(name, self.need(name))

    def _parsed(self, name: str, value: str) -> Amount:
        try:
            return Amount.parse(value)
        except ValueError as error:
            raise FactsError(f"{self.place}: {name}: {error}") from None

    def whole(self, name: str) -> int:
        """The count or time (ns) under `name`; FactsError when absent or not in digits only."""
        value = self.need(name)
        if not (value.isascii() and value.isdigit()):
            raise FactsError(f"{self.place}: {name} {value!r} is not a whole number")
        return int(value)

    def fees(self) -> tuple[Fee, ...] | None:
        """The fees in the order given; None when not stated, which is not the same as none."""
        rows = self.values.get("fees")
        if rows is None:
            return None
        try:
            fees = [Fee(token, Amount.parse(text), kind == "gas") for token, text, kind in rows]
        except (TypeError, ValueError) as error:
            raise FactsError(f"{self.place}: fees: {error}") from None
        return tuple([fee for fee in fees if fee.amount])

    def amounts(self, name: str) -> dict[str, Amount]:
        """The amounts by token under `name`; FactsError when absent."""
        told = self.values.get(name)
        if not isinstance(told, dict):
            raise FactsError(f"{self.place}: {name} is not an object")
        return {token: self._parsed(name, text) for token, text in told.items()}

    def trace(self) -> Mapping[str, str] | None:
        """The trace the event is a step of, None when it names none."""
        given: Mapping[str, str] | None = self.values.get("trace")
        if given is not None and "id" not in given:
            raise FactsError(f"{self.place}: a trace without id")
        return given

    def terms(self) -> Terms | None:
        """The instrument's terms; None when the event names no instrument."""
        get = self.values.get
        if get("instrument") is None:
            return None
        texts = (
            self.need("instrument_kind"),
            self.need("base"),
            self.need("quote"),
            self.need("settlement"),
            get("multiplier", "1"),
            get("inverse", "0"),
            get("dust", "0"),
        )
        try:
            return _terms(*texts)
        except (TypeError, ValueError) as error:
            raise FactsError(f"{self.place}: instrument terms: {error}") from None

    def need_terms(self) -> Terms:
        """The instrument's terms; FactsError when the event names no instrument."""
        terms = self.terms()
        if terms is None:
            raise FactsError(f"{self.place}: a {self.kind} without an instrument")
        return terms

    def within(self, name: str) -> "Facts | None":
        """The object under `name` as facts of their own, None when absent."""
        nested = self.values.get(name)
        if nested is None:
            return None
        if not isinstance(nested, dict):
            raise FactsError(f"{self.place}: {name} is not an object")
        place = {key: self.values[key] for key in _PLACE if key in self.values}
        return Facts("", place | nested, f"{self.kind}'s {name}")

    def location(self) -> str:
        """Where the balances lie: the stated location, else the venue."""
        return self.word("location") or self.need("venue")

    def told_place(self) -> Place:
        """Where the event says its position lies; no location is "", no chain "0"."""
        return Place(self.word("location") or "", self.chain_id())

    def chain_id(self) -> str:
        """The chain of the location, "0" for none."""
        return self.word("chain_id") or "0"

    def asset(self, token: str) -> str:
        """The asset a token counts as in traces: itself unless stated."""
        assets: Mapping[str, str] = self.values.get("assets") or {}
        return assets.get(token, token)
