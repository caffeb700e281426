"""The process: values at every interval and at every flow, one at a time, through outages."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pm import keys
from pm.events.model import Fee
from tests.servers import ServerProcess
from tests.valuation.desk import BTC, A, Desk

WITHIN_S = 60.0


@contextmanager
def running(desk: Desk, *command: str, interval_s: int = 3600) -> Iterator[subprocess.Popen[str]]:
    """A `pm` process on the desk's server."""
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("PM_")},
        "PM_REDIS_URL": desk.server.url,
        "PM_PORTFOLIO_MANAGER__MARK_TO_MARKET_INTERVAL_SECONDS": str(interval_s),
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "pm.cli.main", *(command or ("valuation",))],
        cwd=Path(__file__).resolve().parents[2],
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def wait_for(condition: Callable[[], object], story: str) -> None:
    deadline = time.monotonic() + WITHIN_S
    while not condition():
        assert time.monotonic() < deadline, story
        time.sleep(0.05)


def _at_now(desk: Desk) -> None:
    desk.now = time.time_ns()
    desk.mark_usdt()
    desk.mark(BTC, "100")
    desk.deposit("USDT", "1000")


def _points(desk: Desk) -> int:
    return int(desk.client.xlen(keys.equity("main")))


def test_capital_that_comes_makes_a_point_at_once(desk: Desk) -> None:
    _at_now(desk)
    with running(desk):
        wait_for(lambda: _points(desk) == 1, "no first point")
        desk.now = time.time_ns()
        desk.deposit("USDT", "500")
        wait_for(lambda: _points(desk) == 2, "no point at the deposit")
    assert desk.points()[-1].flow == A("500")
    assert desk.points()[-1].index == A("1")
    assert desk.portfolio().equity == A("1500")


def test_a_fee_gets_its_value_and_a_pass_comes_at_every_interval(desk: Desk) -> None:
    _at_now(desk)
    desk.mark("BNB", "300")
    desk.fill(BTC, "1", "100", fees=(Fee("BNB", "0.1"),))
    with running(desk, interval_s=1):
        wait_for(lambda: desk.position(BTC)["fee_value"] == "30", "the fee has no value")
        wait_for(lambda: _points(desk) >= 3, "no pass at the interval")


def test_of_two_processes_one_works_and_the_other_takes_over(desk: Desk) -> None:
    _at_now(desk)
    with running(desk, interval_s=1) as first:
        wait_for(lambda: _points(desk) >= 1, "no first point")
        holder = desk.client.get(keys.valuation_lease("main"))
        assert str(holder).endswith(f"-{first.pid}")
        with running(desk, interval_s=1) as second:
            first.send_signal(signal.SIGTERM)
            assert first.wait(timeout=WITHIN_S) == 0
            wait_for(
                lambda: str(desk.client.get(keys.valuation_lease("main"))).endswith(
                    f"-{second.pid}"
                ),
                "the second did not take over",
            )
            seen = _points(desk)
            wait_for(lambda: _points(desk) > seen, "the second does not value")


def test_it_outlives_its_server(desk: Desk) -> None:
    if not isinstance(desk.server, ServerProcess):
        pytest.skip("the server is not ours to kill")
    desk.client.config_set("appendfsync", "always")
    _at_now(desk)
    with running(desk, interval_s=1) as process:
        wait_for(lambda: _points(desk) >= 1, "no first point")
        desk.server.kill()
        time.sleep(0.5)
        desk.server.restart()
        seen = _points(desk)
        wait_for(lambda: _points(desk) > seen, "it does not go on")
        process.send_signal(signal.SIGTERM)
        _, told = process.communicate(timeout=WITHIN_S)
    assert process.returncode == 0
    assert "Traceback" not in told


def test_a_pool_of_workers_values_unless_it_is_told_not_to(desk: Desk) -> None:
    _at_now(desk)
    with running(desk, "worker", "--count", "1", "--no-valuation") as process:
        wait_for(lambda: desk.client.get(keys.lease("main")), "no worker")
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=WITHIN_S) == 0
    assert _points(desk) == 0
    with running(desk, "worker", "--count", "1") as process:
        wait_for(lambda: _points(desk) == 1, "no first point")
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=WITHIN_S) == 0
    assert desk.client.get(keys.valuation_lease("main")) is None


def test_the_valuation_of_a_killed_worker_ends_too(desk: Desk) -> None:
    _at_now(desk)
    with running(desk, "worker", "--count", "1") as process:
        wait_for(lambda: _points(desk) == 1, "no first point")
        process.kill()
        assert process.stderr is not None
        process.stderr.read()  # ends when nobody holds it any more
    assert desk.client.get(keys.valuation_lease("main")) is None
