"""`pm` commands that run in the background, their output in a file."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

from tests.workers.desk import ROOT, WAIT_S, eventually


def environment(**variables: str) -> dict[str, str]:
    """The environment without settings of the program but these."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PM_")}
    return {**kept, "PYTHONPATH": str(ROOT), **variables}


class Command:
    """One `pm` command in a process of its own."""

    def __init__(self, *arguments: str, log: Path, cwd: Path, **variables: str) -> None:
        self._log_file = log
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "pm.cli.main", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=environment(**variables),
                cwd=cwd,
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    @property
    def log(self) -> str:
        return self._log_file.read_text(errors="replace")

    def says(self, pattern: str, times: int = 1) -> None:
        """Wait until it has logged so many matches."""
        eventually(
            lambda: len(re.findall(pattern, self.log)) >= times,
            lambda: f"{pattern!r} in:\n{self.log}",
        )

    def ended(self) -> int:
        """Wait for the end; the exit code."""
        return self._process.wait(timeout=WAIT_S)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Ask it to end; the exit code."""
        self._process.send_signal(how)
        return self.ended()

    def kill(self) -> None:
        """End it with SIGKILL, if it still runs."""
        self._process.kill()
        self._process.wait()


class Crew:
    """The workers of one test; none outlives it."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder = folder
        self.url = url
        self._commands: list[Command] = []

    def worker(self, *, count: int = 1, url: str | None = None, **variables: str) -> Command:
        """Start `pm worker`; settings and crash points go by variables."""
        log = self.folder / f"worker-{len(self._commands)}.log"
        arguments = ("--redis", url or self.url, "worker", "--count", str(count), "--no-valuation")
        command = Command(*arguments, log=log, cwd=self.folder, **variables)
        self._commands.append(command)
        return command

    def close(self) -> None:
        """Kill what still runs; a pool's members are asked by their pool."""
        for command in self._commands:
            if command.running:
                try:
                    command.stop()
                finally:
                    command.kill()
