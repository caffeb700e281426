"""What an event leaves to reference data: its instrument, its place, its order, tokens of fees.

Every event of one version of the reference data is resolved by the same `Resolver`. What cannot be
said without guessing is `Unusable`, and so is a location that contradicts its chain: the same money
would lie in two places.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from pm.days import utc_day
from pm.events.event_values import MAX_CHAIN_ID
from pm.events.facts_text import summed_fees
from pm.events.instrument_facts import InstrumentFacts, assets_text
from pm.events.model import Fee
from pm.reference.chains import chain_of_location
from pm.reference.records import FEE_IN_RECEIVED
from pm.reference.snapshot import Reference


class Unusable(Exception):
    """An event whose facts cannot be said; `reason` is one word."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


class Resolver:
    """Answers by one version of the reference data; an instrument is rendered once."""

    def __init__(self, reference: Reference) -> None:
        self.reference: Final = reference
        self._instruments: dict[str, InstrumentFacts] = {}

    def instrument(self, instrument_id: str) -> InstrumentFacts:
        """Return an instrument; Unusable (unknown_instrument) for one without a record."""
        found = self._instruments.get(instrument_id)
        if found is None:
            instrument = self.reference.instrument(instrument_id)
            if instrument is None:
                raise Unusable("unknown_instrument", f"{instrument_id} is not in the reference")
            found = InstrumentFacts.of(instrument, self.reference)
            self._instruments[instrument_id] = found
        return found

    def maybe_instrument(self, instrument_id: str | None) -> InstrumentFacts | None:
        """Return an instrument, None for none."""
        return None if instrument_id is None else self.instrument(instrument_id)

    def order_id(self, venue: str, order_id: str, order_date: str | None, executed_at: int) -> str:
        """Return the order id, with its date where the venue uses order ids again."""
        if order_date is not None:
            return f"{order_id}.{order_date}"
        if self.reference.reuses_order_ids(venue):
            return f"{order_id}.{utc_day(executed_at)}"
        return order_id

    def place_of_order(
        self, venue: str, account: str | None, chain_id: int | None, known: InstrumentFacts | None
    ) -> tuple[str, int]:
        """Return location and chain of an order, on its instrument's chain, else its venue's."""
        if chain_id is None:
            chain_id = (
                self.reference.chain_of_venue(venue) if known is None else known.instrument.chain_id
            )
        return _checked(self.reference.location(venue, account, chain_id), chain_id)

    def place(
        self,
        location: str | None,
        account: str | None,
        venue: str | None,
        chain_id: int | None,
        known: InstrumentFacts | None = None,
    ) -> tuple[str, int]:
        """Return location and chain; an instrument knows its own where none is stated."""
        if chain_id is None:
            if location is not None:
                chain_id = chain_of_location(location)
            elif known is not None:
                chain_id = known.instrument.chain_id
            else:
                chain_id = self.reference.chain_of_venue(venue or "")
        if location is not None:
            return _checked(location, chain_id)
        if venue is None and known is not None:
            venue = known.instrument.venue
        location = self.reference.location(venue or "", account, chain_id)
        if not location:
            raise Unusable("unknown_location", "neither location, account, venue nor chain_id")
        return _checked(location, chain_id)

    def fees(
        self, fees: tuple[Fee, ...], known: InstrumentFacts | None, quantity: str
    ) -> tuple[Fee, ...]:
        """Return the fees, each in a token and none of them 0; the same token and class once.

        `quantity` tells buys from sells. Unusable (unknown_fee_token) where a token is not known.
        """
        found = []
        for fee in fees:
            if fee.amount == "0":
                continue
            if fee.token is None:
                fee = fee._replace(token=_fee_token(known, quantity))
            found.append(fee)
        return tuple(found) if len(found) < 2 else summed_fees(found)

    def assets(
        self, known: InstrumentFacts | None, tokens: Iterable[str | None], *more: InstrumentFacts
    ) -> str:
        """Return the assets of these tokens and of the instruments', where they differ."""
        assets: dict[str, str] = {}
        for other in more:
            assets |= other.assets
        for token in tokens:
            if token is not None and (asset := self.reference.asset(token)) != token:
                assets[token] = asset
        if known is None:
            return assets_text(assets)
        if assets.keys() <= known.assets.keys():
            return known.assets_text
        return assets_text({**known.assets, **assets})


@lru_cache(maxsize=4096)
def _checked(location: str, chain_id: int) -> tuple[str, int]:
    """Return both, unless the location ends with the name of another chain, or of none."""
    if chain_of_location(location) != chain_id or chain_id > MAX_CHAIN_ID:
        raise Unusable("location_mismatch", f"location {location} is not on chain {chain_id}")
    return location, chain_id


def _fee_token(known: InstrumentFacts | None, quantity: str) -> str:
    """Return the token of a fee that names none."""
    if known is None:
        raise Unusable("unknown_fee_token", "a fee names no token, and the event no instrument")
    instrument = known.instrument
    if instrument.fee_token == FEE_IN_RECEIVED and quantity == "0":
        detail = f"a fee of {instrument.id} is in what is received, and the side is unknown"
        raise Unusable("unknown_fee_token", detail)
    return instrument.fee_token_of(is_buy=not quantity.startswith("-"))
