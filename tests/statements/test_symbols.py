"""Symbols of ccxt are found by what reference data says, and never guessed."""

from __future__ import annotations

from typing import Any

import pytest

from pm.reference.record_reader import read_instrument
from pm.reference.records import Instrument
from pm.reference.snapshot import Reference
from pm.statements.symbols import Symbols, Unknown

_EXPIRY_NS = 1_711_699_200_000_000_000  # 2024-03-29T08:00:00Z


def _record(name: str, kind: str, number: int, **more: Any) -> Instrument:
    told = {"id": f"okx.{name}", "kind": kind, "base": "BTC", "quote": "USDT"}
    return read_instrument({**told, "wire_id": f"{number:024x}", **more}, {})


SYMBOLS = Symbols(
    Reference.build(
        1,
        [
            _record("spot", "spot", 1),
            _record("linear", "perpetual", 2, settlement="USDT"),
            _record("inverse", "perpetual", 3, quote="USD", settlement="BTC", inverse=True),
            _record("march", "future", 4, settlement="USDT", settlement_date=_EXPIRY_NS),
            _record(
                "call",
                "option",
                5,
                settlement="USDT",
                strike_price="50000",
                option_type="call",
                expiry_time=_EXPIRY_NS,
                underlying="okx.spot",
            ),
            _record("one", "spot", 6, base="ETH"),
            _record("other", "spot", 7, base="ETH"),
        ],
    ),
    "okx",
)


@pytest.mark.parametrize(
    ("symbol", "name"),
    [
        ("BTC/USDT", "spot"),
        ("BTC/USDT:USDT", "linear"),
        ("BTC/USD:BTC", "inverse"),
        ("BTC/USDT:USDT-240329", "march"),
        ("BTC/USDT:USDT-240329-50000-C", "call"),
        ("BTC/USDT:USDT-240329-50000.0-C", "call"),
        ("okx.one", "one"),
    ],
)
def test_a_symbol_is_the_instrument_it_describes(symbol: str, name: str) -> None:
    found = SYMBOLS.instrument(symbol)
    assert isinstance(found, Instrument)
    assert found.id == f"okx.{name}"


@pytest.mark.parametrize(
    ("symbol", "why"),
    [
        ("BTC/EUR", "no instrument of okx in the reference fits"),
        ("BTC/USDT:BTC", "no instrument of okx in the reference fits"),
        ("BTC/USDT:USDT-240628", "no instrument of okx in the reference fits"),
        ("BTC/USDT:USDT-240329-50000-P", "no instrument of okx in the reference fits"),
        ("BTC/USDT:USDT-240329-60000-C", "no instrument of okx in the reference fits"),
        ("ETH/USDT", "several fit: okx.one, okx.other"),
        ("BTCUSDT", "no instrument of okx, and no symbol of ccxt"),
        ("", "no instrument of okx, and no symbol of ccxt"),
    ],
)
def test_what_fits_none_or_several_is_unknown(symbol: str, why: str) -> None:
    assert SYMBOLS.instrument(symbol) == Unknown(symbol, why)
