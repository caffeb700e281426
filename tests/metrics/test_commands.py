"""`pm metrics` and `pm health` as they are run."""

from __future__ import annotations

import json
import signal
import socket
from pathlib import Path
from urllib.request import urlopen

from prometheus_client.parser import text_string_to_metric_families

from pm import keys
from pm.connect import connect
from pm.counting.catalogue import METRICS
from tests.cli.conftest import shell
from tests.cli.site import EVENTS, INSTRUMENTS, Shell, write_events
from tests.workers.desk import Desk, eventually
from tests.workers.lane_contents import fills
from tests.workers.processes import Command, Crew

__all__ = ["shell"]


def test_metrics_are_printed_once_as_text_or_as_json(shell: Shell) -> None:
    shell.ok("ingest", write_events(shell.path("e.jsonl"), *EVENTS), "--instruments", INSTRUMENTS)
    shell.ok("attribution", "--strategy", "7")
    text = shell.ok("metrics", "--once")
    names = {family.name for family in text_string_to_metric_families(text)}
    assert {name.removesuffix("_total") for name in METRICS} == names
    told = shell.json("metrics")
    values = {(row["name"], *sorted(row["labels"].items())): row["value"] for row in told["values"]}
    assert values["pm_positions", ("book", "main"), ("state", "open")] == "1"
    assert values["pm_attribution_calculations_total", ("report", "performance")] == "1"
    [histogram] = told["histograms"]
    assert sum(histogram["buckets"].values()) == 1


def test_a_wrong_or_taken_address_is_one_line(shell: Shell) -> None:
    said = shell.refused("metrics", code=2, PM_MONITORING__METRICS_ADDRESS="nowhere")
    assert said.startswith("pm: monitoring.metrics_address: 'nowhere' is no address")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        said = shell.refused("metrics", PM_MONITORING__METRICS_ADDRESS=address)
    assert said == f"pm: monitoring.metrics_address = {address}: Address already in use"


def test_health_is_told_with_an_exit_code(shell: Shell) -> None:
    result = shell.run("health")
    assert result.exit_code == 1
    assert result.stdout.startswith("down, ready, ")
    assert "workers                  down      no worker is running: `pm worker`" in result.stdout
    told = json.loads(shell.run("health", "--json").stdout)
    assert (told["level"], told["ready"]) == ("down", True)
    assert told["components"]["persistence"]["level"] == "healthy"


def test_what_cannot_be_read_is_one_line(shell: Shell) -> None:
    shell.ok("ingest", write_events(shell.path("e.jsonl"), *EVENTS), "--instruments", INSTRUMENTS)
    with connect(str(shell.folder / "data" / "server.sock"), role="test") as client:
        client.hset(keys.book("main"), "seq", "many")
    for command in (("health",), ("metrics", "--once"), ("metrics", "--json")):
        said = shell.refused(*command)
        assert said.startswith("pm: what is stored cannot be read, see `pm verify`: ")
    told = json.loads(shell.run("health", "--json").stdout)
    assert told["components"]["server"]["text"].startswith("what is stored cannot be read")


def test_health_of_a_server_that_is_down_is_told_to_programs_too(tmp_path: Path) -> None:
    shell = Shell(tmp_path, "--redis", f"unix://{tmp_path}/none.sock")
    result = shell.run("health", "--json")
    told = json.loads(result.stdout)
    assert (result.exit_code, told["level"], told["ready"]) == (1, "down", False)
    assert "there is no such socket" in told["components"]["server"]["text"]
    assert shell.refused("health").endswith("start the server or correct the path")


def test_a_process_serves_what_a_worker_counts_until_it_is_stopped(
    desk: Desk, crew: Crew, folder: Path
) -> None:
    quickly = {"PM_MONITORING__METRICS_UPDATE_INTERVAL_SECONDS": "1"}
    crew.worker(**quickly)
    desk.await_done(desk.put(fills(9)))
    command = Command(
        *("--redis", desk.server.url, "metrics"),
        log=folder / "metrics.log",
        cwd=folder,
        PM_MONITORING__METRICS_ADDRESS="127.0.0.1:0",
        **quickly,
    )
    try:
        command.says(r"serving .* on http://")
        address = command.log.partition(" on ")[2].split()[0]

        def text() -> str:
            with urlopen(f"{address}/metrics", timeout=10) as answer:
                return str(answer.read().decode())

        wanted = 'pm_position_updates_total{book="main",result="applied"} 9.0'
        eventually(lambda: wanted in text(), text)
        assert "pm_workers_live 1.0" in text()
        assert command.stop(signal.SIGTERM) == 0
    finally:
        command.kill()
