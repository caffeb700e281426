"""What is shown where nothing can be redrawn, and how figures are rounded for reading."""

from __future__ import annotations

import io

import pytest

from pm.demo.labels import amount_label, amounts_label, instrument_label
from pm.demo.scenario import build_scenario
from pm.demo.screen import Screen
from pm.demo.view import BookRow, PositionRow, View

REFERENCE = build_scenario(1, 10).reference


@pytest.mark.parametrize(
    ("amount", "shown"),
    [
        ("", "-"),
        ("0", "0"),
        ("1234567.891", "1,234,567.89"),
        ("-1234.5", "-1,234.5"),
        ("12.34567", "12.3457"),
        ("-0.000000000000000001", "~0"),
        ("0.00012345678", "0.000123"),
        ("999.99999", "1,000"),
    ],
)
def test_amounts_are_rounded_for_reading(amount: str, shown: str) -> None:
    assert amount_label(amount) == shown


def test_amounts_of_several_tokens_stand_side_by_side() -> None:
    assert amounts_label({"USDC": "1.5", "WETH": "0.25"}) == "1.5 USDC, 0.25 WETH"


@pytest.mark.parametrize(
    ("instrument", "shown"),
    [
        ("binance.coin.BTCUSDT", "binance BTC/USDT"),
        ("uniswapv3.pool.0xc9d5122edcbd169d", "polygon WETH/USDC"),
        ("deribit.option.0x000186a005202800", "deribit BTC 100000 call"),
        ("deribit.future.BTC-PERP", "deribit BTC-PERP perpetual"),
        ("nasdaq.stock.AAPL", "nasdaq AAPL"),
    ],
)
def test_instruments_have_short_names(instrument: str, shown: str) -> None:
    assert instrument_label(REFERENCE.instruments[instrument]) == shown


def view() -> View:
    position = PositionRow(
        "main", "20", "binance.coin.BTCUSDT", "-1.5", "-97500", "65000", "12.25", "USDT",
        {"USDT": "3"}, "7",
    )  # fmt: skip
    return View([BookRow("main", seq=9, trades=7, lag=2)], [position])


def test_without_a_terminal_progress_is_a_plain_line() -> None:
    out = io.StringIO()
    Screen(out, 10, REFERENCE.instruments).show(view())
    expected = "7 of 10 executions in the books, 1 positions held, 2 waiting\n"
    assert out.getvalue().endswith(expected)
    assert "\x1b" not in out.getvalue()


def test_progress_tells_the_equity_once_there_has_been_a_mark_to_market() -> None:
    out = io.StringIO()
    shown = view()
    shown.equity = "1234567.891"
    Screen(out, 10, REFERENCE.instruments).show(shown)
    assert out.getvalue().endswith("2 waiting, equity 1,234,567.89 USD\n")


def test_the_summary_follows_the_last_table() -> None:
    out = io.StringIO()
    Screen(out, 10, REFERENCE.instruments).finish(view(), ["in USD", "all"])
    assert out.getvalue().endswith("\n\nin USD\nall\n\n")


def test_the_last_table_shows_every_position() -> None:
    out = io.StringIO()
    Screen(out, 10, REFERENCE.instruments).finish(view(), ["in USD"])
    (row,) = (line for line in out.getvalue().splitlines() if line.startswith("main"))
    assert row.split() == [
        "main", "20", "market", "making", "binance", "BTC/USDT", "-1.5", "65,000", "12.25", "USDT",
        "3", "USDT", "7",
    ]  # fmt: skip


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_on_a_terminal_the_table_is_redrawn_in_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    out = Terminal()
    screen = Screen(out, 10, REFERENCE.instruments)
    screen.show(view())
    lines = out.getvalue().count("\n")
    screen.show(view())
    assert out.getvalue().count(f"\x1b[{lines}A") == 1


@pytest.mark.parametrize(("name", "value"), [("NO_COLOR", "1"), ("TERM", "dumb")])
def test_a_terminal_that_wants_plain_text_gets_it(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv(name, value)
    out = Terminal()
    Screen(out, 10, REFERENCE.instruments).show(view())
    assert "\x1b" not in out.getvalue()


def test_a_narrow_terminal_keeps_quantity_and_profit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "70")
    monkeypatch.delenv("NO_COLOR", raising=False)
    out = Terminal()
    Screen(out, 10, REFERENCE.instruments).show(view())
    assert "realized P&L" in out.getvalue()
    assert "fees" not in out.getvalue()
    assert max(len(line) for line in out.getvalue().splitlines()) < 70 + len("\x1b[?25l")
