"""Events to facts: the one JSON text per event that is applied to the books and journaled.

Facts carry everything accounting needs, so that the books never ask reference data again: the
instrument's kind, tokens and multiplier, the tokens of fees, the location and the day. An event
for which that cannot be said becomes quarantined facts; it is never applied by guessing.

The text is joined from pieces, in the order of its keys: what an instrument contributes is rendered
once, which takes half the time of dumping a dict. It needs no quoting, because ids are restricted
to characters that need none and everything else is digits.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from pm.events.facts_text import (
    Place,
    fees_text,
    head,
    nothing_facts,
    optional,
    quarantined_facts,
    summed_fees,
    trace_text,
    utc_day,
)
from pm.events.instrument_facts import InstrumentFacts, assets_text
from pm.events.message import pack
from pm.events.model import (
    CapitalFlow,
    Event,
    ExecutionResult,
    Fee,
    Fill,
    OrderStatus,
    Quarantined,
    Rejected,
)
from pm.events.replay import event_from_facts
from pm.reference.chains import chain_of_location
from pm.reference.records import FEE_IN_RECEIVED
from pm.reference.snapshot import Reference

__all__ = ["Facts", "Place", "event_from_facts", "nothing_facts", "quarantined_facts"]

OrderEvent = Fill | ExecutionResult | Rejected | OrderStatus
_SIGN_OF_SIDE: Final = {"buy": "1", "sell": "-1", None: "0"}


class Facts:
    """The facts of events, by one version of the reference data."""

    def __init__(self, reference: Reference) -> None:
        self.reference: Final = reference
        self._instruments: dict[str, InstrumentFacts] = {}

    def text(self, event: Event | Quarantined, place: Place, raw: bytes | None = None) -> str:
        """Return the facts of an event, quarantined ones where it cannot be applied.

        `raw` is what was received, for the hash in quarantined facts; without it, the event's own
        message is hashed.
        """
        if isinstance(event, Quarantined):
            return quarantined_facts(place, event.reason, event.detail, raw or b"")
        try:
            if isinstance(event, Fill):
                return self._fill(event, place)
            if isinstance(event, ExecutionResult):
                return self._execution_result(event, place)
            if isinstance(event, CapitalFlow):
                return self._capital_flow(event, place)
            return self._order_event(event, place)
        except _Unusable as error:
            raw = pack(event) if raw is None else raw
            return quarantined_facts(place, error.reason, error.detail, raw)

    def _fill(self, event: Fill, place: Place) -> str:
        known = self._instrument(event.instrument)
        fees = self._fees(event.fees, known, event.quantity) if event.fees else ()
        order = self._order_id(event)
        return (
            f"{head('fill', place, event.executed_at)}"
            f',"id":"{event.venue}/{order}/{event.execution_id}","strategy":"{event.strategy_id}"'
            f"{self._where(event, order, known)}{known.text}{self._assets_of_fees(known, fees)}"
            f',"quantity":"{event.quantity}","price":"{event.price}"'
            f"{optional('quote_amount', event.quote_amount)}{fees_text(fees) if fees else ''}"
            f"{optional('decided_at', event.decided_at)}{trace_text(event.trace)}}}"
        )

    def _execution_result(self, event: ExecutionResult, place: Place) -> str:
        known = self._instrument(event.instrument)
        fees = self._fees(event.fees or (), known, event.quantity)
        order = self._order_id(event)
        return (
            f"{head('execution_result', place, event.executed_at)}"
            f',"id":"event/{event.event_id}","strategy":"{event.strategy_id}"'
            f"{self._where(event, order, known)}{known.text}{self._assets_of_fees(known, fees)}"
            f',"quantity":"{event.quantity}"{optional("price", event.price)}'
            f"{optional('quote_amount', event.quote_amount)}"
            f"{'' if event.fees is None else fees_text(fees)}"
            f',"result":"{event.result}"'
            f"{optional('decided_at', event.decided_at)}{trace_text(event.trace)}}}"
        )

    def _order_event(self, event: Rejected | OrderStatus, place: Place) -> str:
        known = None if event.instrument is None else self._instrument(event.instrument)
        fees = self._fees(event.fees, known, _SIGN_OF_SIDE[event.side])
        order = self._order_id(event)
        if isinstance(event, OrderStatus):
            own, reason = optional("status", event.status), ""
        else:
            own, reason = "", optional("reason", event.reason)
        return (
            f"{head(event.kind, place, event.executed_at)}"
            f',"id":"event/{event.event_id}"{optional("strategy", event.strategy_id)}'
            f"{self._where(event, order, known)}{'' if known is None else known.text}"
            f"{self._assets_of_fees(known, fees)}{fees_text(fees) if fees else ''}"
            f"{own}{trace_text(event.trace)}{reason}}}"
        )

    def _capital_flow(self, event: CapitalFlow, place: Place) -> str:
        known = None if event.instrument is None else self._instrument(event.instrument)
        location, chain_id = self._place_of_flow(event, known)
        return (
            f"{head(event.kind, place, event.executed_at)}"
            f',"id":"event/{event.event_id}"{optional("strategy", event.strategy_id)}'
            f"{optional('venue', event.venue)}"
            f',"location":"{location}","chain_id":"{chain_id}"'
            f"{'' if known is None else known.text}{self._assets(known, (event.token,))}"
            f"{optional('quantity', event.quantity)}{optional('token', event.token)}"
            f"{optional('amount', event.amount)}{optional('cost', event.cost)}}}"
        )

    def _place_of_flow(self, event: CapitalFlow, known: InstrumentFacts | None) -> tuple[str, int]:
        """Return location and chain; an instrument knows its own where none is stated."""
        chain_id, venue = event.chain_id, event.venue
        if chain_id is None:
            if event.location is not None:
                chain_id = chain_of_location(event.location)
            elif known is not None:
                chain_id = known.instrument.chain_id
            else:
                chain_id = self.reference.chain_of_venue(venue or "")
        if event.location is not None:
            return event.location, chain_id
        if venue is None and known is not None:
            venue = known.instrument.venue
        location = self.reference.location(venue or "", event.account, chain_id)
        if not location:
            raise _Unusable("unknown_location", "neither location, account, venue nor chain_id")
        return location, chain_id

    def _instrument(self, instrument_id: str) -> InstrumentFacts:
        found = self._instruments.get(instrument_id)
        if found is None:
            instrument = self.reference.instrument(instrument_id)
            if instrument is None:
                raise _Unusable("unknown_instrument", f"{instrument_id} is not in the reference")
            found = InstrumentFacts.of(instrument, self.reference)
            self._instruments[instrument_id] = found
        return found

    def _order_id(self, event: OrderEvent) -> str:
        """Return the order id, with its date where the venue uses order ids again."""
        if event.order_date is not None:
            return f"{event.order_id}.{event.order_date}"
        if self.reference.reuses_order_ids(event.venue):
            return f"{event.order_id}.{utc_day(event.executed_at)}"
        return event.order_id

    def _where(
        self,
        event: OrderEvent,
        order: str,
        known: InstrumentFacts | None,
    ) -> str:
        venue = event.venue
        chain_id = event.chain_id
        if chain_id is None:
            chain_id = (
                self.reference.chain_of_venue(venue) if known is None else known.instrument.chain_id
            )
        location = self.reference.location(venue, event.account, chain_id)
        return (
            f',"venue":"{venue}","location":"{location}","chain_id":"{chain_id}"'
            f',"order":"{venue}:{order}"'
        )

    def _fees(
        self, fees: tuple[Fee, ...], known: InstrumentFacts | None, quantity: str
    ) -> tuple[Fee, ...]:
        """Return the fees, each in a token and none of them 0; the same token and class once."""
        found = []
        for fee in fees:
            if fee.amount == "0":
                continue
            if fee.token is None:
                fee = fee._replace(token=_fee_token(known, quantity))
            found.append(fee)
        return tuple(found) if len(found) < 2 else summed_fees(found)

    def _assets_of_fees(self, known: InstrumentFacts | None, fees: tuple[Fee, ...]) -> str:
        return self._assets(known, [fee.token for fee in fees])

    def _assets(self, known: InstrumentFacts | None, tokens: Iterable[str | None]) -> str:
        """Return the assets of the instrument's tokens and of these, where they differ."""
        assets = {}
        for token in tokens:
            if token is not None and (asset := self.reference.asset(token)) != token:
                assets[token] = asset
        if known is None:
            return assets_text(assets)
        if assets.keys() <= known.assets.keys():
            return known.assets_text
        return assets_text({**known.assets, **assets})


class _Unusable(Exception):
    """An event whose facts cannot be said; `reason` is one word."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


def _fee_token(known: InstrumentFacts | None, quantity: str) -> str:
    """Return the token of a fee that names none; `quantity` tells buys from sells."""
    if known is None:
        raise _Unusable("unknown_fee_token", "a fee names no token, and the event no instrument")
    instrument = known.instrument
    if instrument.fee_token == FEE_IN_RECEIVED and quantity == "0":
        detail = f"a fee of {instrument.id} is in what is received, and the side is unknown"
        raise _Unusable("unknown_fee_token", detail)
    return instrument.fee_token_of(is_buy=not quantity.startswith("-"))
