"""Records survive being stored: what a hash holds reads back as the same value."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from pm.decimals import Amount
from pm.valuation.records import (
    BookValuation,
    EquityPoint,
    LaterScenarios,
    Margin,
    PortfolioValuation,
    RiskRecord,
    StrategyValuation,
)

A = Amount.parse
COMMON: dict[str, Any] = {
    "at": 1_700_000_000_000_000_000,
    "duration_ms": 12,
    "seq_start": {"main": 4},
    "seq_end": {"main": 5},
    "reporting_currency": "USD",
    "equity": A("1000.5"),
    "net_pnl": None,
    "realized_pnl": A("-0.001"),
    "unrealized_pnl": None,
    "carry": A("0"),
    "fee_value": A("1"),
    "transfer_cost": A("0"),
    "gross_exposure": A("10"),
    "net_exposure": A("-10"),
    "risk_weighted_exposure": A("7"),
    "leverage": A("0.01"),
    "concentration": None,
    "largest_instrument": "",
    "exposure_by_group": {"0": A("5"), "3": A("2")},
    "exposure_by_asset": {"BTC": A("1.5")},
    "exposure_elsewhere": A("0"),
    "exposure_in_stablecoins": {},
    "positions": 3,
    "unmarked": 1,
    "stale": 1,
    "fees_unvalued": 2,
    "exposure_unknown": 1,
    "missing": ("binance.coin.BTCUSDT", "ABC/USD"),
    "missing_count": 2,
    "stale_rates": ("BNB",),
    "assumed": ("USDC",),
}
CASH: dict[str, Any] = {
    "balances": A("1000"),
    "receivables": A("0"),
    "in_flight": None,
    "treasury": A("3"),
}
MARGINS = (
    Margin(
        location="binance",
        token="USDT",
        margin_used=A("12.5"),
        unrealized_pnl=None,
        available=A("-1"),
        free=None,
    ),
)
STRATEGY = StrategyValuation(
    **COMMON, book="main", strategy="7", allocated=None, in_flight_pnl=A("0"), margin_used=A("1")
)
BOOK = BookValuation(**COMMON, **CASH, book="main", margins=MARGINS)
PORTFOLIO = PortfolioValuation(**COMMON, **CASH, books=("main", "other"), margins=())
RISK = RiskRecord(
    at=1,
    reporting_currency="USD",
    days=("2023-11-13", "2023-11-14"),
    results=(-1.5, 2.0),
    later=(LaterScenarios(first_day="2023-11-14", exposures={"ETH": 2.0}, results=(0.5,)),),
    exposures={"BTC": 100.0},
    uncovered={"ABC": 3.5},
    correlation_days=30,
    instruments=("a", "b"),
    instrument_correlation=((1.0, None), (None, 1.0)),
    groups=("1",),
    group_correlation=((1.0,),),
    strategies=(),
    strategy_correlation=(),
)
POINT = EquityPoint(
    at=2,
    seqs={"main": 9},
    equity=A("1900"),
    flow=A("0"),
    net=A("0"),
    period_return=None,
    index=A("1.045"),
    day_index=A("1"),
    peak_index=A("1.1"),
    peak_net=A("100"),
    max_drawdown=A("-100"),
    max_drawdown_ratio=A("-0.05"),
    flags=("stale",),
)


@pytest.mark.parametrize("record", [STRATEGY, BOOK, PORTFOLIO, RISK, POINT])
def test_a_record_reads_back_as_it_was_written(record: StrategyValuation) -> None:
    assert type(record).from_fields(record.to_fields()) == record


def test_a_record_reads_back_from_bytes() -> None:
    stored = {name.encode(): text.encode() for name, text in BOOK.to_fields().items()}
    assert BookValuation.from_fields(stored) == BOOK


def test_what_is_unknown_is_an_empty_field() -> None:
    assert BOOK.to_fields()["net_pnl"] == ""
    assert BOOK.to_fields()["realized_pnl"] == "-0.001"


def test_fields_that_are_not_of_the_record_are_left_alone() -> None:
    assert BookValuation.from_fields({**BOOK.to_fields(), "fees_seen": "17"}) == BOOK


def test_a_hash_without_a_valuation_names_what_it_lacks() -> None:
    with pytest.raises(ValueError, match="BookValuation: the stored record has no at"):
        BookValuation.from_fields({"fees_seen": "17"})


def test_a_record_written_before_a_field_was_added_reads_with_its_default() -> None:
    fields = POINT.to_fields()
    del fields["flags"]
    assert EquityPoint.from_fields(fields) == replace(POINT, flags=())


def test_a_window_counts_only_what_has_returns_on_all_of_its_days() -> None:
    assert RISK.window(1) == (("2023-11-14",), (2.5,), {"ABC": 3.5})
    assert RISK.window(365) == (
        ("2023-11-13", "2023-11-14"),
        (-1.5, 2.0),
        {"ABC": 3.5, "ETH": 2.0},
    )
