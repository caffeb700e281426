"""How figures and instruments are called on the screen."""

from __future__ import annotations

from collections.abc import Mapping

from pm.decimals import Amount
from pm.reference.chains import location
from pm.reference.records import FutureMetadata, Instrument, OptionMetadata


def instrument_label(instrument: Instrument) -> str:
    """A short name: where it is traded, and what."""
    place = location(instrument.venue, None, instrument.chain_id)
    metadata = instrument.metadata
    if isinstance(metadata, OptionMetadata):
        return f"{place} {metadata.underlying} {metadata.strike_price} {metadata.option_type}"
    if isinstance(metadata, FutureMetadata):
        return f"{place} {instrument.id.rpartition('.')[2]} {instrument.kind}"
    if instrument.kind == "equity":
        return f"{place} {instrument.base}"
    return f"{place} {instrument.base}/{instrument.quote}"


def amount_label(text: str) -> str:
    """An amount rounded for reading, large ones with few decimals; the books keep every digit."""
    if not text:
        return "-"
    amount = Amount.parse(text)
    size = abs(amount)
    decimals = 2 if size >= Amount(1000) else 4 if size >= Amount(1) else 6
    rounded = round(size, decimals)
    if amount and not rounded:
        return "~0"
    whole, _, fraction = str(rounded).partition(".")
    shown = f"{int(whole):,}" + (f".{fraction}" if fraction else "")
    return f"-{shown}" if amount.sign < 0 else shown


def amounts_label(amounts: Mapping[str, str]) -> str:
    """Amounts per token."""
    shown = [f"{amount_label(amount)} {token}" for token, amount in amounts.items()]
    return ", ".join(shown) or "0"
