"""Tables of events as they come from outside, and the reference data they meet."""

from __future__ import annotations

import json
from typing import Any

from pm.events.facts import Direct, Facts
from pm.events.lines import parse_line
from pm.events.model import Event
from pm.reference.record_reader import read_instrument, read_token, read_venue
from pm.reference.snapshot import Reference

TIME = 1_700_000_000_000_000_000
HEAD = '"received_at":"1700000000000000009","executed_at":"1700000000000000000","day":"2023-11-14"'
PERPETUAL = (
    '"instrument":"v.perpetual","instrument_kind":"perpetual","base":"BTC","quote":"USDT",'
    '"settlement":"USDT"'
)
STOCK = (
    '"instrument":"v.stock","instrument_kind":"equity","base":"ACME","quote":"USD",'
    '"settlement":"USD"'
)
OPTION = (
    '"instrument":"v.call","instrument_kind":"option","base":"ACME","quote":"USD",'
    '"settlement":"USD","multiplier":"100"'
)
COIN = (
    '"instrument":"v.coin","instrument_kind":"spot","base":"BTC","quote":"USDT",'
    '"settlement":"USDT","dust":"0.001"'
)
POOL = (
    '"instrument":"pools.pool","instrument_kind":"spot","base":"WETH","quote":"USDC.e",'
    '"settlement":"USDC.e"'
)

_STOCK = {"kind": "equity", "base": "ACME", "quote": "USD"}
_OPTION = {**_STOCK, "kind": "option", "multiplier": "100"}
_CALL = {**_OPTION, "strike_price": "90", "option_type": "call"}
_COIN = {"kind": "spot", "base": "BTC", "quote": "USDT"}
_INSTRUMENTS: dict[str, dict[str, Any]] = {
    "v.coin": {**_COIN, "dust": "0.001"},
    "v.perpetual": {**_COIN, "kind": "perpetual"},
    "v.stock": {**_STOCK, "decimals": 4},
    "v.call": {**_CALL, "underlying": "v.stock"},
    "v.put": {**_CALL, "option_type": "put", "underlying": "v.stock"},
    "v.of_token": {**_CALL, "underlying": "ACME"},
    "v.of_nothing": _CALL,
    "v.no_strike": {**_OPTION, "option_type": "call", "underlying": "v.stock"},
    "v.no_type": {**_OPTION, "strike_price": "90", "underlying": "v.stock"},
    "v.far": {**_CALL, "strike_price": "0." + "0" * 35 + "1"},
    "v.coin_call": {**_CALL, "base": "BTC", "quote": "BTC"},
    "v.coin_put": {**_CALL, "base": "BTC", "quote": "BTC", "option_type": "put"},
    "pools.pool": {"kind": "spot", "base": "WETH", "quote": "USDC.e", "chain_id": 137},
}
REFERENCE = Reference.build(
    1,
    [read_instrument({"id": name, **values}, {}) for name, values in _INSTRUMENTS.items()],
    [
        read_token({"id": "WETH", "asset": "ETH"}),
        read_token({"id": "USDC.e", "asset": "USDC"}),
        read_token({"id": "bBTC", "asset": "BTC"}),
    ],
    [
        read_venue({"id": "daily", "reuses_order_ids": True}),
        read_venue({"id": "pools", "chain_id": 137}),
    ],
)
FACTS = Facts(REFERENCE)


def line(base: dict[str, Any], **changes: Any) -> str:
    """A line of `base` with some keys changed; a change to `...` leaves the key out."""
    merged = {**base, **changes}
    return json.dumps({key: value for key, value in merged.items() if value is not ...})


def text_of(event: Event) -> str:
    """The facts of an event that was submitted by itself."""
    return FACTS.text(event, Direct(TIME + 9))


def written(base: dict[str, Any], **changes: Any) -> str:
    """The facts of a line."""
    return text_of(parse_line(line(base, **changes)))


def facts_of(base: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """The facts of a line, read."""
    facts: dict[str, Any] = json.loads(written(base, **changes))
    return facts
