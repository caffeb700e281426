"""`pm attribution` and `pm explain` from events and marks, as a stranger runs them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pm.attribution.period import parse_moment
from pm.server import embedded_server
from tests.cli.site import INSTRUMENTS, Shell, write_events
from tests.servers import server_folder

BTC = "binance.coin.BTCUSDT"
RANGE = ("--from", "2025-03-01", "--to", "2025-03-02")


def event(kind: str, at: str, **told: Any) -> dict[str, Any]:
    return {"kind": kind, "executed_at": parse_moment(at, "at"), **told}


def trade(number: int, at: str, side: str, quantity: str, price: str) -> dict[str, Any]:
    return event(
        "fill",
        at,
        execution_id=f"T{number}",
        order_id=f"O{number}",
        strategy_id=7,
        instrument=BTC,
        side=side,
        venue="binance",
        quantity=quantity,
        price=price,
        fees=[{"token": "USDT", "amount": "1"}],
        trace={"id": f"{1:032x}", "arbitrage": True},
    )


EVENTS = (
    event("allocation", "2025-03-01", event_id="A1", strategy_id=7, token="USDT", amount="9000"),
    trade(1, "2025-03-01T10:00:00", "buy", "2", "100"),
    trade(2, "2025-03-02T10:00:00", "sell", "1", "120"),
)
MARKS = (
    (BTC, "110", "2025-03-01T23:59:00Z"),
    (BTC, "115", "2025-03-02T23:00:00Z"),
    ("USDT", "1", "2025-03-01T23:59:00Z"),
    ("USDT", "0.99", "2025-03-02T23:00:00Z"),
)


@pytest.fixture(scope="module")
def told() -> Iterator[Shell]:
    """Commands on a server that was told EVENTS and MARKS."""
    with server_folder() as folder, embedded_server(folder / "data"):
        shell = Shell(folder, "--data", str(folder / "data"))
        events = write_events(folder / "events.jsonl", *EVENTS)
        shell.ok("ingest", events, "--instruments", INSTRUMENTS)
        for subject, price, at in MARKS:
            quote = () if subject == BTC else ("--quote", "USD")
            shell.ok("mark", "set", subject, price, "--time", at, *quote)
        yield shell


def test_attribution_of_two_days(told: Shell) -> None:
    found = told.json("attribution", "--strategy", "7", *RANGE)

    assert found["strategy_id"] == 7
    assert found["net_pnl"] == {"by_token": {"USDT": "33"}, "reported": "32.67"}
    assert found["total_pnl"]["by_token"] == {"USDT": "35"}
    assert (found["trade_count"], found["missing"]) == (2, [])
    assert list(found["venue_attribution"]) == ["binance"]
    pair = found["token_pair_attribution"]["BTC/USDT"]
    assert pair["average_spread_captured"] == "0.2"
    assert [row["executed_at"] for row in found["details"]] == [
        EVENTS[1]["executed_at"],
        EVENTS[2]["executed_at"],
    ]


def test_attribution_for_people(told: Shell) -> None:
    shown = told.ok("attribution", "--strategy", "7", *RANGE)

    assert "strategy 7, book main: 2025-03-01T00:00:00Z to 2025-03-03T00:00:00Z" in shown
    assert [line.split() for line in shown.splitlines() if line.startswith("Net P&L")] == [
        ["Net", "P&L", "33", "USDT", "32.67"]
    ]


@pytest.mark.parametrize("granularity", ["trade_level", "daily", "position_level"])
def test_every_granularity_has_rows_for_people_and_programs(told: Shell, granularity: str) -> None:
    asked = ("attribution", "--strategy", "7", *RANGE, "--granularity", granularity)
    assert len(told.json(*asked)["details"]) == {"position_level": 1}.get(granularity, 2)
    titles = {"trade_level": "bookings", "daily": "days", "position_level": "trips"}
    rows = told.ok(*asked).partition(f"\n{titles[granularity]} (")[2]
    assert "2025-03-01" in rows


def test_a_range_within_a_day(told: Shell) -> None:
    start, end = "2025-03-02T09:00:00Z", "2025-03-02T10:00:00.000001Z"
    found = told.json("attribution", "--strategy", "7", "--from", start, "--to", end)
    assert (found["trade_count"], found["realized_pnl"]["by_token"]) == (1, {"USDT": "20"})


def test_the_page_is_written(told: Shell) -> None:
    path = told.path("page.html")
    shown = told.ok("attribution", "--strategy", "7", *RANGE, "--html", path)
    assert f"wrote {path}" in shown
    assert "<h1>Strategy 7: performance</h1>" in path.read_text()


def test_detail_can_be_turned_off(told: Shell) -> None:
    config = told.path("plain.toml")
    config.write_text("[attribution]\nenable_detailed_attribution = false\n")
    plain = Shell(told.folder, *told.options, "--config", str(config))
    found = plain.json("attribution", "--strategy", "7", *RANGE)
    assert (found["venue_attribution"], found["details"]) == ({}, [])
    assert found["net_pnl"]["by_token"] == {"USDT": "33"}


def test_explain_adds_up(told: Shell) -> None:
    found = told.json("explain", "--day", "2025-03-02")
    names = (
        "carried_positions",
        "new_trades",
        "fees",
        "carry",
        "transfer_cost",
        "corrections",
        "currency",
        "rounding",
    )
    assert [found[name]["reported"] for name in names] == [
        "9.9",
        "4.95",
        "-0.99",
        "0",
        "0",
        "0",
        "-0.19",
        "0",
    ]
    assert found["total"] == {"by_token": {"USDT": "14"}, "reported": "13.67"}
    assert [move["instrument_id"] for move in found["instruments"]] == [BTC]


def test_explain_for_people(told: Shell) -> None:
    shown = told.ok("explain", "--day", "2025-03-02", "--strategy", "7")
    lines = {line[:28].strip(): line[28:].split() for line in shown.splitlines()}
    assert lines["positions carried into the d"][-2:] == ["10", "9.9"]
    assert lines["net P&L of the day"] == ["14", "13.67"]


def test_today_is_explained_without_a_day(told: Shell) -> None:
    found = told.json("explain")
    assert found["end_prices"] == "at the current marks"
    assert found["total"]["by_token"] == {"USDT": None}
    assert any(line.startswith(f"no price of {BTC} in USDT, at the") for line in found["missing"])


@pytest.mark.parametrize(
    ("arguments", "code", "line"),
    [
        (("attribution", "--strategy", "99"), 1, "pm: no book knows strategy 99"),
        (("explain", "--strategy", "99"), 1, "pm: no book knows strategy 99"),
        (("explain", "--book", "x"), 1, "holds no book x"),
        (("explain", "--day", "today"), 2, "--day: today is not a day like 2025-06-01"),
        (("explain", "--day", "2999-01-01"), 2, "--day: 2999-01-01 has not begun yet"),
        (("explain", "--day", "1969-01-01"), 2, "--day: 1969-01-01 is before 1970"),
        (
            ("attribution", "--strategy", "7", "--from", "March"),
            2,
            "--from: March is neither a day nor a time",
        ),
        (
            ("attribution", "--strategy", "7", "--from", "2025-03-02", "--to", "2025-03-01"),
            2,
            "the range is empty",
        ),
    ],
)
def test_trouble_is_one_line(told: Shell, arguments: tuple[str, ...], code: int, line: str) -> None:
    assert line in told.refused(*arguments, code=code)


def test_a_page_that_cannot_be_written_is_one_line(told: Shell, tmp_path: Path) -> None:
    path = tmp_path / "none" / "page.html"
    told.refused("attribution", "--strategy", "7", "--html", path)


def test_equity_and_drawdown_come_from_marking_to_market(told: Shell) -> None:
    told.ok("mark", "to-market")
    found = told.json("attribution", "--strategy", "7", "--from", "2025-03-01")
    assert json.dumps(found["max_drawdown"]) == '"0"'
    assert len(found["equity_curve"]) == 1
