"""Statements as venues tell them through ccxt: floats, text, nulls, and the venue's own words."""

from __future__ import annotations

import json
from typing import Any

BALANCE: dict[str, Any] = {
    "info": {"updateTime": 1700000000000, "balances": [{"asset": "BTC", "free": "0.75000000"}]},
    "timestamp": 1700000000000,
    "datetime": "2023-11-14T22:13:20.000Z",
    "BTC": {"free": 0.75, "used": 0.0, "total": 0.75},
    "USDT": {"free": 51245, "used": 1e-8, "total": 51245.00000001},
    "BNB": {"free": None, "used": None, "total": None},
    "free": {"BTC": 0.75, "USDT": 51245, "BNB": None},
    "used": {"BTC": 0.0, "USDT": 1e-8, "BNB": None},
    "total": {"BTC": 0.75, "USDT": "51245.00000001", "BNB": None},
}
POSITION: dict[str, Any] = {
    "info": {"symbol": "ETHUSDT", "positionAmt": "-3.000"},
    "id": None,
    "symbol": "ETH/USDT:USDT",
    "timestamp": 1700000000000,
    "contracts": 3.0,
    "contractSize": 0.01,
    "side": "short",
    "entryPrice": 2000.5,
    "markPrice": 1990.25,
    "notional": 59.7075,
    "unrealizedPnl": 0.3075,
    "realizedPnl": None,
    "percentage": None,
    "hedged": False,
}
TRADE: dict[str, Any] = {
    "info": {"commission": "1e-8", "isBuyer": True},
    "id": "28457",
    "order": "100234",
    "timestamp": 1700000000123,
    "datetime": "2023-11-14T22:13:20.123Z",
    "symbol": "BTC/USDT",
    "type": None,
    "takerOrMaker": "maker",
    "side": "sell",
    "price": 65000.12,
    "amount": 1e-8,
    "cost": 0.00065,
    "fee": {"cost": 2.5e-12, "currency": "BNB", "rate": None},
    "fees": [{"cost": "2.5e-12", "currency": "BNB"}],
}


def dumped(value: Any) -> str:
    """As JSON text, the way a script that calls ccxt writes it."""
    return json.dumps(value)
