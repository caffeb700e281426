"""The facts of what happens to instruments."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from pm.decimals import ZERO, Amount, bounded, divide
from pm.events.facts_text import Direct, Place, head, optional
from pm.events.instrument_facts import InstrumentFacts
from pm.events.model import (
    Dividend,
    Exercise,
    Expiry,
    Funding,
    LifeEvent,
    Settlement,
    Split,
)
from pm.events.resolving import Resolver, Unusable
from pm.reference.records import OptionMetadata, OptionType

_QUOTIENT_DECIMALS: Final = 18


def _funding(event: Funding, place: Place | Direct, resolver: Resolver) -> str:
    known = resolver.instrument(event.instrument)
    token = event.token or known.instrument.settlement
    return (
        f"{_beginning(event, f'event/{event.event_id}', known, place, resolver)}"
        f"{resolver.assets(known, (token,))}"
        f',"token":"{token}"{optional("amount", event.amount)}'
        f"{optional('rate', event.rate)}{optional('price', event.price)}}}"
    )


def _dividend(event: Dividend, place: Place | Direct, resolver: Resolver) -> str:
    known = resolver.instrument(event.instrument)
    token = event.token or known.instrument.settlement
    dedupe_id = f"dividend/{event.dividend_id}/{event.step}"
    return (
        f"{_beginning(event, dedupe_id, known, place, resolver)}"
        f"{resolver.assets(known, (token,))}"
        f',"dividend":"{event.dividend_id}","step":"{event.step}"{optional("rate", event.rate)}'
        f',"token":"{token}"{optional("amount", event.amount)}}}'
    )


def _split(event: Split, place: Place | Direct, resolver: Resolver) -> str:
    known = resolver.instrument(event.instrument)
    return (
        f"{_beginning(event, f'event/{event.event_id}', known, place, resolver)}"
        f"{known.assets_text}"
        f',"numerator":"{event.numerator}","denominator":"{event.denominator}"'
        f',"decimals":"{known.instrument.decimals}"{optional("price", event.price)}}}'
    )


def _expiry(event: Expiry, place: Place | Direct, resolver: Resolver) -> str:
    known = resolver.instrument(event.instrument)
    return (
        f"{_beginning(event, f'event/{event.event_id}', known, place, resolver)}"
        f"{known.assets_text}}}"
    )


def _exercise(event: Exercise, place: Place | Direct, resolver: Resolver) -> str:
    known = resolver.instrument(event.instrument)
    start = _beginning(event, f"event/{event.event_id}", known, place, resolver)
    quantity = optional("quantity", event.quantity)
    if not event.physical:
        intrinsic = event.intrinsic or _intrinsic(event.settlement_price, known)
        return f'{start}{known.assets_text}{quantity},"intrinsic":"{intrinsic}"}}'
    strike, option_type = _strike(known)
    underlying = _underlying(event, known, resolver)
    here = _place(event, known, resolver)
    return (
        f"{start}{resolver.assets(known, (), underlying)}{quantity}"
        f'{underlying.at("underlying", *here)},"strike":"{strike}","option_type":"{option_type}"}}'
    )


def _settlement(event: Settlement, place: Place | Direct, resolver: Resolver) -> str:
    known = resolver.instrument(event.instrument)
    final = optional("final", "1" if event.final else None)
    return (
        f"{_beginning(event, f'event/{event.event_id}', known, place, resolver)}"
        f'{known.assets_text},"price":"{event.price}"{final}}}'
    )


def _beginning(
    event: LifeEvent,
    dedupe_id: str,
    known: InstrumentFacts,
    place: Place | Direct,
    resolver: Resolver,
) -> str:
    """Return everything up to the instrument's terms."""
    location, chain_id = _place(event, known, resolver)
    return (
        f'{head(event.kind, place, event.executed_at)},"id":"{dedupe_id}"'
        f"{optional('strategy', event.strategy_id)}"
        f',"venue":"{event.venue or known.instrument.venue}"'
        f',"location":"{location}","chain_id":"{chain_id}"{known.text}'
    )


def _place(event: LifeEvent, known: InstrumentFacts, resolver: Resolver) -> tuple[str, int]:
    return resolver.place(event.location, event.account, event.venue, event.chain_id, known)


def _intrinsic(settlement_price: str | None, known: InstrumentFacts) -> str:
    """Return what one unit is worth at this price of the underlying, never below 0.

    An option that settles in what it is on, though its strike is in money, is worth that much less
    of it as it has risen: half-even at 18 decimals.
    """
    if settlement_price is None:
        raise Unusable("unknown_intrinsic", "neither intrinsic, settlement_price nor physical")
    strike, option_type = _strike(known)
    price = Amount.parse(settlement_price)
    gain = price - Amount.parse(strike)
    gain = gain if option_type == "call" else -gain
    if gain <= ZERO:
        return "0"
    if known.instrument.settlement == known.instrument.base:
        if not price:
            raise Unusable("unknown_intrinsic", f"{known.instrument.id} cannot settle at price 0")
        gain = divide(gain, price, _QUOTIENT_DECIMALS)
    try:
        return str(bounded(gain, "intrinsic"))
    except ValueError as error:
        raise Unusable("amount_out_of_range", str(error)) from None


def _strike(known: InstrumentFacts) -> tuple[str, OptionType]:
    """Return strike and type of an option; Unusable where the reference does not know them."""
    metadata = _option(known)
    if metadata.strike_price is None:
        raise Unusable("unknown_strike", f"{known.instrument.id} has no strike_price")
    if metadata.option_type is None:
        raise Unusable("unknown_option_type", f"{known.instrument.id} has no option_type")
    return metadata.strike_price, metadata.option_type


def _underlying(event: Exercise, known: InstrumentFacts, resolver: Resolver) -> InstrumentFacts:
    """Return the instrument that is delivered; Unusable where none is known."""
    underlying = event.underlying or _option(known).underlying
    if underlying is None:
        raise Unusable("unknown_underlying", f"{known.instrument.id} has no underlying")
    if resolver.reference.instrument(underlying) is None:
        detail = f"{underlying}, the underlying of {known.instrument.id}, is no instrument"
        raise Unusable("unknown_underlying", detail)
    return resolver.instrument(underlying)


def _option(known: InstrumentFacts) -> OptionMetadata:
    metadata = known.instrument.metadata
    if isinstance(metadata, OptionMetadata):
        return metadata
    raise Unusable("not_an_option", f"{known.instrument.id} is of kind {known.instrument.kind}")


WRITERS: Final[dict[type, Callable[[Any, Place | Direct, Resolver], str]]] = {
    Funding: _funding,
    Dividend: _dividend,
    Split: _split,
    Expiry: _expiry,
    Exercise: _exercise,
    Settlement: _settlement,
}
