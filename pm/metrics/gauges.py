"""What a reading comes to as gauges: exact text by series. What is unknown is left out, never 0."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from pm.counting.catalogue import METRICS, Series
from pm.decimals import Amount
from pm.health.verdict import Component
from pm.readings.books import BookReading
from pm.readings.server import ServerReading
from pm.readings.system import SystemReading
from pm.readings.today import TodayReading
from pm.readings.worth import Worth
from pm.settings import PortfolioManagerSettings

_Value = Amount | int | bool | None

_LEVELS: Final = {"healthy": 0, "degraded": 1, "down": 2}
_NS_A_S: Final = 1_000_000_000

_OF_A_BOOK: Final[Mapping[str, Callable[[BookReading], _Value]]] = {
    "pm_temporary_positions": lambda book: book.traces,
    "pm_reconciliation_differences_total": lambda book: book.reconciliation_differences,
    "pm_reconciliation_runs_total": lambda book: book.reconciliation_runs,
    "pm_reconciliation_timestamp_seconds": lambda book: _seconds(book.reconciled_at),
    "pm_breaks_open": lambda book: book.breaks_open,
    "pm_valuation_timestamp_seconds": lambda book: _seconds(book.valued_at),
    "pm_journal_seq": lambda book: book.seq,
    "pm_journal_entries": lambda book: book.journal_entries,
    "pm_archived_seq": lambda book: book.archived_seq,
    "pm_trimmed_seq": lambda book: book.trimmed_seq,
    "pm_quarantine_entries": lambda book: book.quarantine_entries,
    "pm_book_torn": lambda book: book.is_torn,
}

_OF_THE_SERVER: Final[Mapping[str, Callable[[ServerReading], _Value]]] = {
    "pm_server_memory_used_bytes": lambda server: server.memory_used_bytes,
    "pm_server_memory_max_bytes": lambda server: server.memory_max_bytes,
    "pm_server_persistence_ok": lambda server: server.last_write_ok,
    "pm_server_replicas": lambda server: server.replicas,
    "pm_functions_loaded": lambda server: server.functions_loaded,
}


def gauges_of(
    system: SystemReading,
    components: Sequence[Component],
    limits: PortfolioManagerSettings,
    today: Mapping[str, TodayReading],
    worth: Worth | None,
) -> dict[Series, str]:
    """Every gauge; `today` is of each book, and without `worth` there is no money among them."""
    found: list[tuple[Series, _Value]] = [
        (Series("pm_positions_max"), limits.max_positions),
        (Series("pm_quarantine_entries_max"), limits.quarantine_max_entries),
        (Series("pm_workers_live"), system.workers_live),
        (Series("pm_gauges_timestamp_seconds"), _seconds(system.at)),
    ]
    found += ((Series(name), tell(system.server)) for name, tell in _OF_THE_SERVER.items())
    for book in system.books:
        found += _book(book, system.at)
        found += _today(book, today[book.name])
    for part in components:
        found.append((Series("pm_health", (part.name,)), _LEVELS.get(part.level)))
    if worth is not None:
        found += _worth(worth)
    return {
        series: str(int(value)) if isinstance(value, bool) else str(value)
        for series, value in found
        if value is not None and (worth is not None or not METRICS[series.name].of_portfolio)
    }


def _book(book: BookReading, now_ns: int) -> Iterator[tuple[Series, _Value]]:
    yield Series("pm_positions", (book.name, "open")), book.positions_open
    yield Series("pm_positions", (book.name, "closed")), book.positions_closed
    for name, tell in _OF_A_BOOK.items():
        yield Series(name, (book.name,)), tell(book)
    for strategy, count in book.positions_by_strategy.items():
        yield Series("pm_strategy_positions", (book.name, strategy)), count
    for lane in book.lanes:
        age_ns = 0 if lane.since is None else max(0, now_ns - lane.since)
        yield Series("pm_lane_waiting_entries", (book.name, lane.lane)), lane.waiting
        yield Series("pm_lane_age_seconds", (book.name, lane.lane)), _seconds(age_ns)


def _today(book: BookReading, today: TodayReading) -> Iterator[tuple[Series, _Value]]:
    holding = {strategy for strategy, count in book.positions_by_strategy.items() if count}
    yield Series("pm_active_strategies", (book.name,)), len(holding | today.strategies)
    yield Series("pm_trades_today", (book.name,)), today.trades


def _worth(worth: Worth) -> Iterator[tuple[Series, _Value]]:
    currency = (worth.currency,)
    yield Series("pm_portfolio_value", currency), worth.value
    yield Series("pm_unrealized_pnl", currency), worth.unrealized_pnl
    yield Series("pm_realized_pnl_today", currency), worth.realized_today
    yield Series("pm_fees_paid_today", currency), worth.fees_today
    yield from _by_token("pm_realized_pnl_today_tokens", worth.realized_today_by_token.items())
    yield from _by_token("pm_fees_paid_today_tokens", worth.fees_today_by_token.items())


def _by_token(name: str, amounts: Iterable[tuple[str, Any]]) -> Iterator[tuple[Series, _Value]]:
    for token, amount in amounts:
        yield Series(name, (token,)), amount


def _seconds(time_ns: int | None) -> Amount | None:
    """Nanoseconds as seconds, to the millisecond."""
    return None if time_ns is None else Amount(time_ns // 1_000_000, 3)
