"""Contributions: how entries add up to totals and to a day's attribution."""

import json
from typing import Any

from tests.pure.rules_events import SPOT, Journal, contribution, figures

DAY = "attribution:7:2023-11-14"


def row(journal: Journal, field: str = "binance:binance.coin.BTCUSDT") -> dict[str, Any]:
    read: dict[str, Any] = json.loads(journal.hash(DAY)[field])
    return read


def test_an_attribution_row_holds_every_figure_of_its_day() -> None:
    journal = Journal()
    fee = [["USDT", "1", "trading"], ["BNB", "0.1", "gas"]]
    journal.fill("1", "100", order="binance:O1", fees=fee, decided_at="1700000000999999990")
    journal.fill("-1", "120", order="binance:O2", decided_at="1700000001999999995")
    journal.event("rejected", order="binance:O3", fees=[["ETH", "0.2", "gas"]])
    journal.event("order_status", order="binance:O4", status="cancelled")

    assert journal.hash(DAY)["binance:binance.coin.BTCUSDT"] == (
        '{"base":"BTC","quote":"USDT","settlement":"USDT","trade_count":"2","volume":"220",'
        '"quantity":"0","notional":"-20",'
        '"realized_pnl":"20","carry":"0","transfer_cost":"0","fees":{"BNB":"0.1","USDT":"1"},"fee_value":"1",'
        '"fees_unvalued":{"BNB":"0.1"},"failed_fees":{"ETH":"0.2"},"allocated":{},'
        '"trips_won":"0",'
        '"trips_lost":"0","trips_unknown":"1","orders_filled":"2","orders_rejected":"1",'
        '"orders_cancelled":"1","latency_ns":"15","latency_orders":"2"}'
    )
    assert journal.hash(DAY)["seq"] == "5"


def test_rows_are_kept_by_strategy_day_venue_and_instrument() -> None:
    journal = Journal()
    journal.fill("1", "100")
    journal.fill("1", "100", day="2023-11-15")
    journal.fill("1", "100", strategy="8")
    journal.fill("1", "100", terms=SPOT | {"instrument": "binance.coin.ETHUSDT"})

    state = journal.book.expected_state()

    days = {key: set(held) for key, held in state.items() if key.startswith("attribution:")}
    assert days == {
        "attribution:7:2023-11-14": {
            "binance:binance.coin.BTCUSDT",
            "binance:binance.coin.ETHUSDT",
            "seq",
        },
        "attribution:7:2023-11-15": {"binance:binance.coin.BTCUSDT", "seq"},
        "attribution:8:2023-11-14": {"binance:binance.coin.BTCUSDT", "seq"},
    }


def test_a_rejection_without_an_instrument_is_attributed_to_an_unknown_one() -> None:
    journal = Journal()

    entry = journal.event("rejected", terms={}, order="binance:O1")

    assert contribution(entry) == {
        "strategy": "7",
        "day": "2023-11-14",
        "venue": "binance",
        "instrument": "-",
        "order": "rejected",
    }
    assert figures(row(journal, "binance:-"), "base", "settlement", "orders_rejected") == [
        "",
        "",
        "1",
    ]


def test_an_event_that_names_only_its_order_leaves_the_tokens_of_its_row() -> None:
    journal = Journal()
    journal.fill("1", "100", order="binance:O1")
    gas = [["ETH", "0.01", "gas"]]

    entry = journal.event(
        "order_status", terms={}, strategy=None, order="binance:O1", status="new", fees=gas
    )

    assert contribution(entry)["instrument"] == "binance.coin.BTCUSDT"
    assert "base" not in contribution(entry)
    assert figures(row(journal), "base", "quote", "settlement") == ["BTC", "USDT", "USDT"]


def test_totals_are_kept_per_settlement_token() -> None:
    journal = Journal()
    euro = SPOT | {"instrument": "binance.coin.BTCEUR", "quote": "EUR", "settlement": "EUR"}
    for terms in (SPOT, euro):
        journal.fill("1", "100", terms=terms)
        journal.fill("-1", "90", terms=terms, fees=[["EUR", "1", "trading"]])

    held = journal.hash("strategy:7")

    assert held["realized_pnl"] == '{"EUR":"-10","USDT":"-10"}'
    assert held["volume"] == '{"EUR":"190","USDT":"190"}'
    assert held["fee_value"] == '{"EUR":"1"}'
    assert held["fees_unvalued"] == '{"EUR":"1"}'
    assert figures(held, "trips_lost", "trips_unknown") == ["1", "1"]


def test_a_free_execution_is_a_trade_with_a_volume_of_zero() -> None:
    entry = Journal().fill("1", "0")

    assert figures(contribution(entry), "trade_count", "volume") == ["1", "0"]
