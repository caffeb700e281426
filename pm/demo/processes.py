"""The demo's processes: a relay, a gateway and a pool of workers, each started as a user would.

Every child leads a process group of its own, so that Ctrl-C reaches the demo alone, which then
stops them in order, and so that a killed child takes its own children along.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from pm.demo.errors import DemoError
from pm.demo.folder import DemoFolder

STOP_WITHIN_S: Final = 20.0
_PROJECT: Final = Path(__file__).resolve().parents[2]


class Child:
    """One process, its output in a log."""

    def __init__(self, name: str, arguments: Sequence[str], log: Path, target: str = "") -> None:
        self.name = name
        self.log = log
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=_environment(target),
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """The process id, which is that of its group too."""
        return self._process.pid

    def check(self) -> None:
        """DemoError if the process has ended by itself."""
        code = self._process.poll()
        if code is not None:
            raise DemoError(
                f"the {self.name} ended with {code}: {self.last_line()} (all of it: {self.log})"
            )

    def owns(self, pid: int) -> bool:
        """Whether a process belongs to this one's group."""
        with suppress(ProcessLookupError):
            return os.getpgid(pid) == self.pid
        return False

    def last_line(self) -> str:
        """The last thing it said."""
        try:
            lines = self.log.read_text(errors="replace").splitlines()
        except OSError:
            lines = []
        return next((line for line in reversed(lines) if line.strip()), "it said nothing")

    def stop(self) -> int:
        """Ask it to end and wait; kill it if it does not. Its exit code."""
        if self._process.poll() is None:
            with suppress(ProcessLookupError):
                self._process.terminate()
            try:
                self._process.wait(STOP_WITHIN_S)
            except subprocess.TimeoutExpired:
                self.kill()
        return self._process.wait()

    def kill(self) -> None:
        """End the process and all of its group with SIGKILL."""
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()


def start_relay(
    folder: DemoFolder, seed: int, executions: int, rate: float, first_at: int
) -> Child:
    """The simulated relay, which waits for a gateway."""
    arguments = [
        "pm.demo.relay",
        *("--socket", str(folder.relay_socket)),
        *("--seed", str(seed)),
        *("--fills", str(executions)),
        *("--rate", str(rate)),
        *("--first-at", str(first_at)),
        *("--clearance", str(folder.clearance)),
    ]
    return Child("relay", arguments, folder.log("relay"))


def start_gateway(folder: DemoFolder, target: str) -> Child:
    """The gateway between the relay and the lanes of the server at `target`."""
    arguments = ["pm.cli.main", "--config", str(folder.settings), "gateway"]
    return Child("gateway", arguments, folder.log("gateway"), target)


def start_workers(folder: DemoFolder, target: str, count: int) -> Child:
    """The pool of workers of the server at `target`."""
    arguments = ["pm.cli.main", "--config", str(folder.settings), "worker", "--count", str(count)]
    return Child("worker pool", arguments, folder.log("workers"), target)


def _environment(target: str) -> dict[str, str]:
    """The environment without settings of this program but the server: the demo's file counts."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PM_")}
    path = environment.get("PYTHONPATH")
    environment["PYTHONPATH"] = f"{_PROJECT}{os.pathsep}{path}" if path else str(_PROJECT)
    if target:
        environment["PM_REDIS_URL"] = target
    return environment
