"""Records from key-value tables: defaults, and the rules that hold between keys.

Refused here is what accounting could not carry out: a spot instrument with a multiplier, an inverse
one that is no future or perpetual or does not settle in its base, a contract size that
contradicts the multiplier.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from pm.reference.chains import NO_CHAIN
from pm.reference.records import (
    FEE_IN_SETTLEMENT,
    KINDS,
    OPTION_TYPES,
    CryptoMetadata,
    EquityMetadata,
    FutureMetadata,
    Instrument,
    Kind,
    Metadata,
    OptionMetadata,
    Token,
    Venue,
    wire_bytes_of_id,
)
from pm.reference.table import (
    KeyFault,
    Table,
    one_of,
    parse_flag,
    parse_not_negative,
    parse_number,
    parse_positive,
    parse_text_id,
    parse_time,
    parse_wire_id,
    whole_number,
)

MAX_DECIMALS: Final = 36
DEFAULT_DECIMALS: Final = 8
DEFAULT_CHAIN_DECIMALS: Final = 18

_COMMON_KEYS: Final = (
    "id",
    "kind",
    "base",
    "quote",
    "settlement",
    "fee_token",
    "chain_id",
    "decimals",
    "wire_decimals",
    "multiplier",
    "inverse",
    "dust",
    "risk_weight",
    "correlation_group",
    "wire_id",
)
_FUTURE_KEYS: Final = ("underlying", "contract_size", "margin_requirement", "tick_size")
_KEYS_OF_KIND: Final[dict[Kind, tuple[str, ...]]] = {
    "spot": ("is_stablecoin",),
    "equity": ("dividend_yield", "ex_dividend_date", "sector"),
    "option": (
        "underlying",
        "strike_price",
        "expiry_time",
        "option_type",
        "implied_volatility",
    ),
    "future": (*_FUTURE_KEYS, "settlement_date"),
    "perpetual": _FUTURE_KEYS,
}
_TOKEN_KEYS: Final = ("id", "asset", "decimals", "is_stablecoin", "chain_id")
_VENUE_KEYS: Final = ("id", "chain_id", "reuses_order_ids")

# Keys whose values are ids, and so are escaped when they come from outside.
ID_KEYS: Final = frozenset(
    {"id", "base", "quote", "settlement", "fee_token", "underlying", "asset"}
)

_parse_chain_id: Final = whole_number(0, (1 << 32) - 1)
_parse_decimals: Final = whole_number(0, MAX_DECIMALS)
_parse_u16: Final = whole_number(0, (1 << 16) - 1)


def read_instrument(values: Mapping[str, Any], venues: Mapping[str, Venue]) -> Instrument:
    """Return the instrument a table describes; KeyFault names the first key that is wrong.

    The chain of an instrument that names none is its venue's in `venues`, else none.
    """
    table = Table(values)
    kind = _read_kind(table)
    instrument_id = table.required("id", parse_text_id)
    base = table.required("base", parse_text_id)
    quote = table.required("quote", parse_text_id)
    inverse = table.optional("inverse", parse_flag, False)
    multiplier = _read_multiplier(table)
    decimals = table.optional("decimals", _parse_decimals, DEFAULT_DECIMALS)
    venue = venues.get(instrument_id.partition(".")[0])
    instrument = Instrument(
        id=instrument_id,
        kind=kind,
        base=base,
        quote=quote,
        settlement=table.optional("settlement", parse_text_id, base if inverse else quote),
        fee_token=table.optional("fee_token", parse_text_id, FEE_IN_SETTLEMENT),
        chain_id=table.optional("chain_id", _parse_chain_id, venue.chain_id if venue else NO_CHAIN),
        decimals=decimals,
        wire_decimals=table.optional("wire_decimals", _parse_decimals, DEFAULT_DECIMALS),
        multiplier=multiplier,
        inverse=inverse,
        dust=table.optional("dust", parse_not_negative, "0"),
        risk_weight=table.optional("risk_weight", parse_not_negative, "1"),
        correlation_group=table.optional("correlation_group", _parse_u16, 0),
        metadata=_read_metadata(table, kind, decimals, multiplier),
        wire_id=_read_wire_id(table, instrument_id),
    )
    _check_between_keys(instrument)
    return instrument


def read_token(values: Mapping[str, Any]) -> Token:
    """Return the token a table describes; KeyFault names the first key that is wrong."""
    table = Table(values)
    table.refuse_unknown(_TOKEN_KEYS)
    token_id = table.required("id", parse_text_id)
    chain_id = table.optional("chain_id", _parse_chain_id, NO_CHAIN)
    usual_decimals = DEFAULT_DECIMALS if chain_id == NO_CHAIN else DEFAULT_CHAIN_DECIMALS
    return Token(
        id=token_id,
        asset=table.optional("asset", parse_text_id, token_id),
        decimals=table.optional("decimals", _parse_decimals, usual_decimals),
        is_stablecoin=table.optional("is_stablecoin", parse_flag, False),
        chain_id=chain_id,
    )


def read_venue(values: Mapping[str, Any]) -> Venue:
    """Return the venue a table describes; KeyFault names the first key that is wrong."""
    table = Table(values)
    table.refuse_unknown(_VENUE_KEYS)
    return Venue(
        id=table.required("id", parse_text_id),
        chain_id=table.optional("chain_id", _parse_chain_id, NO_CHAIN),
        reuses_order_ids=table.optional("reuses_order_ids", parse_flag, False),
    )


def _read_kind(table: Table) -> Kind:
    kind = table.required("kind", one_of(KINDS))
    allowed = (*_COMMON_KEYS, *_KEYS_OF_KIND[kind])
    for other, keys in _KEYS_OF_KIND.items():
        for key in keys:
            if key in table and key not in allowed:
                raise KeyFault(f"{key}: belongs to kind {other}, not {kind}")
    table.refuse_unknown(allowed)
    return kind


def _read_multiplier(table: Table) -> str:
    """Return the multiplier; a contract size is the same thing under its exchange name."""
    contract_size = table.optional("contract_size", parse_positive, "1")
    multiplier = table.optional("multiplier", parse_positive, contract_size)
    if "contract_size" in table and contract_size != multiplier:
        raise KeyFault(f"contract_size: is {contract_size} but multiplier is {multiplier}")
    return multiplier


def _read_metadata(table: Table, kind: Kind, decimals: int, multiplier: str) -> Metadata:
    if kind == "spot":
        return CryptoMetadata(decimals, table.optional("is_stablecoin", parse_flag, False))
    if kind == "equity":
        return EquityMetadata(
            dividend_yield=table.maybe("dividend_yield", parse_number),
            ex_dividend_date=table.maybe("ex_dividend_date", parse_time),
            sector=table.optional("sector", _parse_u16, 0),
        )
    if kind == "option":
        return OptionMetadata(
            underlying=table.maybe("underlying", parse_text_id),
            strike_price=table.maybe("strike_price", parse_not_negative),
            expiry_time=table.maybe("expiry_time", parse_time),
            option_type=table.maybe("option_type", one_of(OPTION_TYPES)),
            implied_volatility=table.maybe("implied_volatility", parse_not_negative),
        )
    return FutureMetadata(
        underlying=table.maybe("underlying", parse_text_id),
        contract_size=multiplier,
        settlement_date=table.maybe("settlement_date", parse_time) if kind == "future" else None,
        margin_requirement=table.maybe("margin_requirement", parse_not_negative),
        tick_size=table.maybe("tick_size", parse_not_negative),
    )


def _read_wire_id(table: Table, instrument_id: str) -> bytes | None:
    wire_id = table.maybe("wire_id", parse_wire_id)
    of_text = wire_bytes_of_id(instrument_id)
    if wire_id is None or wire_id == of_text:
        return None
    if of_text is not None:
        raise KeyFault(f"wire_id: is {wire_id.hex()} but the id spells {of_text.hex()}")
    return wire_id


def _check_between_keys(instrument: Instrument) -> None:
    if instrument.kind in ("spot", "equity"):
        if instrument.multiplier != "1":
            raise KeyFault(
                f"multiplier: must be 1 for kind {instrument.kind}, not {instrument.multiplier}"
            )
        if instrument.base == instrument.quote:
            raise KeyFault(f"quote: must differ from base for kind {instrument.kind}")
    if instrument.inverse:
        if instrument.kind not in ("future", "perpetual"):
            raise KeyFault(f"inverse: is only for future and perpetual, not {instrument.kind}")
        if instrument.settlement != instrument.base:
            raise KeyFault(
                f"settlement: must be the base of an inverse instrument, {instrument.base}"
            )
