"""`pm jobs` as it runs: through kills, outages and an orderly end."""

from __future__ import annotations

import json
import os
import re
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pm import keys
from tests.cli.site import Shell
from tests.jobs.office import Office
from tests.servers import ServerProcess
from tests.workers.desk import eventually
from tests.workers.processes import Command
from workers.jobs.listing import runs
from workers.jobs.valuing import NAME_PREFIX

QUICKLY = {
    "PM_PORTFOLIO_MANAGER__MARK_TO_MARKET_INTERVAL_SECONDS": "1",
    "PM_JOBS__TRACE_EXPIRY_INTERVAL_SECONDS": "1",
    "PM_JOBS__RETRIES_MAX": "1",
    "PM_STORAGE__ARCHIVE_COMPLETED_TRADES": "false",
}
Start = Callable[..., Command]


@pytest.fixture
def start(office: Office, tmp_path: Path) -> Iterator[Start]:
    started: list[Command] = []

    def begin(*arguments: str, **variables: str) -> Command:
        log = tmp_path / f"log-{len(started)}"
        url = office.desk.server.url
        told = arguments or ("jobs", "--verbose")
        command = Command("--redis", url, *told, log=log, cwd=tmp_path, **{**QUICKLY, **variables})
        started.append(command)
        return command

    yield begin
    below = {child for command in started for child in children(command.pid)}
    for command in started:
        command.kill()
    eventually(lambda: not alive(below))


def record(office: Office, job: str, name: str) -> int:
    return int(office.desk.server.client().hget(keys.job_record(job), name) or 0)


def children(pid: int) -> set[int]:
    """The processes below one, at every depth."""
    below: set[int] = set()
    for folder in Path("/proc").glob("[0-9]*"):
        if _state_and_parent(folder)[1] == str(pid):
            child = int(folder.name)
            below |= {child} | children(child)
    return below


def alive(pids: set[int]) -> set[int]:
    return {pid for pid in pids if _state_and_parent(Path(f"/proc/{pid}"))[0] not in ("", "Z")}


def _state_and_parent(folder: Path) -> tuple[str, str]:
    try:
        state, parent, *_ = (folder / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return "", ""
    return state, parent


def test_a_book_that_only_the_archive_has_is_told(
    office: Office, start: Start, tmp_path: Path
) -> None:
    manifest = tmp_path / ".pm" / "archive" / "book=lost" / "manifest.json"
    manifest.parent.mkdir(parents=True)
    manifest.touch()
    office.desk.server.client().config_set("appendfsync", "always")
    told = "book lost is in the archive and not on the server"
    jobs = start(PM_STORAGE__ARCHIVE_COMPLETED_TRADES="true")
    eventually(lambda: record(office, "archive", "failures") >= 1, lambda: jobs.log)
    assert told in office.desk.server.client().hget(keys.job_record("archive"), "error")
    assert jobs.log.count(told) >= 2


def test_jobs_run_beside_one_another_until_told_to_stop(office: Office, start: Start) -> None:
    one, two = start("jobs"), start("jobs")
    eventually(lambda: record(office, "mark-to-market", "successes") >= 1, lambda: one.log)
    before = record(office, "mark-to-market", "successes")
    eventually(lambda: record(office, "mark-to-market", "successes") >= before + 2)
    assert one.stop() == 0
    assert two.stop() == 0
    assert "Traceback" not in one.log + two.log
    assert "WARNING" not in one.log + two.log
    for log in (one.log, two.log):
        assert "INFO pm.jobs queues: pm-quick (mark-to-market, expire-traces, metrics); " in log
    done = re.findall(
        r"INFO pm\.jobs job mark-to-market done: valued .*, \d+ ms$", one.log + two.log, re.M
    )
    assert len(done) >= 2
    slots = [run.slot for run in runs(office.server, finished=True) if run.name == "mark-to-market"]
    assert len(set(slots)) == len(slots)
    # A run that found the one before still at work has ended without doing anything.
    assert 1 <= record(office, "mark-to-market", "successes") <= len(slots)
    assert office.desk.client.get(keys.valuation_lease("main")) is None


def test_killed_jobs_leave_no_process_behind(office: Office, start: Start) -> None:
    command = start()
    eventually(lambda: record(office, "expire-traces", "successes") >= 1, lambda: command.log)
    below = children(command.pid)
    assert len(below) >= 2
    command.kill()
    eventually(lambda: not alive(below))


@pytest.mark.slow
def test_a_run_ends_with_the_process_that_started_it(office: Office, start: Start) -> None:
    office.desk.client.set(keys.valuation_lease("main"), f"{NAME_PREFIX}elsewhere", px=60_000)
    command = start()  # its runs now wait for the books
    eventually(lambda: office.desk.client.get(keys.job_running("mark-to-market")) is not None)
    below = children(command.pid)
    for pid in {command.pid} | {child for child in below if children(child)}:
        os.kill(pid, signal.SIGKILL)
    eventually(lambda: not alive(below))
    assert record(office, "mark-to-market", "successes") == 0


def test_a_run_whose_process_is_killed_is_tried_again_and_shown(
    office: Office, start: Start, tmp_path: Path
) -> None:
    killed = start(PM_TEST_CRASH_AT="job_before_body", PM_JOBS__RETRIES_MAX="1")
    shell = Shell(tmp_path, "--redis", office.desk.server.url)

    def failed() -> list[Any]:
        found = shell.json("jobs", "list")["runs"]
        return [run for run in found if run["state"] == "failed"]

    eventually(lambda: bool(failed()), lambda: killed.log)
    run = failed()[0]
    assert run["attempts"] == 2
    assert run["text"] == "its process was killed by signal 9"
    assert killed.running
    assert killed.stop() == 0

    assert run["id"] in shell.ok("jobs", "list")
    assert shell.ok("jobs", "retry", run["id"]) == f"{run['id']} is in its queue again\n"
    start()
    eventually(
        lambda: (
            run["id"]
            in [
                r["id"]
                for r in shell.json("jobs", "list", "--all")["runs"]
                if r["state"] == "finished"
            ]
        )
    )


@pytest.mark.slow
def test_an_outage_of_the_server_is_told_once_and_survived(office: Office, start: Start) -> None:
    server = office.desk.server
    assert isinstance(server, ServerProcess)
    server.client().config_set("appendfsync", "always")
    command = start("jobs")
    eventually(lambda: record(office, "expire-traces", "successes") >= 1, lambda: command.log)
    server.kill()
    time.sleep(1.5)
    server.start()
    server.client().config_set("appendfsync", "no")
    seen = record(office, "expire-traces", "successes")
    eventually(lambda: record(office, "expire-traces", "successes") > seen, lambda: command.log)
    eventually(lambda: record(office, "mark-to-market", "successes") > 0, lambda: command.log)
    assert command.stop() == 0
    assert "Traceback" not in command.log
    # Three processes, each state once; a server that loads answers some commands, and they go on.
    warned = [line for line in command.log.splitlines() if "WARNING" in line]
    assert len([line for line in warned if "loading" not in line]) <= 6, command.log


@pytest.mark.slow
def test_beside_a_valuation_process(office: Office, start: Start) -> None:
    valuation = start("valuation")
    eventually(lambda: bool(office.desk.client.get(keys.valuation_lease("main"))))
    start()
    eventually(lambda: record(office, "mark-to-market", "successes") >= 2)
    found = office.desk.client.hget(keys.job_record("mark-to-market"), "result")
    assert found is None or str(found).startswith("held by ")
    assert valuation.stop() == 0
    eventually(
        lambda: str(
            office.desk.client.hget(keys.job_record("mark-to-market"), "result")
        ).startswith("valued")
    )


def test_one_job_in_the_foreground_and_what_is_refused(office: Office, tmp_path: Path) -> None:
    shell = Shell(tmp_path, "--redis", office.desk.server.url)
    assert shell.ok("jobs", "run", "mark-to-market") == (
        "mark-to-market: valued 0 of 0 positions of 1 book\n"
    )
    assert json.loads(shell.ok("jobs", "run", "expire-traces", "--json")) == {
        "job": "expire-traces",
        "result": "0 traces ended or put away",
    }
    assert "there is no job nothing: mark-to-market" in shell.refused(
        "jobs", "run", "nothing", code=2
    )
    assert "no failed run x-1" in shell.refused("jobs", "retry", "x-1")
    office.desk.client.set(keys.reference_versions(), "no hash")
    assert shell.refused("jobs", "run", "mark-to-market").startswith("pm: mark-to-market: ")


@pytest.mark.slow
def test_a_private_server_will_do(tmp_path: Path) -> None:
    log = tmp_path / "log"
    command = Command("--data", str(tmp_path / "d"), "jobs", log=log, cwd=tmp_path, **QUICKLY)
    shell = Shell(tmp_path, "--data", str(tmp_path / "d"))
    try:
        eventually(
            lambda: (
                (tmp_path / "d" / "server.json").exists()
                and all(row["successes"] for row in shell.json("jobs", "list")["jobs"][:2])
            ),
            lambda: command.log,
        )
        os.kill(command.pid, signal.SIGINT)
        assert command.ended() == 0
    finally:
        command.kill()
    assert "no server runs" in shell.ok("stop")
