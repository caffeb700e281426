"""Takes a process's counts to the server at every interval and at its end, on a thread of its own.

Nothing waits for it: what the server does not take now it takes later. A user who may not count is
told so once, and counting ends.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from typing import Final

import redis
from redis import exceptions

from pm.connect import connect
from pm.counting.adding import Adder, process_name
from pm.counting.recorder import Recorder
from pm.settings import Settings

_ANSWER_WITHIN_S: Final = 2.0
_END_WITHIN_S: Final = 5.0

log = logging.getLogger("pm.metrics")

Sample = Callable[[Recorder, redis.Redis], None]


class Reporter:
    """Reports what `recorder` counts to the server at `target`.

    `sample`, called before each report, may add what is counted elsewhere and store gauges.
    """

    def __init__(
        self, recorder: Recorder, target: str, interval_s: float, sample: Sample | None = None
    ) -> None:
        self.recorder = recorder
        self._client = connect(target, role="metrics", timeout_s=_ANSWER_WITHIN_S)
        self._adder = Adder(self._client, process_name())
        self._interval_s = interval_s
        self._sample = sample
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._process = os.getpid()
        self._starting = threading.Lock()
        self._is_refused = False

    @classmethod
    def of(cls, settings: Settings, target: str, sample: Sample | None = None) -> Reporter:
        """With a recorder of its own, at the interval of the settings."""
        interval_s = settings.monitoring.metrics_update_interval_seconds
        return cls(Recorder(), target, interval_s, sample)

    def start(self) -> None:
        """Begin, if it has not; the first report comes after an interval."""
        with self._starting:
            if self._thread is None and not self._stop.is_set():
                self._thread = threading.Thread(target=self._run, name="metrics", daemon=True)
                self._thread.start()

    def close(self) -> None:
        """Report once more and end; in a forked child, whose counts are its parent's, do nothing.

        Waits a few seconds at most.
        """
        if os.getpid() != self._process:
            return
        self._stop.set()
        if self._thread is not None:
            self._thread.join(_END_WITHIN_S)
        self._client.close()

    def _run(self) -> None:
        while not self._stop.wait(self._interval_s):
            self._report()
            if self._is_refused:
                return
        self._report()

    def _report(self) -> None:
        try:
            if self._sample is not None:
                self._sample(self.recorder, self._client)
            self._adder.add(self.recorder.take())
        except exceptions.NoPermissionError as error:
            log.info("this user may not count, so nothing is counted here: %s", error)
            self._is_refused = True
        except (exceptions.RedisError, OSError) as error:
            log.debug("counts wait: %s", error)
