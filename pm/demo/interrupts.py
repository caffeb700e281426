"""Ctrl-C, SIGTERM and SIGHUP as one interruption that can wait for a moment.

Starting a process and stopping all of them must not be cut in half: a child that nobody remembers
would go on for ever. So a signal that comes there waits for the end of the `deferred` block, and
after the first no other counts.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupts:
    """Raises KeyboardInterrupt in the main thread, once, for the first signal that comes."""

    def __init__(self) -> None:
        self._deferring = 0
        self._has_come = False
        self._was_raised = False

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Take the signals for the time of the block; elsewhere than the main thread do nothing."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self._take) for number in _SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    @contextmanager
    def deferred(self) -> Iterator[None]:
        """Let the block run to its end; a signal that came meanwhile interrupts after it."""
        self._deferring += 1
        try:
            yield
        finally:
            self._deferring -= 1
        self._raise_once()

    def _take(self, number: int, frame: FrameType | None) -> None:
        self._has_come = True
        self._raise_once()

    def _raise_once(self) -> None:
        if self._has_come and not self._was_raised and not self._deferring:
            self._was_raised = True
            raise KeyboardInterrupt
