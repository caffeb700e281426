"""The commands that read: the fields programs rely on, and words for people."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from pm.decimals import Amount
from tests.cli.site import EVENTS, INSTRUMENTS, Shell, fill, spawn, write_events

TRACE = "00000000000000000000000000000001"


def amounts(found: dict[str, Any], *names: str) -> None:
    """Every named field is canonical decimal text."""
    for name in names:
        assert isinstance(found[name], str), name
        assert str(Amount.parse(found[name])) == found[name]


def test_positions(told: Shell) -> None:
    [position] = told.json("positions")
    assert {type(position[name]) for name in ("strategy_id", "chain_id", "total_trades")} == {int}
    amounts(position, "quantity", "avg_cost_basis", "cost", "realized_pnl")
    assert position["fees_paid"] == {"USDT": "5"}
    assert (position["market_value"], position["unrealized_pnl"]) == (None, None)
    assert position["first_trade_time"] == EVENTS[1]["executed_at"]


def test_positions_for_people(told: Shell) -> None:
    heading, row = told.ok("positions").splitlines()
    assert heading.startswith("book  strategy  instrument")
    cells = re.split(r"  +", row)
    assert cells[:6] == ["main", "7", "binance.coin.BTCUSDT", "0.75", "65000", "48750"]


def test_closed_positions_are_shown_when_asked_for(shell: Shell) -> None:
    events = (fill(1), fill(2, side="sell"))
    path = write_events(shell.path("e.jsonl"), *events)
    shell.ok("ingest", path, "--instruments", INSTRUMENTS)
    assert shell.json("positions") == []
    [closed] = shell.json("positions", "--all")
    assert (closed["quantity"], closed["avg_cost_basis"]) == ("0", None)


def test_one_instrument_over_all_strategies(told: Shell) -> None:
    netted = told.json("positions", "--instrument", "binance.coin.BTCUSDT")
    amounts(netted, "quantity", "long_quantity", "short_quantity")
    assert "over all strategies" in told.ok("positions", "--instrument", "binance.coin.BTCUSDT")
    [held] = told.json("positions", "--instrument", "binance.coin.BTCUSDT", "--strategy", "7")
    assert held["strategy_id"] == 7


def test_balances(told: Shell) -> None:
    found = told.json("balances")
    assert {balance["token"]: balance["total"] for balance in found} == {
        "BTC": "0.75",
        "USDT": "51245",
    }
    for balance in found:
        assert balance["chain_id"] == 0
        amounts(balance, "available", "reserved", "total")
    assert told.json("balances", "--location", "binance") == found
    assert told.json("balances", "--chain", "0") == found
    assert told.json("balances", "--chain", "1") == []
    assert "51245" in told.ok("balances")


def test_strategy(told: Shell) -> None:
    found = told.json("strategy", "7")
    assert (found["strategy_id"], found["trade_count"]) == (7, 2)
    assert found["total_fees"] == {"USDT": "5"}
    assert (found["orders_filled"], found["orders_rejected"]) == (1, 1)
    assert [position["strategy_id"] for position in found["positions"]] == [7]
    assert "1 filled, 1 rejected" in told.ok("strategy", "7")


@pytest.mark.parametrize("as_json", [(), ("--json",)])
@pytest.mark.parametrize(
    ("command", "said"),
    [
        (("strategy", "99"), "pm: no book knows strategy 99"),
        (("equity", "--strategy", "99"), "pm: no book knows strategy 99"),
        (("risk", "--strategy", "99"), "pm: no book knows strategy 99"),
        (("positions", "--strategy", "99"), "pm: no book knows strategy 99"),
        (("strategy", "99", "--book", "main"), "pm: book main knows no strategy 99"),
        (("equity", "--strategy", "7", "--book", "no"), "pm: book no does not exist"),
        (("positions", "--instrument", "NOPE"), "pm: no strategy ever held NOPE"),
        (
            ("positions", "--instrument", "NOPE", "--strategy", "7"),
            "pm: strategy 7 never held NOPE",
        ),
        (("trace", "zzz"), "pm: no book knows trace zzz"),
    ],
)
def test_what_nobody_knows_is_one_line_for_programs_too(
    told: Shell, command: tuple[str, ...], said: str, as_json: tuple[str, ...]
) -> None:
    assert told.refused(*command, *as_json) == said


def test_traces(told: Shell) -> None:
    [listed] = told.json("trace")
    [part] = told.json("trace", TRACE)
    assert listed == part
    assert (part["trace_id"], part["is_arbitrage"], part["status"]) == (TRACE, True, "open")
    [step] = part["steps"]
    assert (step["strategy_id"], step["chain_id"], step["step_type"]) == (7, 0, "entry")
    amounts(step, "quantity_delta", "price")
    assert "arbitrage, open" in told.ok("trace", TRACE)
    assert TRACE in told.ok("trace")


def test_the_journal(told: Shell) -> None:
    entries = told.json("journal")
    assert [entry["seq"] for entry in entries] == list(range(1, 8))
    assert entries[3]["event"] == "fill"
    assert told.json("journal", "--from", "3", "--count", "2") == entries[2:4]
    assert told.json("journal", "--count", "2") == entries[-2:]
    assert len(told.ok("journal").splitlines()) == 8


def test_verify(told: Shell) -> None:
    [report] = told.json("verify")
    assert (report["book"], report["whole"], report["seq"]) == ("main", True, 7)
    assert told.ok("verify").startswith("book main is right at seq 7")


def test_reference_and_functions(told: Shell) -> None:
    reference = told.json("reference")
    assert reference["version"] == 1
    assert {"id", "kind", "base", "quote"} <= reference["instruments"][0].keys()
    assert told.ok("reference").startswith("version 1: ")
    functions = told.json("functions")
    assert functions["wanted"] in functions["loaded"]


def test_watch_ends_after_the_wanted_updates(told: Shell) -> None:
    lines = told.ok("watch", "--from", "3", "--count", "2", "--json").splitlines()
    assert len(lines) == 2
    assert "position_opened" in told.ok("watch", "--from", "4", "--count", "1")


def test_the_first_command_on_a_new_folder_shows_an_empty_book(shell: Shell) -> None:
    assert shell.json("positions") == []
    assert shell.json("balances") == []
    assert [entry["event"] for entry in shell.json("journal")] == ["opened"]
    assert shell.ok("verify").startswith("book main is right at seq 1")


@pytest.mark.parametrize("command", ["positions", "balances", "trace", "journal", "quarantine"])
def test_lists_of_a_server_without_books_are_empty(
    redis_server: Any, tmp_path: Path, command: str
) -> None:
    shell = Shell(tmp_path, "--redis", redis_server.url)
    assert shell.json(command) == []
    assert redis_server.client().dbsize() == 0


@pytest.mark.parametrize("command", [("strategy", "7"), ("verify",)])
def test_what_needs_a_book_says_that_there_is_none(
    redis_server: Any, tmp_path: Path, command: tuple[str, ...]
) -> None:
    result = Shell(tmp_path, "--redis", redis_server.url).run(*command)
    assert (result.exit_code, result.stdout) == (1, "")
    assert re.search(r"holds no book|book main does not exist", result.stderr)


def test_a_server_without_books_is_named_with_a_hint(redis_server: Any, tmp_path: Path) -> None:
    said = Shell(tmp_path, "--redis", redis_server.url).run("positions").stderr
    assert "holds no book yet: `pm ingest` or `pm worker` opens one" in said


@pytest.mark.parametrize("variables", [{"NO_COLOR": "1"}, {"TERM": "dumb"}, {}])
def test_what_is_not_a_terminal_gets_no_colour(told: Shell, variables: dict[str, str]) -> None:
    assert "\x1b" not in told.ok("positions", **variables)


def test_a_reader_that_goes_away_is_no_error(told: Shell, tmp_path: Path) -> None:
    command = spawn(*told.options, "journal", "--json", cwd=tmp_path)
    assert command.stdout is not None
    assert command.stderr is not None
    command.stdout.close()
    assert command.wait(60) in (0, 1)
    assert command.stderr.read() == ""
    command.stderr.close()


def test_the_same_events_give_the_same_answers_on_a_redis(
    told: Shell, redis_server: Any, tmp_path: Path
) -> None:
    other = Shell(tmp_path, "--redis", redis_server.url)
    other.ok("ingest", told.path("events.jsonl"), "--instruments", INSTRUMENTS)
    for command in (
        ("positions", "--all"),
        ("balances",),
        ("strategy", "7"),
        ("trace", TRACE),
    ):
        assert other.json(*command) == told.json(*command)
    digests = [shell.json("verify")[0]["seq"] for shell in (told, other)]
    assert digests[0] == digests[1]


@pytest.mark.parametrize("count", [4, pytest.param(20, marks=pytest.mark.slow)])
def test_many_commands_at_once_on_one_new_folder_all_succeed(folder: Path, count: int) -> None:
    data = ("--data", str(folder / "data"))
    started: list[subprocess.Popen[str]] = []
    for number in range(count):
        if number % 2:
            started.append(spawn(*data, "positions", "--json", cwd=folder))
        else:
            events = write_events(folder / f"{number}.jsonl", fill(number))
            ingest = ("ingest", str(events), "--instruments", str(INSTRUMENTS))
            started.append(spawn(*data, *ingest, cwd=folder))
    ended = [command.communicate(timeout=120) for command in started]
    assert [command.returncode for command in started] == [0] * count, ended
    [position] = Shell(folder, *data).json("positions")
    assert position["total_trades"] == count // 2
    assert position["quantity"] == str(Amount.parse("0.5") * Amount.parse(str(count // 2)))
    Shell(folder, *data).ok("verify")
