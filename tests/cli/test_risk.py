"""The commands that tell what the books are worth: numbers for programs, words for people."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from pm.decimals import Amount
from pm.server import embedded_server
from tests.cli.site import EVENTS, INSTRUMENTS, Shell, fill, write_events
from tests.servers import server_folder

TRACE = "00000000000000000000000000000001"
NOT_VALUED = "no mark-to-market pass yet: `pm mark to-market` or `pm worker`"
ALLOCATION = {
    "kind": "allocation",
    "event_id": "A1",
    "strategy_id": 7,
    "token": "USDT",
    "amount": "60000",
    "executed_at": 1_699_999_999_500_000_000,
}
RESERVATION = {
    "kind": "reserve",
    "event_id": "V1",
    "order_id": "O9",
    "strategy_id": 7,
    "venue": "binance",
    "token": "USDT",
    "amount": "100",
    "executed_at": 1_700_000_004_000_000_000,
}


@pytest.fixture(scope="module")
def valued() -> Iterator[Shell]:
    """Commands on a private server with events, marks and two mark-to-market passes."""
    with server_folder() as folder, embedded_server(folder / "data"):
        shell = Shell(folder, "--data", str(folder / "data"))
        events = write_events(folder / "e.jsonl", EVENTS[0], ALLOCATION, *EVENTS[1:], RESERVATION)
        shell.ok("ingest", events, "--instruments", INSTRUMENTS)
        shell.ok("mark", "set", "USDT", "1", "--quote", "USD")
        shell.ok("mark", "set", "binance.coin.BTCUSDT", "66000")
        shell.ok("mark", "to-market")
        shell.ok("mark", "set", "binance.coin.BTCUSDT", "65500")
        shell.ok("mark", "to-market")
        yield shell


def rows(told: str) -> dict[str, str]:
    """A table of two columns."""
    pairs = (line.split("  ", 1) for line in told.splitlines() if "  " in line)
    return {name: rest.strip() for name, rest in pairs}


def test_the_summary(valued: Shell) -> None:
    found = valued.json("summary")
    assert found["seqs"] == {"main": valued.json("verify")[0]["seq"]}
    assert found["total_pnl"] == {"USDT": "375"}
    assert found["net_pnl"] == {"USDT": "370"}
    assert found["converted"]["net_pnl"] == "370"
    assert found["valuation"]["equity"] == "100370"
    assert found["behind"] == {"main": 0}
    told = valued.ok("summary")
    assert re.search(r"^net P&L +370 USDT +370$", told, re.MULTILINE)
    assert rows(told)["equity"] == "100370"
    assert "nothing since" in told
    assert rows(valued.ok("summary", "--book", "main"))["equity"] == "100370"


def test_the_summary_says_what_exposures_are_of_and_in_what(valued: Shell) -> None:
    found = valued.json("summary")
    assert {"inception_time", "last_update_time"}.isdisjoint(found)
    told = rows(valued.ok("summary"))
    assert told["exposure by asset, USD"] == "BTC 49125"
    assert told["in stablecoins, USD"] == "USDT 51245"
    assert rows(valued.ok("risk"))["without past returns, USD"] == ("USDT 51245, BTC 49125 (100 %)")


@pytest.fixture
def in_doubt(shell: Shell) -> Shell:
    """A valued book without a rate of USDT, with a fee that has no value."""
    fees = [{"token": "BNB", "amount": "0.01"}]
    bought = {**EVENTS[1], "fees": fees, "trace": None}
    funded = {**ALLOCATION, "strategy_id": 9, "event_id": "A9"}
    events = write_events(shell.path("e.jsonl"), EVENTS[0], ALLOCATION, funded, bought)
    shell.ok("ingest", events, "--instruments", INSTRUMENTS)
    shell.ok("mark", "to-market")
    return shell


def test_why_there_are_no_equity_points(in_doubt: Shell) -> None:
    told = in_doubt.ok("equity")
    assert told.startswith("equity is unknown: ")
    assert "no rate USDT/USD" in told
    assert told.endswith("; see `pm summary`\n")
    told = in_doubt.ok("equity", "--strategy", "7")
    assert "no mark of binance.coin.BTCUSDT" in told
    in_doubt.ok("ingest", write_events(in_doubt.path("n.jsonl"), fill(1)))
    assert in_doubt.ok("equity", "--strategy", "8").startswith("strategy 8 has no capital")
    told = in_doubt.ok("risk", "--strategy", "8")
    assert told.startswith("strategy 8 has not been valued yet: `pm mark to-market`")


def test_a_pass_is_told_in_words(in_doubt: Shell) -> None:
    assert "longest_hold_ms" in in_doubt.json("mark", "to-market")
    told = rows(in_doubt.ok("mark", "to-market"))
    assert (told["newly valued"], told["at old marks"], told["without a mark"]) == ("0", "0", "1")
    assert told["books that could not be read"] == "none"
    assert in_doubt.refused("mark", "to-market", "--book", "no") == "pm: book no does not exist"


def test_the_value_of_fees_tells_what_is_without_one(in_doubt: Shell) -> None:
    told = in_doubt.ok("summary")
    assert re.search(r"^value of fees +0 and 0.01 BNB without a value +-$", told, re.MULTILINE)


def test_risk(valued: Shell) -> None:
    found = valued.json("risk", "--lookback", "40")
    assert (found["lookback_days"], found["book"]) == (40, "main")
    assert found["valuation"]["gross_exposure"] == "49125"
    told = rows(valued.ok("risk"))
    assert told["value at risk"] == "- (30 days of returns needed, 0 there)"
    assert told["gross exposure"] == "49125"
    of_strategy = valued.json("risk", "--strategy", "7")
    assert (of_strategy["strategy_id"], of_strategy["valuation"]["equity"]) == (7, "60370")


def test_equity(valued: Shell) -> None:
    first, second = valued.json("equity")
    assert (first["equity"], second["equity"]) == ("100745", "100370")
    assert Amount.parse(second["period_return"]) < Amount(0)
    heading, *lines = valued.ok("equity").splitlines()
    assert heading.split() == [
        *("time", "(UTC)", "equity", "flow", "earned", "return", "index", "drawdown", "flags")
    ]
    assert [line.split()[1] for line in lines] == ["100745", "100370"]
    assert "-0.37 %" in lines[1]
    assert len(valued.json("equity", "--count", "1")) == 1
    assert valued.json("equity", "--strategy", "7")[1]["equity"] == "60370"


def test_equity_of_a_time(valued: Shell) -> None:
    first, second = valued.json("equity")
    assert valued.json("equity", "--from", str(second["at"])) == [second]
    assert valued.json("equity", "--to", str(first["at"])) == [first]
    assert valued.json("equity", "--from", "2020-01-01", "--to", "2020-01-02T00:00:00Z") == []
    assert "no equity point in this time" in valued.ok("equity", "--to", "2020-01-01")
    assert "is no time: write 2025-06-01" in valued.refused("equity", "--from", "soon", code=2)


def test_positions_have_their_value(valued: Shell) -> None:
    heading, row = valued.ok("positions").splitlines()
    assert heading.split() == [
        *("book", "strategy", "instrument", "quantity", "average", "cost"),
        *("mark", "value", "unrealized", "exposure", "realized", "in"),
    ]
    assert row.split()[6:] == ["65500", "49125", "375", "49125", "0", "USDT"]
    assert "fees paid" in valued.ok("positions", "--wide")
    netted = rows(valued.ok("positions", "--instrument", "binance.coin.BTCUSDT"))
    assert (netted["value"], netted["net P&L"]) == ("49125", "370")


def test_a_strategy_has_equity_and_performance(valued: Shell) -> None:
    told = rows(valued.ok("strategy", "7"))
    assert told["equity"] == "60370 USD"
    assert told["total P&L"] == "375 USDT"
    assert told["max drawdown"] == "-375 USD, -0.62 %"
    assert told["Sharpe ratio"] == "- (2 days of returns needed, 0 there)"
    found = valued.json("strategy", "7")
    assert (found["equity"], found["max_drawdown"]) == ("60370", "-375")


def test_reservations(valued: Shell) -> None:
    [found] = valued.json("reservations")
    assert (found["order"], found["left"], found["token"]) == ("binance:O9", "100", "USDT")
    heading, row = valued.ok("reservations").splitlines()
    assert heading.split()[:6] == ["book", "order", "strategy", "instrument", "location", "token"]
    assert row.split()[:3] == ["main", "binance:O9", "7"]
    assert " d " in row


def test_balances_with_margin(valued: Shell) -> None:
    heading = valued.ok("balances", "--margin").splitlines()[0]
    assert "margin used" in heading
    assert all("margin" in balance for balance in valued.json("balances", "--margin"))
    assert "margin" not in valued.ok("balances").splitlines()[0]


def test_traces(valued: Shell) -> None:
    [found] = valued.json("traces")
    assert (found["trace_id"], found["status"]) == (TRACE, "open")
    assert valued.json("traces", "--open") == [found]
    assert valued.json("traces", "--ended") == valued.json("traces", "--stranded") == []
    assert valued.json("traces", "--all", "--count", "1") == [found]
    assert TRACE in valued.ok("traces")
    assert "at binance" in valued.ok("trace", TRACE)


def test_a_book_that_was_never_valued_says_so(told: Shell) -> None:
    assert told.ok("risk").strip() == NOT_VALUED
    assert told.ok("equity").strip() == NOT_VALUED
    summary = told.ok("summary")
    assert NOT_VALUED in summary
    assert "open positions without a mark: 1" in summary
    assert rows(told.ok("strategy", "7"))["equity"] == NOT_VALUED
    assert told.json("equity") == []
    assert told.json("summary")["valuation"] is None
    assert told.json("risk")["losses"]["value_at_risk"] is None


@pytest.mark.parametrize(
    "command", [("reservations",), ("traces",), ("traces", "--stranded"), ("balances", "--margin")]
)
def test_lists_of_an_empty_book_are_empty(shell: Shell, command: tuple[str, ...]) -> None:
    assert shell.json(*command) == []


@pytest.mark.parametrize("command", ["summary", "risk", "equity"])
def test_a_book_that_does_not_exist_is_named(told: Shell, command: str) -> None:
    assert "book none does not exist" in told.refused(command, "--book", "none")


@pytest.mark.parametrize("command", ["summary", "risk", "equity"])
def test_a_server_without_books_is_one_line_more(
    redis_server: Any, tmp_path: Any, command: str
) -> None:
    result = Shell(tmp_path, "--redis", redis_server.url).run(command)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "holds no book yet" in result.stderr
