"""The whole demo as a user runs it: real processes, a real socket, a real server."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis

from pm.connect import connect
from pm.demo.appraisal import appraise
from pm.demo.check import differences, worth_differences
from pm.demo.desk import BOOKS
from pm.demo.scenario import build_scenario
from pm.demo.worth import worth_of
from pm.server import stop
from pm.server.folder import open_folder, recorded_socket
from pm.settings import Settings, load_settings

WITHIN_S = 120.0
SEED, EXECUTIONS = 11, 300

RUN = "import sys; from pm.demo import run_demo; from pathlib import Path; "


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="pmd-", dir="/tmp") as made:
        yield Path(made) / "demo"


@contextmanager
def started(folder: Path, options: str) -> Iterator[subprocess.Popen[str]]:
    """A demo in a process of its own; one that is left over is ended as a user would."""
    code = f"{RUN}sys.exit(run_demo(Path({str(folder)!r}), seed={SEED}, {options}))"
    pipe = subprocess.PIPE
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=pipe, stderr=pipe, text=True
    ) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.terminate()
                process.communicate(timeout=WITHIN_S)


def processes_naming(folder: Path) -> list[str]:
    """Command lines that name the folder, of whatever still runs."""
    found = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True)
    return [line for line in found.stdout.splitlines() if str(folder) in line]


def wait_for_line(process: subprocess.Popen[str], words: str) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        if words in line:
            return
    raise AssertionError(process.stderr.read() if process.stderr else "")


def check_worth(client: redis.Redis, settings: Settings) -> None:
    """One more BTC at binance, and nothing else, is one more than the day is worth."""
    day = build_scenario(SEED, EXECUTIONS)
    worth = worth_of(day.expected, day.close.prices)
    wrong = worth_differences(appraise(client, settings), worth)
    assert [line.partition(" is ")[0] for line in wrong] == [
        "all books: equity",
        "book main: equity",
    ]


@pytest.mark.slow
def test_a_demo_in_which_everything_is_killed_proves_its_books(folder: Path) -> None:
    options = f"fills={EXECUTIONS}, speed=0.25, chaos=True, keep=True"
    try:
        with started(folder, options) as process:
            said, faults = process.communicate(timeout=WITHIN_S)
        assert (process.returncode, faults) == (0, ""), said
        for words in (
            "killed (SIGKILL) while it served",
            "its books moved to worker",
            "binance.coin.AVAXUSDT added to the reference data; its 2 frames replayed",
            "treasury bridges 10 WETH from ethereum to arbitrum: in flight",
            "9.99 WETH arrive on arbitrum",
            "nothing is reserved any more",
            "busts trend's",
            "corrects the price of trend's",
            "which a split 3:2 makes",
            "are what that arithmetic arrives at",
            "rebuilt   3 books on an empty server from",
            "agreed    binance's statement: 5 balances, no break",
            "gateway killed (SIGKILL) and started again",
            "server killed (SIGKILL); back after",
            "Every book is right",
        ):
            assert words in said
        # What is kept is what was proved, and still what the day adds up to.
        with connect(str(recorded_socket(open_folder(folder))), role="test") as client:
            expected = build_scenario(SEED, EXECUTIONS).expected
            assert differences(client, expected, BOOKS) == []
            client.hincrbyfloat("pm:{main}:balance:binance:BTC", "total", 1)
            (wrong,) = differences(client, expected, BOOKS)
            assert wrong.startswith("book main: balance binance BTC: total is ")
            check_worth(client, load_settings(folder / "portfolio.toml", {}))
    finally:
        stop(folder)
    assert processes_naming(folder) == []


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_demo_leaves_no_process_and_no_socket(
    folder: Path, number: signal.Signals
) -> None:
    with started(folder, "fills=4000, keep=True") as process:
        wait_for_line(process, "every book is served by a worker")
        time.sleep(0.5)  # into the day, wherever that is
        process.send_signal(number)
        _, faults = process.communicate(timeout=WITHIN_S)
    assert process.returncode == 130
    assert faults == "demo: interrupted; everything is stopped\n"
    assert processes_naming(folder) == []
    assert not [path for path in folder.iterdir() if path.is_socket()]


def test_a_folder_of_somebody_else_is_one_line_and_exit_code_1(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with started(tmp_path, "fills=10") as process:
        said, faults = process.communicate(timeout=WITHIN_S)
    assert (process.returncode, said) == (1, "")
    assert faults.startswith(f"demo: {tmp_path}: holds something that no demo made")
    assert faults.count(os.linesep) == 1
