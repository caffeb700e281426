"""Commands run as processes of their own, so that they can be many, and can be killed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

_USE = """
import sys
from pathlib import Path
from pm.connect import connect
from pm.server import embedded_server
data_dir, name, wait = Path(sys.argv[1]), sys.argv[2], sys.argv[3] == "wait"
with embedded_server(data_dir) as url:
    client = connect(url, role="test")
    client.rpush("servers", client.info("server")["run_id"])
    client.set(name, "here")
    print("ready", flush=True)
    if wait:
        sys.stdin.readline()
    for _ in range(20):
        assert client.get(name) == "here"
    client.close()
"""


def use_server(data_dir: Path, name: str, *, wait: bool = False) -> subprocess.Popen[str]:
    """A command that joins the folder's server and sets the key `name`.

    With `wait` it stays joined until it reads a line. It prints "ready" once it has written.
    """
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", _USE, str(data_dir), name, "wait" if wait else "go"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def until_ready(command: subprocess.Popen[str]) -> None:
    """Return when the command has written its key; fails with its errors if it ended before."""
    assert command.stdout is not None
    if command.stdout.readline() != "ready\n":
        raise AssertionError(command.communicate()[1])


def let_go(command: subprocess.Popen[str]) -> None:
    """Have a waiting command leave, and wait until it has."""
    _, errors = command.communicate("\n")
    assert command.returncode == 0, errors
