"""Marks, splits and reference data, made where they are needed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pm.decimals import Amount
from pm.marks.mark import SECOND_NS, Mark, MarkKind
from pm.marks.rates import Prices
from pm.marks.splits import Split
from pm.reference.record_reader import read_instrument, read_token
from pm.reference.snapshot import Reference

NOW = 1_700_000_000 * SECOND_NS  # 2023-11-14 22:13:20 UTC
MAX_AGE_S = 300
STALE_S = 301
DAY_S = 86_400
BTCUSDT = "binance.coin.BTCUSDT"
PERPETUAL = "binance.future.BTCUSDT"
AAPL = "nasdaq.stock.AAPL"

_INSTRUMENTS: tuple[dict[str, Any], ...] = (
    {"id": BTCUSDT, "kind": "spot", "base": "BTC", "quote": "USDT"},
    {"id": PERPETUAL, "kind": "perpetual", "base": "BTC", "quote": "USDT"},
    {"id": AAPL, "kind": "equity", "base": "AAPL", "quote": "USD"},
)
_TOKENS: tuple[dict[str, Any], ...] = (
    {"id": "BTC"},
    {"id": "USDT", "is_stablecoin": True},
    {"id": "USDC", "is_stablecoin": True},
    {"id": "USDC.e", "asset": "USDC", "is_stablecoin": True},
    {"id": "WETH", "asset": "ETH"},
)
REFERENCE = Reference.build(
    1,
    [read_instrument(values, {}) for values in _INSTRUMENTS],
    [read_token(values) for values in _TOKENS],
)


def mark(
    subject: str,
    quote: str,
    price: str,
    age_s: int = 0,
    kind: MarkKind = "last",
    *,
    source: str = "desk",
    received_at: int = NOW,
) -> Mark:
    """A mark of so many seconds before NOW."""
    time = NOW - age_s * SECOND_NS
    return Mark(subject, quote, Amount.parse(price), time, source, kind, received_at)


def split(instrument: str, age_s: int, numerator: int, denominator: int = 1) -> Split:
    """A split of so many seconds before NOW."""
    time = NOW - age_s * SECOND_NS
    return Split(instrument, f"S{age_s}", time, Amount(numerator), Amount(denominator))


def prices(
    *marks: Mark,
    splits: Sequence[Split] = (),
    hubs: Sequence[str] = (),
    assume_peg: Sequence[str] = (),
) -> Prices:
    """The prices at NOW."""
    by_instrument: dict[str, tuple[Split, ...]] = {}
    for each in splits:
        by_instrument[each.instrument] = (*by_instrument.get(each.instrument, ()), each)
    return Prices(
        marks,
        by_instrument,
        REFERENCE,
        now_ns=NOW,
        max_age_s=MAX_AGE_S,
        hubs=hubs,
        assume_peg=assume_peg,
    )
