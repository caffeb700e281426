"""Every metric there is: its name, kind, labels and meaning.

Names follow Prometheus: base units, `_total` for counters, `_seconds` for times. No label is a
position, an instrument, an order or a trace: their number has no bound.
"""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

Kind = Literal["counter", "histogram", "gauge"]


class Metric(NamedTuple):
    """One metric. `of_portfolio` ones are left out with `emit_position_metrics = false`."""

    name: str
    kind: Kind
    labels: tuple[str, ...]
    text: str
    of_portfolio: bool = False


class Series(NamedTuple):
    """One line of a metric: its name and the values of its labels, in the metric's order."""

    name: str
    labels: tuple[str, ...] = ()


BUCKETS: Final = (
    "0.0001",
    "0.00025",
    "0.0005",
    "0.001",
    "0.0025",
    "0.005",
    "0.01",
    "0.025",
    "0.05",
    "0.1",
    "0.25",
    "0.5",
    "1.0",
    "2.5",
    "5.0",
    "10.0",
    "+Inf",
)
"""Upper bounds of every histogram, in seconds, as Prometheus writes them."""

BOUNDS_NS: Final = tuple(round(float(bound) * 1e9) for bound in BUCKETS[:-1])

UPDATES: Final = "pm_position_updates_total"
UPDATE_SECONDS: Final = "pm_position_update_seconds"
UPDATE_ERRORS: Final = "pm_position_update_errors_total"
APPLY_SECONDS: Final = "pm_apply_call_seconds"
APPLY_EVENTS: Final = "pm_apply_call_events_total"
QUERIES: Final = "pm_queries_total"
QUERY_SECONDS: Final = "pm_query_seconds"
QUERY_ERRORS: Final = "pm_query_errors_total"
ATTRIBUTIONS: Final = "pm_attribution_calculations_total"
ATTRIBUTION_SECONDS: Final = "pm_attribution_calculation_seconds"
FRAMES: Final = "pm_gateway_frames_total"
FRAMES_DAMAGED: Final = "pm_gateway_damaged_total"
BYTES_SKIPPED: Final = "pm_gateway_skipped_bytes_total"
OUTBOX_ENTRIES: Final = "pm_gateway_entries_total"
RELAY_CONNECTIONS: Final = "pm_gateway_connections_total"
JOB_RUNS: Final = "pm_job_runs_total"
JOB_SECONDS: Final = "pm_job_seconds"
OUTBOX_PENDING: Final = "pm_outbox_pending_entries"
GATEWAY_SEEN: Final = "pm_gateway_seen_timestamp_seconds"

TOLD_BY_GATEWAYS: Final = frozenset({OUTBOX_PENDING, GATEWAY_SEEN})
"""Gauges that only a gateway knows; it stores them itself."""

_COUNTED: Final = (
    Metric(UPDATES, "counter", ("book", "result"), "Events journaled, by how they ended."),
    Metric(
        UPDATE_SECONDS,
        "histogram",
        ("book",),
        "From the receipt of an execution until it was applied; replays are left out.",
    ),
    Metric(
        UPDATE_ERRORS,
        "counter",
        ("book", "reason"),
        "What kept events from being applied as they came.",
    ),
    Metric(APPLY_SECONDS, "histogram", ("book",), "One call of apply, seen from the worker."),
    Metric(APPLY_EVENTS, "counter", ("book",), "Events in those calls: batch size times calls."),
    Metric(QUERIES, "counter", ("query",), "Queries of clients opened with settings."),
    Metric(QUERY_SECONDS, "histogram", ("query",), "From asking to the answer or the error."),
    Metric(QUERY_ERRORS, "counter", ("query",), "Queries that ended with an error."),
    Metric(ATTRIBUTIONS, "counter", ("report",), "Attributions and explanations computed."),
    Metric(ATTRIBUTION_SECONDS, "histogram", ("report",), "How long computing one took."),
    Metric(FRAMES, "counter", ("source",), "Frames read from the relay."),
    Metric(FRAMES_DAMAGED, "counter", ("source",), "Frames from the relay that were damaged."),
    Metric(BYTES_SKIPPED, "counter", ("source",), "Bytes from the relay that were no frame."),
    Metric(OUTBOX_ENTRIES, "counter", ("source",), "Entries committed to the outbox."),
    Metric(RELAY_CONNECTIONS, "counter", ("source",), "Connections made to the relay."),
    Metric(JOB_RUNS, "counter", ("job", "result"), "Runs of jobs, done or failed."),
    Metric(JOB_SECONDS, "histogram", ("job",), "How long a run of a job took, however it ended."),
)

_FOUND: Final = (
    Metric("pm_positions", "gauge", ("book", "state"), "Positions that are open or closed."),
    Metric("pm_positions_max", "gauge", (), "portfolio_manager.max_positions."),
    Metric(
        "pm_strategy_positions",
        "gauge",
        ("book", "strategy"),
        "Open positions of a strategy.",
        of_portfolio=True,
    ),
    Metric(
        "pm_active_strategies",
        "gauge",
        ("book",),
        "Strategies with an open position, or with a booking today.",
    ),
    Metric(
        "pm_portfolio_value",
        "gauge",
        ("currency",),
        "Equity over all books at the last mark-to-market.",
        of_portfolio=True,
    ),
    Metric(
        "pm_unrealized_pnl",
        "gauge",
        ("currency",),
        "Unrealized P&L over all books at the last mark-to-market.",
        of_portfolio=True,
    ),
    Metric(
        "pm_realized_pnl_today",
        "gauge",
        ("currency",),
        "Price P&L closed this UTC day, at the rates of now.",
        of_portfolio=True,
    ),
    Metric(
        "pm_realized_pnl_today_tokens",
        "gauge",
        ("token",),
        "The same per settlement token.",
        of_portfolio=True,
    ),
    Metric(
        "pm_fees_paid_today",
        "gauge",
        ("currency",),
        "Fees of executions of this UTC day, at the rates of now.",
        of_portfolio=True,
    ),
    Metric(
        "pm_fees_paid_today_tokens",
        "gauge",
        ("token",),
        "The same per token paid.",
        of_portfolio=True,
    ),
    Metric("pm_trades_today", "gauge", ("book",), "Executions booked on this UTC day."),
    Metric("pm_temporary_positions", "gauge", ("book",), "Multi-step trades the book keeps."),
    Metric("pm_reconciliation_differences_total", "counter", ("book",), "Differences found."),
    Metric("pm_reconciliation_runs_total", "counter", ("book",), "Reconciliations that ended."),
    Metric("pm_reconciliation_timestamp_seconds", "gauge", ("book",), "When the last one ended."),
    Metric("pm_breaks_open", "gauge", ("book",), "Breaks that are open."),
    Metric("pm_valuation_timestamp_seconds", "gauge", ("book",), "When the book was last valued."),
    Metric(
        "pm_lane_waiting_entries",
        "gauge",
        ("book", "lane"),
        "Entries not applied yet; 1000 stands for that and more in a lane of many producers.",
    ),
    Metric("pm_lane_age_seconds", "gauge", ("book", "lane"), "Age of the oldest of them, or 0."),
    Metric("pm_journal_seq", "gauge", ("book",), "The book's last journal entry."),
    Metric("pm_journal_entries", "gauge", ("book",), "Journal entries in memory."),
    Metric("pm_archived_seq", "gauge", ("book",), "The last archived journal entry."),
    Metric("pm_trimmed_seq", "gauge", ("book",), "The last journal entry taken from memory."),
    Metric("pm_quarantine_entries", "gauge", ("book",), "What was refused and waits."),
    Metric("pm_quarantine_entries_max", "gauge", (), "At that many a lane stops."),
    Metric("pm_book_torn", "gauge", ("book",), "1 while the journal is ahead of the state."),
    Metric("pm_workers_live", "gauge", (), "Workers that announced themselves just now."),
    Metric(OUTBOX_PENDING, "gauge", ("source",), "Outbox entries the lanes do not have yet."),
    Metric(GATEWAY_SEEN, "gauge", ("source",), "When the gateway last said so."),
    Metric("pm_server_memory_used_bytes", "gauge", (), "used_memory of the server."),
    Metric("pm_server_memory_max_bytes", "gauge", (), "maxmemory of the server, if it has one."),
    Metric("pm_server_persistence_ok", "gauge", (), "1 while the last write to disk succeeded."),
    Metric("pm_server_replicas", "gauge", (), "Connected replicas."),
    Metric("pm_functions_loaded", "gauge", (), "1 if the server has this program's functions."),
    Metric("pm_gauges_timestamp_seconds", "gauge", (), "When these gauges were read."),
    Metric(
        "pm_health",
        "gauge",
        ("component",),
        "0 healthy, 1 degraded, 2 down; a component that could not be asked is left out.",
    ),
)

METRICS: Final = {metric.name: metric for metric in (*_COUNTED, *_FOUND)}
