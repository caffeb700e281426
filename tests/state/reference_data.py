"""Small reference data, made where it is needed."""

from __future__ import annotations

from pm.reference.record_reader import read_instrument, read_token, read_venue
from pm.reference.snapshot import Reference

BTC = "binance.coin.BTCUSDT"
ETH = "binance.coin.ETHUSDT"
ADA = "binance.coin.ADAUSDT"


def instruments(*ids: str, dust: str = "0") -> Reference:
    """Spot instruments on binance, quoted in USDT."""
    records = [
        read_instrument(
            {"id": each, "kind": "spot", "base": each[-7:-4], "quote": "USDT", "dust": dust}, {}
        )
        for each in ids
    ]
    return Reference.build(0, records)


def token_and_venue() -> Reference:
    """A token that is worth another, and a venue on a chain."""
    token = read_token({"id": "USDC.e", "asset": "USDC", "chain_id": 42161})
    return Reference.build(0, (), [token], [read_venue({"id": "gmx", "chain_id": 42161})])
