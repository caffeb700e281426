"""A pool of worker processes on one machine: starts them, restarts the ones that die, stops them.

Workers on other machines join the same way; the pool is a convenience, not a coordinator.
"""

from __future__ import annotations

import logging
import subprocess
import threading
import time
from dataclasses import dataclass, field

log = logging.getLogger("pm.pool")

RESTART_S = 0.2
RESTART_MAX_S = 5.0
STOP_TIMEOUT_S = 15.0
LONG_LIFE_S = 10.0


@dataclass(slots=True)
class _Member:
    process: subprocess.Popen[bytes]
    started_at: float
    deaths: int = 0
    restart_at: float = 0.0


@dataclass(slots=True)
class Pool:
    """Worker processes, each `command`, kept at `count`."""

    command: list[str]
    count: int
    environment: dict[str, str]
    members: list[_Member] = field(default_factory=list)

    def run(self, stop: threading.Event) -> int:
        """Keep the pool up until `stop` is set; the exit code."""
        self.members = [_Member(self._start(), time.monotonic()) for _ in range(self.count)]
        log.info("pool of %d workers: %s", self.count, self._pids())
        while not stop.wait(0.05):
            for member in self.members:
                self._look_after(member)
        return self._stop()

    def _look_after(self, member: _Member) -> None:
        code = member.process.poll()
        now = time.monotonic()
        if code is None:
            return
        if not member.restart_at:
            if now - member.started_at > LONG_LIFE_S:
                member.deaths = 0
            member.deaths += 1
            delay = min(RESTART_MAX_S, RESTART_S * 2 ** (member.deaths - 1))
            member.restart_at = now + delay
            log.warning(
                "worker process %d ended with %d; another starts in %.1f s",
                member.process.pid,
                code,
                delay,
            )
        elif now >= member.restart_at:
            member.process = self._start()
            member.started_at, member.restart_at = now, 0.0
            log.info("worker process %d started", member.process.pid)

    def _start(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(self.command, env=self.environment, stdin=subprocess.DEVNULL)

    def _pids(self) -> str:
        return ", ".join(str(member.process.pid) for member in self.members)

    def _stop(self) -> int:
        alive = [m.process for m in self.members if m.process.poll() is None]
        for process in alive:
            process.terminate()
        deadline = time.monotonic() + STOP_TIMEOUT_S
        code = 0
        for process in alive:
            try:
                code = max(code, abs(process.wait(max(0.1, deadline - time.monotonic()))))
            except subprocess.TimeoutExpired:
                log.error("worker process %d did not stop; killing it", process.pid)
                process.kill()
                process.wait()
                code = 1
        return code
