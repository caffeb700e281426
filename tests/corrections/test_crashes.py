"""Whoever makes a correction is killed at any step: it is made once, and all of it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pm import keys
from tests.corrections.correcting import BOOK, CorrectingDesk
from tests.servers import ServerProcess
from workers.corrections import CorrectionUpkeep

ROOT = Path(__file__).resolve().parents[2]
STEPS = ("correction_found", "correction_derived", "correction_submitted")
WAIT_S = 60
BUST = ("bust", "T1", "--by", "anna", "--why", "a test", "--id", "C1")


@pytest.fixture
def told(valkey_server: ServerProcess) -> CorrectingDesk:
    """Two trades, of which the first is to be busted."""
    desk = CorrectingDesk.on(valkey_server)
    desk.trade("2", "100")
    desk.trade("-1", "130")
    return desk


def pm(desk: CorrectingDesk, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PM_")}
    return subprocess.run(
        [sys.executable, "-m", "pm.cli.main", *command],
        cwd=ROOT,
        env={**kept, "PM_REDIS_URL": desk.desk.server.url, **variables},
        capture_output=True,
        text=True,
        timeout=WAIT_S,
        check=False,
    )


def is_made(desk: CorrectingDesk) -> None:
    """The first trade is gone, once, and the book is whole."""
    assert desk.figures()[:3] == ("-1", "-130", "0")
    assert (desk.balance("BTC"), desk.balance("USDT")) == ("-1", "130")
    assert len(desk.entries("restatement")) == 1
    assert desk.pending()["status"] == "restated"
    desk.verify()


def test_every_step_is_one_of_these() -> None:
    sources = [ROOT / "workers/corrections.py", *(ROOT / "pm/corrections").glob("*.py")]
    text = "\n".join(path.read_text() for path in sources)
    named = re.findall(r'crash_point\("(correction_\w+)"\)', text)
    assert sorted(named) == sorted((*STEPS, "correction_refused"))


@pytest.mark.parametrize("step", STEPS[1:])
def test_a_command_killed_at_a_step_is_repeated_under_its_id(
    told: CorrectingDesk, step: str
) -> None:
    assert pm(told, *BUST, PM_TEST_CRASH_AT=step).returncode == -signal.SIGKILL
    again = pm(told, *BUST)
    assert again.returncode == 0, again.stderr
    is_made(told)


@pytest.mark.parametrize("step", STEPS)
def test_a_process_killed_at_a_step_is_followed_by_another(told: CorrectingDesk, step: str) -> None:
    told.ask_bust("binance/O1/T1")
    assert pm(told, "valuation", PM_TEST_CRASH_AT=step).returncode == -signal.SIGKILL
    upkeep = CorrectionUpkeep(told.desk.client, told.desk.submitter, lambda: None)
    upkeep.round(["main"])
    is_made(told)
    assert upkeep.round(["main"]) == 0


def test_a_correction_that_fails_is_failed_by_the_next(told: CorrectingDesk) -> None:
    told.ask_correct("binance/O1/T1", quantity="-2")
    killed = pm(told, "valuation", PM_TEST_CRASH_AT="correction_refused")
    assert killed.returncode == -signal.SIGKILL
    assert told.pending()["status"] == "open"
    CorrectionUpkeep(told.desk.client, told.desk.submitter, lambda: None).round(["main"])
    assert told.pending()["reason"] == "side_differs"
    told.verify()


def test_the_process_makes_what_came_by_a_lane_once_its_trade_has_come(
    valkey_server: ServerProcess,
) -> None:
    desk = CorrectingDesk.on(valkey_server)
    desk.ask_correct("binance/O1/T1", price="90")
    upkeep = CorrectionUpkeep(desk.desk.client, desk.desk.submitter, lambda: None)
    assert upkeep.round(["main"]) == 0
    desk.trade("1", "100", number="7")
    assert upkeep.round(["main"]) == 0
    desk.trade("2", "100", number="1")
    assert upkeep.round(["main"]) == 1
    assert desk.figures()[:2] == ("3", "280")
    desk.verify()


def test_two_processes_make_it_once(told: CorrectingDesk) -> None:
    told.ask_bust("binance/O1/T1")
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PM_")}
    command = [sys.executable, "-m", "pm.cli.main", *BUST]
    environment = {**kept, "PM_REDIS_URL": told.desk.server.url}
    running = [
        subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)
        for _ in range(3)
    ]
    deadline = time.monotonic() + WAIT_S
    assert [process.wait(deadline - time.monotonic()) for process in running] == [0, 0, 0]
    is_made(told)


def test_what_cannot_be_made_now_keeps_nothing_else_waiting(
    told: CorrectingDesk, caplog: pytest.LogCaptureFixture
) -> None:
    told.ask_bust("binance/O1/T1")
    told.ask_bust("binance/O2/T2", "C2")
    told.desk.client.xtrim(keys.journal(BOOK), minid="4-0")
    upkeep = CorrectionUpkeep(told.desk.client, told.desk.submitter, lambda: None)
    assert [upkeep.round([BOOK]) for _ in range(2)] == [1, 0]
    assert (told.pending()["status"], told.pending("C2")["status"]) == ("open", "restated")
    warned = [record.getMessage() for record in caplog.records if "waits" in record.getMessage()]
    assert warned == [
        "book main: correction C1 waits: book main:"
        " journal entries 1 to 3 are archived and no archive is configured"
    ]
