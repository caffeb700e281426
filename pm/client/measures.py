"""Counts a client's queries and how long they took; takes about two microseconds of each."""

from __future__ import annotations

import weakref
from functools import cache

from pm.counting.catalogue import QUERIES, QUERY_ERRORS, QUERY_SECONDS, Series
from pm.counting.reporter import Reporter
from pm.settings import Settings


class QueryMeasures:
    """What one client counts; reported in the background, and when it is closed or the end comes.

    Nothing is connected and no thread begins before the first query.
    """

    def __init__(self, settings: Settings, target: str) -> None:
        reporter = Reporter.of(settings, target)
        self._recorder = reporter.recorder
        self._reporter = reporter
        self._is_started = False
        self._close = weakref.finalize(self, reporter.close)

    def note(self, query: str, took_ns: int, *, is_error: bool) -> None:
        """Count one query by the name of its plan."""
        if not self._is_started:
            self._is_started = True
            self._reporter.start()
        queries, seconds, errors = _series(query)
        self._recorder.count(queries)
        self._recorder.observe(seconds, took_ns)
        if is_error:
            self._recorder.count(errors)

    def close(self) -> None:
        """Report the rest; waits a few seconds at most."""
        self._close()


@cache
def _series(query: str) -> tuple[Series, Series, Series]:
    name = (query,)
    return Series(QUERIES, name), Series(QUERY_SECONDS, name), Series(QUERY_ERRORS, name)
