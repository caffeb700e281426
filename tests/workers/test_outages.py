"""What a server may do to a worker: the worker says so in one line, waits, and goes on."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pm.functions import library
from tests.reply_dropper import ReplyDropper
from tests.servers import ServerProcess, StartServer
from tests.workers.conftest import Undisturbed
from tests.workers.desk import Desk
from tests.workers.lane_contents import fills, mixed
from tests.workers.processes import Command, Crew


@pytest.fixture
def worker(desk: Desk, crew: Crew) -> Iterator[Command]:
    """One worker that serves the book."""
    started = crew.worker()
    started.says("serves book main")
    yield started
    assert started.running
    assert "Traceback" not in started.log


def warnings(worker: Command) -> list[str]:
    """The warnings and errors a worker logged, without their times and those about time."""
    lines = [line.split(" ", 1)[1] for line in worker.log.splitlines()]
    found = [line for line in lines if line.startswith(("WARNING", "ERROR"))]
    return [line for line in found if "slow batch" not in line]


def test_a_worker_outlives_a_server_that_is_killed_and_comes_back(
    desk: Desk, worker: Command, undisturbed: Undisturbed
) -> None:
    content = mixed(3, 60)
    desk.await_done(desk.put(content[:30]))
    desk.server.kill()
    worker.says(r"WARNING pm.worker worker \S+: unix://\S+: ")
    desk.server.restart()
    last = desk.put(content[30:])
    desk.await_done(last)
    worker.says("goes on after")
    assert 1 <= len(warnings(worker)) <= 3
    assert desk.end() == undisturbed(executions=content)


def test_functions_that_went_missing_are_named_once_and_waited_for(
    desk: Desk, worker: Command
) -> None:
    desk.client.function_flush("SYNC")
    last = desk.put(fills(5))
    worker.says("run `pm functions load`")
    library.load(desk.client)
    desk.await_done(last)
    assert len(warnings(worker)) == 1


def test_a_user_without_the_permission_is_told_once_and_goes_on_with_it(
    desk: Desk, crew: Crew
) -> None:
    assert isinstance(desk.server, ServerProcess)
    client: Any = desk.client
    client.execute_command("ACL", "SETUSER", "weak", "on", ">word", "~*", "&*", "+@all")
    worker = crew.worker(url=desk.server.url.replace("unix://", "unix://weak:word@"))
    worker.says("serves book main")
    client.execute_command("ACL", "SETUSER", "weak", "-fcall")
    try:
        last = desk.put(fills(5))
        worker.says("the user may not do this")
        client.execute_command("ACL", "SETUSER", "weak", "+fcall")
        desk.await_done(last)
        worker.says("book main: goes on")
    finally:
        client.execute_command("ACL", "DELUSER", "weak")
    [told] = [line for line in warnings(worker) if "may not do this" in line]
    assert "WARNING pm.worker book main: " in told
    assert "word" not in told


def test_a_key_of_the_wrong_type_stops_its_book_only(
    valkey_server: ServerProcess, crew: Crew
) -> None:
    desk = Desk(valkey_server, ("main", "other"))
    worker = crew.worker()
    worker.says("serves book (main|other)", times=2)
    name = "pm:{main}:position:7:binance.coin.BTCUSDT"
    desk.client.set(name, "not a hash")
    last = desk.put(fills(5), "main")
    worker.says("book main: .*WRONGTYPE")
    desk.put(fills(5), "other")
    desk.await_done(last, "other")
    assert not desk.is_done("1-0", "main")
    desk.client.delete(name)
    desk.await_done(last, "main")
    assert len(warnings(worker)) == 1


@pytest.mark.slow
def test_a_server_that_is_still_loading_is_waited_for(
    start_server: StartServer, folder: Path
) -> None:
    server = start_server("valkey", options={"key-load-delay": "500"})
    desk = Desk(server)
    crew = Crew(folder, server.url)
    try:
        worker = crew.worker()
        worker.says("serves book main")
        # While it loads, a server answers every 1024 commands only.
        pipeline = desk.client.pipeline(transaction=False)
        for number in range(4000):
            pipeline.set(f"ballast:{number}", 1)
        pipeline.execute()
        server.kill()
        server.restart()
        worker.says("the server is still loading its data")
        desk.await_done(
            desk.put([(f"{n}-0", fields) for n, (_, fields) in enumerate(fills(3), 900)])
        )
        assert worker.running
        assert "Traceback" not in worker.log
    finally:
        crew.close()


def test_lost_replies_cost_a_worker_time_and_nothing_else(
    desk: Desk, crew: Crew, undisturbed: Undisturbed, folder: Path
) -> None:
    assert isinstance(desk.server, ServerProcess)
    content = mixed(11, 120)
    calls = 0

    def drops(request: bytes) -> bool:
        nonlocal calls
        is_call = b"\npm_apply" in request
        calls += is_call
        return is_call and calls % 3 == 1

    proxy = ReplyDropper(folder / "proxy.sock", desk.server.socket_path, drops)
    try:
        worker = crew.worker(url=proxy.url, PM_WORKERS__BATCH_MAX_ENTRIES="9")
        last = desk.put(content)
        desk.await_done(last)
        assert proxy.dropped >= 3
        assert worker.running
        crew.close()
    finally:
        proxy.close()
    assert re.search(r"the server closed the connection", worker.log)
    assert desk.end() == undisturbed(executions=content)
