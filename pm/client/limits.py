"""How a client's queries are bounded: how long, how many at once, what is kept, what is slow."""

from __future__ import annotations

from dataclasses import dataclass

from pm.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryLimits:
    """Bounds of one client's queries; None is no bound, and 0 `cache_entries` no cache.

    `timeout_ms` bounds each wait for the server, and each wait for a turn where `max_concurrent`
    queries are under way; a connection made elsewhere must not itself wait longer. A query that
    takes longer than `slow_ms` is a line in the log. No remembered reply is older than
    `cache_ttl_s`, and none outlives the change of its key by more than its way to the client.
    """

    timeout_ms: int | None = None
    max_concurrent: int | None = None
    slow_ms: int | None = None
    cache_entries: int = 0
    cache_ttl_s: float = 0.0

    @classmethod
    def of(cls, settings: Settings, *, caching: bool = True) -> QueryLimits:
        """The limits of the settings; what asks once and ends has no use for `caching`."""
        performance = settings.performance
        is_cached = caching and performance.enable_query_caching
        return cls(
            timeout_ms=settings.portfolio_manager.query_response_timeout_ms,
            max_concurrent=performance.max_concurrent_queries,
            slow_ms=settings.monitoring.slow_query_threshold_ms,
            cache_entries=performance.position_cache_size if is_cached else 0,
            cache_ttl_s=float(performance.query_cache_ttl_seconds),
        )

    @property
    def timeout_s(self) -> float | None:
        """The longest wait in seconds."""
        return None if self.timeout_ms is None else self.timeout_ms / 1000


UNLIMITED = QueryLimits()
