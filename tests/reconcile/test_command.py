"""`pm reconcile` and `pm breaks` as a stranger runs them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pm import keys
from pm.connect import connect
from pm.reconcile.breaks import Breaks
from pm.server import embedded_server
from tests.cli.site import EVENTS, INSTRUMENTS, Shell, clean_environment, fill, write_events
from tests.reconcile.told import dumped
from tests.servers import server_folder

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
    import time

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
        (("--statement", "told.json", "--venue", "binance", "--tolerance", "x"), 2, "tolerance"),
        (("--statement", "told.json", "--venue", "binance", "--at", "noon"), 2, "is no time"),
        (("--statement", "told.json", "--venue", "kraken"), 1, "1 open"),
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


def test_a_damaged_key_is_found_and_healed(shell: Shell, folder: Path) -> None:
    shell.ok("reconcile")
    with embedded_server(folder / "data") as target, connect(target, role="test") as client:
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
