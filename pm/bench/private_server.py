"""A server for one measurement: any Redis or Valkey program, in a folder that goes with it."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from redis import exceptions

from pm.bench.errors import BenchError
from pm.connect import connect
from pm.server.binary import find_binary

Appendfsync = Literal["always", "everysec"]

_READY_WITHIN_S = 30.0


def server_program(named: str | None) -> Path:
    """The program to measure: the one named (a path or a name on PATH), else the embedded one."""
    if named is None:
        return find_binary()
    found = shutil.which(named)
    if found is None:
        raise BenchError(f"--server {named}: there is no such program")
    return Path(found)


@contextmanager
def private_server(program: Path, appendfsync: Appendfsync = "everysec") -> Iterator[str]:
    """The unix:// URL of a new, empty server with an append-only file."""
    folder = Path(tempfile.mkdtemp(prefix="pmb-", dir="/tmp"))
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
                time.sleep(0.01)
