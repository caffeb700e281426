"""What compose.yaml runs, run without containers: its commands, users and configuration.

Only places differ: folders for volumes, ports of this machine for the network's names.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from pm import keys
from pm.client import Client
from pm.decimals import Amount
from pm.server.binary import find_binary
from tests.gateway.fake_relay import FakeRelay
from tests.jobs.test_process import children
from tests.servers import redis_binary, server_folder
from tests.system.composition import ROOT, Service, example_variables, services
from tests.system.site import frame, signed_quantity
from tests.workers.desk import eventually
from tests.workers.processes import environment
from workers.jobs.table import JOBS

QUICKLY = {
    "PM_PORTFOLIO_MANAGER__MARK_TO_MARKET_INTERVAL_SECONDS": "1",
    "PM_JOBS__TRACE_EXPIRY_INTERVAL_SECONDS": "1",
    "PM_MONITORING__METRICS_UPDATE_INTERVAL_SECONDS": "1",
}
FRAMES = 60


class ByHand:
    """The services of compose.yaml as processes in one folder."""

    def __init__(self, folder: Path, server: Path) -> None:
        self.folder = folder
        self.variables = example_variables()
        self.services = services(self.variables)
        self.running: dict[str, list[subprocess.Popen[bytes]]] = {}
        self.port, self.metrics_port = _free_port(), _free_port()
        (folder / "bin").mkdir()
        (folder / "bin" / "redis-server").symlink_to(server)
        (folder / "bin" / "pm").write_text(
            f'#!/bin/sh\nexec {sys.executable} -m pm.cli.main "$@"\n'
        )
        (folder / "bin" / "pm").chmod(0o755)
        (folder / "relay").mkdir()
        self.relay = FakeRelay(folder / "relay" / "execution.sock")

    def start(self, name: str) -> subprocess.Popen[bytes]:
        """Start one process of a service."""
        service = self.services[name]
        words = [*service.entrypoint, *service.command]
        if service.is_ours and not service.entrypoint:
            words = ["pm", *words]
        with self.log(name).open("ab") as log:
            process = subprocess.Popen(
                [self._here(word, service) for word in words],
                env=self.environment(service),
                cwd=self._home(name),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self.running.setdefault(name, []).append(process)
        return process

    def check(self, name: str) -> subprocess.CompletedProcess[str]:
        """Run the health check of a service."""
        service = self.services[name]
        words = [self._here(word, service) for word in service.check]
        if name == "redis":
            words = ["sh", "-c", words[0].replace("redis-cli", f"redis-cli -p {self.port}")]
        return subprocess.run(
            words,
            env=self.environment(service),
            cwd=self._home(name),
            capture_output=True,
            text=True,
            check=False,
        )

    def environment(self, service: Service) -> dict[str, str]:
        """What a process of the service sees."""
        told = {key: self._here(value, service) for key, value in service.environment.items()}
        return environment(
            **told,
            **(QUICKLY if service.is_ours else {}),
            PATH=f"{self.folder / 'bin'}:{os.environ['PATH']}",
            REDIS_ACL_FILE=str(self.folder / "users.acl"),
        )

    def log(self, name: str) -> Path:
        """Where a service's processes write."""
        return self.folder / f"{name}.log"

    def url(self, user: str) -> str:
        """The server's URL for a user."""
        password = self.variables[f"REDIS_{user.upper()}_PASSWORD"]
        return f"redis://{user}:{password}@127.0.0.1:{self.port}/0"

    def page(self, path: str) -> tuple[int, str]:
        """A page of `pm metrics`."""
        try:
            url = f"http://127.0.0.1:{self.metrics_port}{path}"
            with urllib.request.urlopen(url, timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()
        except OSError as error:
            return 0, str(error)

    def close(self) -> None:
        """End everything, the server last."""
        processes = [(name, p) for name, several in self.running.items() for p in several]
        for _, process in reversed(processes):
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.relay.close()

    def _home(self, name: str) -> Path:
        home = self.folder / f"home-{name}"
        home.mkdir(exist_ok=True)
        return home

    def _here(self, word: str, service: Service) -> str:
        places = {
            "/etc/pm/instruments.toml": str(ROOT / "config" / "instruments.toml"),
            "/var/lib/history": str(self._home("jobs")),
            "/etc/pm": str(ROOT / "config"),
            "/run/relay": str(self.folder / "relay"),
            "/var/lib/pm": str(self._home(service.name)),
            "/tmp/pm": str(self._home(service.name)),
            "/data": str(self._home(service.name)),
            "@redis:6379": f"@127.0.0.1:{self.port}",
            "0.0.0.0:9464": f"127.0.0.1:{self.metrics_port}",
        }
        if word in ("0.0.0.0", "6379"):
            return {"0.0.0.0": "127.0.0.1", "6379": str(self.port)}[word]
        return re.sub("|".join(map(re.escape, places)), lambda found: places[found[0]], word)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(params=["valkey", pytest.param("redis", marks=pytest.mark.slow)])
def site(request: pytest.FixtureRequest) -> Iterator[ByHand]:
    server = find_binary() if request.param == "valkey" else redis_binary()
    if server is None:
        pytest.skip("no redis-server on PATH")
    with server_folder() as folder:
        made = ByHand(folder, server)
        try:
            yield made
        finally:
            made.close()


def test_executions_come_through_whoever_is_killed(site: ByHand) -> None:
    site.start("redis")
    with redis.Redis.from_url(site.url("admin")) as admin:
        eventually(lambda: _answers(admin), site.log("redis").read_text)
    assert site.start("init").wait(timeout=60) == 0, site.log("init").read_text()
    gateway = site.start("gateway")
    eventually(lambda: site.relay.accepted > 0 or gateway.poll() is not None)
    assert gateway.poll() is None, site.log("gateway").read_text()
    site.relay.send(b"".join(frame(number) for number in range(1, 31)))
    first, _second = site.start("worker"), site.start("worker")
    site.start("jobs")
    site.start("metrics")

    with Client.open(site.url("reader")) as client:
        eventually(lambda: _trades(client) >= 5, site.log("worker").read_text)
        first.kill()
        site.relay.send(b"".join(frame(number) for number in range(31, FRAMES + 1)))
        eventually(lambda: _trades(client) == FRAMES, site.log("worker").read_text)
        total = sum(map(signed_quantity, range(1, FRAMES + 1)))
        positions = client.positions()
        assert sum((p.quantity for p in positions), Amount(0)) == Amount(total)

    with redis.Redis.from_url(site.url("jobs"), decode_responses=True) as jobs:
        for name in JOBS:
            eventually(
                lambda name=name: int(jobs.hget(keys.job_record(name), "successes") or 0) >= 1,
                site.log("jobs").read_text,
            )
            assert jobs.hget(keys.job_record(name), "failures") is None, name
    assert _worked(site)


def _worked(site: ByHand) -> bool:
    """Every service's own check, the pages of the metrics, and what the logs must not say."""
    for name in ("gateway", "worker", "jobs"):
        done = site.check(name)
        assert done.returncode == 0, done.stdout
    if shutil.which("redis-cli"):
        assert site.check("redis").returncode == 0
    health = site.check("metrics")
    assert "Traceback" not in health.stderr
    assert "persistence" in health.stdout
    eventually(lambda: site.page("/livez")[0] == 200, site.log("metrics").read_text)
    assert "pm_" in site.page("/metrics")[1]
    assert site.page("/readyz")[0] == 200, site.page("/readyz")
    for name in site.running:
        told = site.log(name).read_text()
        assert "Traceback" not in told, told
        assert "NOPERM" not in told, told
    below = {child for jobs in site.running["jobs"] for child in children(jobs.pid)}
    return len(below) >= 2


def _answers(client: redis.Redis) -> bool:
    try:
        return bool(client.ping())
    except redis.ConnectionError:
        return False


def _trades(client: Client) -> int:
    try:
        return sum(position.total_trades for position in client.positions())
    except Exception:
        return 0
