"""`pm reconcile` and `pm breaks` as a stranger runs them."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import redis

from pm import keys
from pm.breaks.kept import Breaks
from pm.connect import connect
from pm.server import embedded_server
from tests.cli.site import EVENTS, INSTRUMENTS, Shell, clean_environment, fill, spawn, write_events
from tests.servers import server_folder
from tests.statements.told import dumped

RIGHT = {"total": {"BTC": 0.75, "USDT": "51245"}}
WRONG = {"total": {"BTC": 0.75, "USDT": "51244.5"}}


@pytest.fixture
def folder() -> Iterator[Path]:
    with server_folder() as made:
        yield made


@pytest.fixture
def shell(folder: Path) -> Iterator[Shell]:
    """Commands on a private server that was told EVENTS."""
    with embedded_server(folder / "data"):
        shell = Shell(folder, "--data", str(folder / "data"))
        events = write_events(folder / "events.jsonl", *EVENTS)
        shell.ok("ingest", events, "--instruments", INSTRUMENTS)
        yield shell


@contextmanager
def _server(shell: Shell) -> Iterator[redis.Redis]:
    """A client of the shell's server."""
    with embedded_server(shell.folder / "data") as target, connect(target, role="test") as client:
        yield client


def _told(shell: Shell, value: Any, name: str = "told.json") -> Path:
    path = shell.path(name)
    path.write_text(value if isinstance(value, str) else dumped(value))
    return path


def _against(shell: Shell, told: Path | str, *more: str | Path) -> tuple[int, Any]:
    result = shell.run("reconcile", "--statement", told, "--venue", "binance", *more, "--json")
    return result.exit_code, json.loads(result.stdout) if result.stdout else result.stderr


def test_a_right_book_agrees_with_itself_and_with_its_venue(shell: Shell) -> None:
    assert "agrees with its journal" in shell.ok("reconcile")
    second = shell.json("reconcile")
    assert second["books"][0]["from_seq"] == second["books"][0]["seq"], "the checkpoint was kept"
    assert shell.json("reconcile", "--full")["books"][0]["from_seq"] == 0
    code, told = _against(shell, _told(shell, RIGHT))
    assert (code, told["right"], told["compared"]) == (0, True, 2)
    assert told["seqs"] == {"main": second["books"][0]["seq"]}
    assert shell.json("breaks") == []


def test_a_difference_is_a_break_with_a_life(shell: Shell) -> None:
    told = _told(shell, WRONG)
    code, report = _against(shell, told)
    assert (code, report["right"]) == (1, False)
    (found,) = report["found"]
    assert (found["subject"], found["difference"]) == ("binance:USDT", "-0.5")

    listed = shell.run("breaks", "--json")
    assert listed.exit_code == 1
    (kept,) = json.loads(listed.stdout)
    assert (kept["id"], kept["state"], kept["book"]) == (found["id"], "open", "main")
    shown = shell.ok("breaks", "show", found["id"][:6])
    assert "ours          51245\n" in shown
    assert "binance:USDT" in shell.run("breaks").stdout

    shell.ok("breaks", "explain", found["id"], "--why", "fee comes later", "--by", "ann")
    assert _against(shell, told)[0] == 0, "explained, and still so"
    assert shell.json("breaks", "--state", "explained")[0]["by"] == "ann"
    assert _against(shell, _told(shell, {"total": {"BTC": 0.75, "USDT": 51244.4}}))[0] == 1
    assert _against(shell, _told(shell, RIGHT))[0] == 0
    assert shell.json("breaks") == []
    (kept,) = shell.json("breaks", "--all")
    states = [change["state"] for change in kept["history"]]
    assert states == ["open", "explained", "open", "resolved"]


def test_the_past_is_compared_as_of_its_time(shell: Shell) -> None:
    told = _told(shell, RIGHT)
    at = str(time.time_ns())
    later = write_events(shell.path("later.jsonl"), fill(1, quantity="1", price="10"))
    shell.ok("ingest", later)
    assert _against(shell, told)[0] == 1
    code, report = _against(shell, told, "--at", at)
    assert (code, report["right"]) == (0, True)


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("--venue", "binance"), 2, "goes with --statement"),
        (("--statement", "x.json"), 2, "say with --venue"),
        (("--statement", "x.json", "--venue", "binance", "--full"), 2, "as they stand"),
        (("--statement", "x.json", "--venue", "binance"), 1, "x.json: No such file"),
        (("--statement", "bad.json", "--venue", "binance"), 1, "bad.json: is not JSON"),
        (
            ("--statement", "told.json", "--venue", "binance", "--tolerance", "x"),
            2,
            "'x' is not TOKEN=AMOUNT",
        ),
        (
            ("--statement", "quatsch=told.json", "--venue", "binance"),
            2,
            "balances, positions, trad",
        ),
        (("--statement", "told.json", "--venue", "binance", "--at", "noon"), 2, "is no time"),
        (("--statement", "told.json", "--venue", "binance", "--at", "5"), 2, "5 is too small"),
        (("--statement", "told.json", "--venue", "kraken"), 1, "hold nothing at kraken"),
        (("--book", "nowhere"), 1, "book nowhere does not exist"),
    ],
)
def test_a_wrong_use_is_one_line(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], code: int, says: str
) -> None:
    monkeypatch.chdir(shell.folder)
    _told(shell, '{"total":', "bad.json")
    _told(shell, {"total": {"EUR": 1}})
    result = shell.run("reconcile", *arguments)
    assert (result.exit_code, says in result.output) == (code, True), result.output
    assert "Traceback" not in result.output


def test_an_empty_id_is_not_the_only_break(shell: Shell) -> None:
    code, _ = _against(shell, _told(shell, {"total": {"USDT": 1}}))
    assert code == 1
    line = shell.refused("breaks", "resolve", "", "--why", "x", "--by", "ann")
    assert line.startswith("pm: the id of a break is empty")


def test_what_cannot_be_changed_is_one_line(shell: Shell) -> None:
    result = shell.run("breaks", "explain", "B0", "--why", "x", "--by", "ann")
    assert (result.exit_code, result.stderr) == (1, "pm: there is no break B0\n")
    assert shell.run("breaks", "explain", "B0", "--why", "x").exit_code == 2


@pytest.mark.parametrize("step", ["break_recorded", "break_recorded:2", "break_resolved"])
def test_a_run_that_is_killed_is_made_up_for_by_the_next(shell: Shell, step: str) -> None:
    two_wrong = _told(shell, {"total": {"BTC": 0.5, "USDT": 1}}, "wrong.json")
    right = _told(shell, RIGHT)
    if step == "break_resolved":
        _against(shell, two_wrong)
    files = right if step == "break_resolved" else two_wrong
    command = ["--data", "data", "reconcile", "--statement", str(files), "--venue", "binance"]
    killed = subprocess.run(
        [sys.executable, "-m", "pm.cli.main", *command],
        cwd=shell.folder,
        env=clean_environment(PM_TEST_CRASH_AT=step),
        capture_output=True,
        timeout=60,
    )
    assert killed.returncode == -9, killed.stderr

    code, report = _against(shell, files)
    assert len(report["found"]) == (0 if step == "break_resolved" else 2)
    every = json.loads(shell.run("breaks", "--all", "--json").stdout)
    assert len(every) == 2
    expected = "resolved" if step == "break_resolved" else "open"
    assert [each["state"] for each in every] == [expected, expected]
    assert code == (0 if step == "break_resolved" else 1)


def test_processes_at_once_make_one_break(shell: Shell) -> None:
    told = _told(shell, WRONG)
    command = ["--data", "data", "reconcile", "--statement", str(told), "--venue", "binance"]
    started = [spawn(*command, cwd=shell.folder) for _ in range(3)]
    ended = [each.communicate(timeout=60) for each in started]
    assert [each.returncode for each in started] == [1, 1, 1], ended
    (kept,) = json.loads(shell.run("breaks", "--all", "--json").stdout)
    assert (kept["seen_count"], kept["occurrence"], len(kept["history"])) == (3, 1, 1)


def test_books_that_are_proven_at_once_are_both_right(shell: Shell) -> None:
    started = [spawn("--data", "data", "reconcile", "--full", cwd=shell.folder) for _ in range(2)]
    ended = [each.communicate(timeout=60) for each in started]
    assert [each.returncode for each in started] == [0, 0], ended
    assert shell.json("reconcile")["books"][0]["from_seq"] > 0


def test_a_damaged_key_is_found_and_healed(shell: Shell) -> None:
    shell.ok("reconcile")
    with _server(shell) as client:
        key = keys.balance("main", "binance", "USDT")
        right = client.hget(key, "total")
        client.hset(key, "total", "1")
        result = shell.run("reconcile")
        assert result.exit_code == 1
        assert "DOES NOT AGREE" in result.stdout
        (kept,) = Breaks(client, "main").listed(only_open=True)
        assert kept.subject == "balance:binance:USDT total"
        assert kept.first_seq == int(client.hget(key, "seq") or 0)
        client.hset(key, "total", str(right))
        assert "1 resolved" in shell.ok("reconcile")


def test_an_adjustment_is_journaled_and_ends_the_break(shell: Shell) -> None:
    told = _told(shell, WRONG)
    (found,) = _against(shell, told)[1]["found"]
    said = ("--why", "a fee nobody told", "--by", "ann")
    done = shell.json("breaks", "adjust", found["id"], *said)
    assert done["resolution"].startswith("adjusted seq ")
    seq = int(done["resolution"].removeprefix("adjusted seq "))
    entry = next(each for each in shell.json("journal") if each["seq"] == seq)
    assert entry["event"] == "adjustment"
    facts = entry["facts"]
    assert (facts["by"], facts["why"], facts["break"]) == ("ann", "a fee nobody told", found["id"])
    assert _against(shell, told)[0] == 0
    assert shell.json("reconcile")["right"]
    again = shell.run("breaks", "adjust", found["id"], *said)
    assert (again.exit_code, "is resolved" in again.stderr) == (1, True)


def test_a_position_is_adjusted_at_a_cost_somebody_says(shell: Shell) -> None:
    told = shell.path("told.csv")
    told.write_text("instrument,quantity\nbinance.coin.BTCUSDT,0.5\n")
    (found,) = _against(shell, told)[1]["found"]
    said = ("--why", "settled elsewhere", "--by", "ann")
    refused = shell.run("breaks", "adjust", found["id"], *said)
    assert "say with --cost what -0.25 cost" in refused.stderr
    shell.ok("breaks", "adjust", found["id"], "--cost", "-16250", *said)
    assert _against(shell, told)[0] == 0
    (position,) = shell.json("positions")
    assert (position["quantity"], position["realized_pnl"]) == ("0.5", "0")


@pytest.mark.parametrize("is_archived", [False, True])
def test_an_adjustment_that_was_killed_counts_once(shell: Shell, is_archived: bool) -> None:
    told = _told(shell, WRONG)
    (found,) = _against(shell, told)[1]["found"]
    command = ["--data", "data", "breaks", "adjust", found["id"], "--why", "x", "--by", "ann"]
    killed = subprocess.run(
        [sys.executable, "-m", "pm.cli.main", *command],
        cwd=shell.folder,
        env=clean_environment(PM_TEST_CRASH_AT="adjustment_submitted"),
        capture_output=True,
        timeout=60,
    )
    assert killed.returncode == -9, killed.stderr
    assert shell.run("breaks").exit_code == 1, "it is still open"
    if is_archived:
        shell.ok("deposit", "1", "EUR", "--location", "elsewhere")
        shell.ok("archive", "--all-but", "0", "--keep", "1")
    done = shell.json("breaks", "adjust", found["id"], "--why", "x", "--by", "ann")
    seq = int(done["resolution"].removeprefix("adjusted seq "))
    (entry,) = [
        e for e in shell.json("journal") if e["event"] == "adjustment" and e["result"] == "applied"
    ]
    assert entry["seq"] == seq
    assert _against(shell, told)[0] == 0


BY_HAND = ("--token", "USDT", "--venue", "binance", "--why", "x", "--by", "ann", "--amount", "-0.5")


def test_an_adjustment_by_hand_ends_the_break_it_names(shell: Shell) -> None:
    (found,) = _against(shell, _told(shell, WRONG))[1]["found"]
    assert shell.refused("adjust", *BY_HAND, "--break", "B17") == "pm: there is no break B17"
    shell.ok("breaks", "explain", found["id"], "--why", "fee comes later", "--by", "ann")
    named = ("--break", found["id"][:6], "--id", "J1")
    done = shell.json("adjust", *BY_HAND, *named)
    kept = shell.json("breaks", "show", found["id"])
    assert (kept["state"], kept["resolution"]) == ("resolved", f"adjusted seq {done['seq']}")
    assert all(change["at"] > 0 for change in kept["history"])
    (entry,) = [each for each in shell.json("journal") if each["event"] == "adjustment"]
    assert entry["facts"]["break"] == found["id"]

    assert "has counted before" in shell.ok("adjust", *BY_HAND, *named), "repeated under its id"
    line = shell.refused("adjust", *BY_HAND, "--break", found["id"])
    assert line == f"pm: break {found['id']} is resolved: adjusted seq {done['seq']}"
    adjustments = [each for each in shell.json("journal") if each["event"] == "adjustment"]
    assert [each["result"] for each in adjustments] == ["applied", "duplicate"]
    assert shell.run("breaks").exit_code == 0


def test_an_adjustment_by_hand_that_was_killed_ends_its_break_when_repeated(shell: Shell) -> None:
    (found,) = _against(shell, _told(shell, WRONG))[1]["found"]
    command = ["adjust", *BY_HAND, "--break", found["id"], "--id", "J1"]
    killed = subprocess.run(
        [sys.executable, "-m", "pm.cli.main", "--data", "data", *command],
        cwd=shell.folder,
        env=clean_environment(PM_TEST_CRASH_AT="adjustment_submitted"),
        capture_output=True,
        timeout=60,
    )
    assert killed.returncode == -9, killed.stderr
    shell.ok("deposit", "1", "USDT", "--venue", "binance")
    (entry,) = [each for each in shell.json("journal") if each["event"] == "adjustment"]
    assert shell.run("breaks").exit_code == 1, "it is still open"
    shell.ok(*command)
    assert shell.json("breaks", "show", found["id"])["resolution"] == f"adjusted seq {entry['seq']}"


@pytest.mark.parametrize("kind", ["trade", "state"])
def test_what_no_adjustment_can_end_says_what_can(shell: Shell, kind: str) -> None:
    if kind == "trade":
        told = shell.path("told.csv")
        told.write_text(
            "execution_id,symbol,side,quantity,price,executed_at\n"
            "X1,BTC/USDT,buy,1,2,2023-11-14T21:00Z\n"
        )
        (found,) = _against(shell, told)[1]["found"]
        break_id = found["id"]
    else:
        with _server(shell) as client:
            client.hset(keys.balance("main", "binance", "USDT"), "total", "1")
        shell.run("reconcile")
        break_id = json.loads(shell.run("breaks", "--json").stdout)[0]["id"]
    result = shell.run("breaks", "adjust", break_id, "--why", "x", "--by", "ann")
    assert result.exit_code == 1
    assert ("rebuild the book" if kind == "state" else "bust, correct") in result.stderr
