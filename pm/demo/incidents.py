"""What goes wrong on the way, on purpose: processes die as if their machine lost power.

Each incident happens when a share of the executions is in the books, and says in plain words what
it did and how it ended.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from typing import NamedTuple

from pm.demo.system import System
from pm.demo.view import View

Tell = Callable[[str], None]


class Incident(NamedTuple):
    """Something to do once `permille` of the executions are in; False: not yet, ask again."""

    permille: int
    happen: Callable[[View], bool]


class WorkerDeath:
    """Kills the worker that serves most books, and watches who takes them over."""

    def __init__(self, system: System, tell: Tell) -> None:
        self._system = system
        self._tell = tell
        self._killed = ""
        self._at = 0.0
        self._heirs: set[str] = set()
        self._orphans: set[str] = set()

    def kill(self, view: View) -> bool:
        """Kill it, if the books have workers by now."""
        serving = sorted(
            {book.worker for book in view.books if book.worker is not None},
            key=lambda worker: len(view.books_of(worker)),
        )
        if not serving:
            return False
        victim = serving[-1]
        pid = int(victim.rpartition("-")[2])
        if not self._system.pool.owns(pid):
            return False
        os.kill(pid, signal.SIGKILL)
        self._killed, self._at = victim, time.monotonic()
        self._orphans = set(view.books_of(victim))
        self._tell(f"worker {pid} killed (SIGKILL) while it served {_listed(self._orphans)}")
        return True

    def watch(self, view: View) -> None:
        """Say so once every book it served has been taken by another."""
        if not self._orphans:
            return
        for book in view.books:
            if book.name in self._orphans and book.worker not in (None, self._killed):
                self._orphans.discard(book.name)
                self._heirs.add(str(book.worker).rpartition("-")[2])
        if not self._orphans:
            took_s = time.monotonic() - self._at
            self._tell(f"its books moved to worker {_listed(self._heirs)} after {took_s:.1f} s")

    @property
    def is_over(self) -> bool:
        """Whether no book waits for another worker."""
        return not self._orphans


def _listed(names: set[str]) -> str:
    *others, last = sorted(names)
    return f"{', '.join(others)} and {last}" if others else last
