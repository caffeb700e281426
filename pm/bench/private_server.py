"""A server for one measurement: any Redis or Valkey program, in a folder that goes with it."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import redis
from redis import exceptions

from pm.bench.errors import BenchError
from pm.connect import connect
from pm.server.binary import find_binary

Appendfsync = Literal["always", "everysec"]

_READY_WITHIN_S = 60.0
_SAVED_WITHIN_S = 120.0
_LOOK_EVERY_S = 0.02
_DATA = "appendonlydir"
_FILES = 3  # what it was, what came since, and the list of the two


def server_program(named: str | None) -> Path:
    """The program to measure: the one named (a path or a name on PATH), else the embedded one."""
    if named is None:
        return find_binary()
    found = shutil.which(named)
    if found is None:
        raise BenchError(f"--server {named}: there is no such program")
    return Path(found)


@contextmanager
def private_server(
    program: Path, appendfsync: Appendfsync = "everysec", data: Path | None = None
) -> Iterator[str]:
    """The unix:// URL of a new server with an append-only file.

    It is empty, or holds what `save_data` has put into the folder `data`.
    """
    folder = Path(tempfile.mkdtemp(prefix="pmb-", dir="/tmp"))
    if data is not None:
        shutil.copytree(data, folder / _DATA)
    socket_path = folder / "s"
    process = subprocess.Popen(
        [str(program), *_options(folder, socket_path, appendfsync)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    try:
        target = f"unix://{socket_path}"
        _wait_until_ready(process, target, program)
        yield target
    finally:
        process.kill()
        process.wait()
        shutil.rmtree(folder, ignore_errors=True)


def save_data(target: str, data: Path) -> None:
    """Copy what a private server that nobody writes to holds into a new folder."""
    folder = Path(target.removeprefix("unix://")).parent / _DATA
    deadline = time.monotonic() + _SAVED_WITHIN_S
    with connect(target, role="bench") as client:
        client.bgrewriteaof()
        while _is_rewriting(client) or len(list(folder.iterdir())) != _FILES:
            if time.monotonic() > deadline:
                raise BenchError(f"{target}: the server does not save its data")
            time.sleep(_LOOK_EVERY_S)
    shutil.copytree(folder, data)


def _is_rewriting(client: redis.Redis) -> bool:
    found: Any = client.info("persistence")
    return bool(found["aof_rewrite_in_progress"] or found["aof_rewrite_scheduled"])


def _options(folder: Path, socket_path: Path, appendfsync: Appendfsync) -> list[str]:
    settings = {
        "port": "0",
        "unixsocket": str(socket_path),
        "dir": str(folder),
        "logfile": str(folder / "log"),
        "save": "",
        "appendonly": "yes",
        "appendfsync": appendfsync,
        # A rewrite would fall into one measurement and not into the one beside it.
        "auto-aof-rewrite-percentage": "0",
        "client-output-buffer-limit": "pubsub 0 0 0",
    }
    return [part for name, value in settings.items() for part in (f"--{name}", value)]


def _wait_until_ready(process: subprocess.Popen[bytes], target: str, program: Path) -> None:
    deadline = time.monotonic() + _READY_WITHIN_S
    with connect(target, role="bench") as client:
        while True:
            try:
                client.ping()
                return
            except (exceptions.ConnectionError, exceptions.TimeoutError):
                if process.poll() is not None or time.monotonic() > deadline:
                    raise BenchError(f"{program}: the server does not start") from None
                time.sleep(_LOOK_EVERY_S)
