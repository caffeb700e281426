"""Real servers for the tests: the embedded Valkey, a Redis, and what can be done to them.

Tests never share a server with anything else. A Redis comes from `PM_TEST_REDIS` (the URL of a
server whose data may be flushed), else from `redis-server` on PATH, else from a container where a
Docker engine runs; with none of them its tests are skipped, or fail if `PM_REQUIRE_REDIS=1`.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote

import pytest
import redis
from redis import exceptions

from pm.connect import connect
from pm.server.binary import find_binary

READY_WITHIN_S = 60.0
CONTAINER_IMAGE = os.environ.get("PM_TEST_IMAGE", "redis:8")


class Server(Protocol):
    """What every server of the tests can do, whoever runs it."""

    engine: str
    url: str

    def client(self, *, decode: bool = True, timeout_s: float | None = 5.0) -> redis.Redis:
        """A client of this server, closed with the test."""
        ...

    def kill(self) -> None:
        """End the server with SIGKILL; skips the test where that is not ours to do."""
        ...

    def restart(self) -> None:
        """Start it again on its data (stopping it first if it runs) and wait until it answers."""
        ...

    def stop(self) -> None:
        """End the server with its data flushed."""
        ...


class _Clients:
    """The clients handed to one test, so that none outlives it."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._open: list[redis.Redis] = []

    def client(self, *, decode: bool = True, timeout_s: float | None = 5.0) -> redis.Redis:
        made = connect(self.url, role="test", decode=decode, timeout_s=timeout_s)
        self._open.append(made)
        return made

    def close_clients(self) -> None:
        while self._open:
            self._open.pop().close()


class ServerProcess(_Clients):
    """A server program on a unix socket of its own, its data in `data_dir`."""

    def __init__(
        self,
        engine: str,
        binary: Path,
        data_dir: Path,
        *,
        appendfsync: str = "always",
        config: Path | None = None,
        options: dict[str, str] | None = None,
    ) -> None:
        self.engine = engine
        self.data_dir = data_dir
        self.socket_path = data_dir / "s.sock"
        super().__init__("unix://" + quote(str(self.socket_path)))
        settings = {
            "port": "0",
            "unixsocket": str(self.socket_path),
            "dir": str(data_dir),
            "logfile": str(data_dir / "server.log"),
            "daemonize": "no",
            "save": "",
            "appendonly": "yes",
            "appendfsync": appendfsync,
            **(options or {}),
        }
        if config is not None:
            settings = {
                name: value
                for name, value in settings.items()
                if name not in ("appendonly", "appendfsync", "save") or name in (options or {})
            }
        arguments = [part for name, value in settings.items() for part in (f"--{name}", value)]
        self._command = [str(binary), *([str(config)] if config else []), *arguments]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        self.socket_path.unlink(missing_ok=True)
        self._process = subprocess.Popen(
            self._command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
        )
        wait_until_ready(self.client, lambda: self.running, self._log)

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def restart(self) -> None:
        self.stop()
        self.start()

    def _end(self, how: signal.Signals) -> None:
        if self._process is None:
            return
        with suppress(ProcessLookupError):
            self._process.send_signal(how)
        self._process.wait(timeout=60)

    def _log(self) -> str:
        with suppress(OSError):
            return (self.data_dir / "server.log").read_text(errors="replace")[-2000:]
        return "no log"


class ExternalServer(_Clients):
    """A server somebody else runs, named by `PM_TEST_REDIS`: flushed, never ended."""

    engine = "redis"

    def start(self) -> None:
        wait_until_ready(self.client, lambda: True, lambda: self.url)

    def kill(self) -> None:
        pytest.skip("the server of PM_TEST_REDIS is not ours to kill")

    stop = restart = kill


class ContainerServer(_Clients):
    """A server in a container with a fixed port, so that a restart keeps its URL."""

    engine = "redis"

    def __init__(self, image: str) -> None:
        from testcontainers.core.container import DockerContainer

        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        super().__init__(f"redis://127.0.0.1:{port}/0")
        command = "redis-server --appendonly yes --appendfsync always"
        self._container: Any = DockerContainer(image).with_bind_ports(6379, port)
        self._container = self._container.with_command(command)
        self._made = False

    def start(self) -> None:
        if self._made:
            self._container.get_wrapped_container().start()
        else:
            self._container.start()
            self._made = True
        wait_until_ready(self.client, lambda: True, lambda: self.url)

    def kill(self) -> None:
        self._container.get_wrapped_container().kill()

    def stop(self) -> None:
        self._container.get_wrapped_container().stop()

    def restart(self) -> None:
        self.stop()
        self.start()

    def remove(self) -> None:
        self._container.stop()


AnyServer = ServerProcess | ExternalServer | ContainerServer
StartServer = Callable[..., AnyServer]


def wait_until_ready(
    client: Callable[[], redis.Redis], running: Callable[[], bool], story: Callable[[], str]
) -> None:
    """Return when the server answers, through loading; RuntimeError with its story if it ends."""
    probe = client()
    deadline = time.monotonic() + READY_WITHIN_S
    while True:
        try:
            probe.ping()
        except (exceptions.ConnectionError, exceptions.TimeoutError):
            if not running() or time.monotonic() > deadline:
                raise RuntimeError(f"the server does not answer: {story()}") from None
            time.sleep(0.005)
        else:
            return


def flush(server: Server) -> None:
    """Empty every database of the server and its function libraries."""
    client = server.client()
    client.flushall()
    client.function_flush("SYNC")


@contextmanager
def server_folder() -> Iterator[Path]:
    """A new folder for one server, with a path short enough for a socket in it."""
    folder = Path(tempfile.mkdtemp(prefix="pmt-", dir="/tmp"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def valkey_binary() -> Path:
    """The Valkey server program of the embedded default."""
    return find_binary()


def redis_binary() -> Path | None:
    """A Redis server program on PATH."""
    found = shutil.which("redis-server")
    return None if found is None else Path(found)


def docker_runs() -> bool:
    """Whether a Docker engine answers."""
    if shutil.which("docker") is None:
        return False
    return subprocess.run(["docker", "info"], capture_output=True, check=False).returncode == 0


@contextmanager
def running_valkey(**options: Any) -> Iterator[ServerProcess]:
    """A Valkey of its own; options as of ServerProcess."""
    with server_folder() as folder:
        server = ServerProcess("valkey", valkey_binary(), folder, **options)
        with _started(server):
            yield server


@contextmanager
def running_redis(**options: Any) -> Iterator[AnyServer]:
    """A Redis, from wherever there is one; skips the test, or fails it, where there is none.

    Options as of ServerProcess; with any, only the program on PATH will do.
    """
    external, binary = os.environ.get("PM_TEST_REDIS"), redis_binary()
    if external and not options:
        with _started(ExternalServer(external)) as named:
            flush(named)
            yield named
    elif binary is not None:
        with (
            server_folder() as folder,
            _started(ServerProcess("redis", binary, folder, **options)) as local,
        ):
            yield local
    elif options:
        pytest.skip("a Redis with options of its own needs redis-server on PATH")
    elif docker_runs():
        container = ContainerServer(CONTAINER_IMAGE)
        try:
            with _started(container) as contained:
                yield contained
        finally:
            container.remove()
    elif os.environ.get("PM_REQUIRE_REDIS") == "1":
        pytest.fail("PM_REQUIRE_REDIS=1, and there is no redis-server, PM_TEST_REDIS or Docker")
    else:
        pytest.skip("no redis-server on PATH, no PM_TEST_REDIS, no Docker engine")


@contextmanager
def _started(server: Any) -> Iterator[Any]:
    try:
        server.start()
        yield server
    finally:
        server.close_clients()
        if isinstance(server, ServerProcess):
            server.kill()
