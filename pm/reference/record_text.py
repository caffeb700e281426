"""One record as canonical JSON: keys in a fixed order, values all text, absent where unknown.

Equal records have equal text, so a text can be compared, hashed and stored under the record's id.
"""

from __future__ import annotations

import json
from typing import Any

from pm.reference.record_reader import read_instrument, read_token, read_venue
from pm.reference.records import (
    CryptoMetadata,
    EquityMetadata,
    FutureMetadata,
    Instrument,
    Metadata,
    OptionMetadata,
    Record,
    Token,
    Venue,
)


def record_text(record: Record) -> str:
    """Return the canonical JSON of a record."""
    if isinstance(record, Instrument):
        values = _instrument_values(record)
    elif isinstance(record, Token):
        values = {
            "id": record.id,
            "asset": record.asset,
            "decimals": record.decimals,
            "is_stablecoin": record.is_stablecoin,
            "chain_id": record.chain_id,
        }
    else:
        values = {
            "id": record.id,
            "chain_id": record.chain_id,
            "reuses_order_ids": record.reuses_order_ids,
        }
    present = {key: _text(value) for key, value in values.items() if value is not None}
    return json.dumps(present, separators=(",", ":"))


def instrument_from_text(text: str) -> Instrument:
    """Return the instrument of a canonical JSON text; ValueError if it is not one."""
    return read_instrument(_values(text), {})


def token_from_text(text: str) -> Token:
    """Return the token of a canonical JSON text; ValueError if it is not one."""
    return read_token(_values(text))


def venue_from_text(text: str) -> Venue:
    """Return the venue of a canonical JSON text; ValueError if it is not one."""
    return read_venue(_values(text))


def _instrument_values(instrument: Instrument) -> dict[str, Any]:
    return {
        "id": instrument.id,
        "kind": instrument.kind,
        "base": instrument.base,
        "quote": instrument.quote,
        "settlement": instrument.settlement,
        "fee_token": instrument.fee_token,
        "chain_id": instrument.chain_id,
        "decimals": instrument.decimals,
        "wire_decimals": instrument.wire_decimals,
        "multiplier": instrument.multiplier,
        "inverse": instrument.inverse,
        "dust": instrument.dust,
        "risk_weight": instrument.risk_weight,
        "correlation_group": instrument.correlation_group,
        **_metadata_values(instrument.metadata),
        "wire_id": instrument.wire_id,
    }


def _metadata_values(metadata: Metadata) -> dict[str, Any]:
    if isinstance(metadata, CryptoMetadata):
        return {"is_stablecoin": metadata.is_stablecoin}
    if isinstance(metadata, EquityMetadata):
        return {
            "dividend_yield": metadata.dividend_yield,
            "ex_dividend_date": metadata.ex_dividend_date,
            "sector": metadata.sector,
        }
    if isinstance(metadata, OptionMetadata):
        return {
            "underlying": metadata.underlying,
            "strike_price": metadata.strike_price,
            "expiry_time": metadata.expiry_time,
            "option_type": metadata.option_type,
            "implied_volatility": metadata.implied_volatility,
        }
    assert isinstance(metadata, FutureMetadata)
    return {
        "underlying": metadata.underlying,
        "contract_size": metadata.contract_size,
        "settlement_date": metadata.settlement_date,
        "margin_requirement": metadata.margin_requirement,
        "tick_size": metadata.tick_size,
    }


def _text(value: str | int | bool | bytes) -> str:
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, bytes):
        return value.hex()
    return str(value)


def _values(text: str) -> dict[str, Any]:
    values = json.loads(text)
    if not isinstance(values, dict):
        raise ValueError("a record must be a JSON object")
    return values
