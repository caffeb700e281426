"""How one book stands: positions, journal, quarantine, archive, reconciliation, valuation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import redis

from pm import keys
from pm.books import lanes
from pm.connect.replies import text_of, texts_of
from pm.readings.lanes import LaneReading, read_lanes


@dataclass(frozen=True, slots=True, kw_only=True)
class BookReading:
    """One book at one moment. Times are ns, None where it never happened.

    `journal_top` above `seq` is a torn book. `archived_seq` and `trimmed_seq` are 0 before the
    first archive.
    """

    name: str
    schema: str
    seq: int
    journal_top: int
    journal_entries: int
    positions_open: int
    positions_closed: int
    positions_by_strategy: Mapping[str, int]
    traces: int
    lanes: tuple[LaneReading, ...]
    quarantine_entries: int
    valued_at: int | None
    valuation_torn: bool
    archived_seq: int
    trimmed_seq: int
    archived_at: int | None
    reconciled_at: int | None
    reconciliation_runs: int
    reconciliation_differences: int
    breaks_open: int

    @property
    def is_torn(self) -> bool:
        """Whether the journal is ahead of the state."""
        return self.journal_top > self.seq


def read_book(client: redis.Redis, book: str) -> BookReading | None:
    """The book; None if there is none. `client` must not decode."""
    pipeline = client.pipeline(transaction=False)
    # The journal first: a book in the middle of work may then seem behind, but never torn.
    pipeline.xrevrange(keys.journal(book), "+", "-", count=1)
    pipeline.hgetall(keys.book(book))
    pipeline.xlen(keys.journal(book))
    pipeline.zcard(keys.positions(book))
    pipeline.zcard(keys.closed(book))
    pipeline.zcard(keys.traces(book))
    pipeline.zrange(keys.strategies(book), 0, -1)
    pipeline.xlen(keys.quarantine(book))
    pipeline.hgetall(keys.valuation(book))
    pipeline.hgetall(keys.archive_head(book))
    pipeline.hgetall(keys.reconciliation(book))
    top, head, entries, opened, closed, traces, members, refused, *hashes = pipeline.execute()
    state = texts_of(head)
    if "seq" not in state:
        return None
    valuation, archive, reconciliation = map(texts_of, hashes)
    strategies = sorted(name for name in map(text_of, members) if name != keys.SENTINEL)
    return BookReading(
        name=book,
        schema=state.get("schema", ""),
        seq=int(state["seq"]),
        journal_top=int(text_of(top[0][0]).partition("-")[0]) if top else 0,
        journal_entries=entries,
        positions_open=max(0, opened - 1),
        positions_closed=max(0, closed - 1),
        positions_by_strategy=_held(client, book, strategies),
        traces=max(0, traces - 1),
        lanes=read_lanes(client, book, lanes.of_book(client, book), state),
        quarantine_entries=refused,
        valued_at=_time(valuation, "at"),
        valuation_torn=state.get("valuation_torn", "0") != "0",
        archived_seq=int(archive.get("archived_through", 0)),
        trimmed_seq=int(archive.get("trimmed_through", 0)),
        archived_at=_time(archive, "at"),
        reconciled_at=_time(reconciliation, "at"),
        reconciliation_runs=int(reconciliation.get("runs", 0)),
        reconciliation_differences=int(reconciliation.get("differences", 0)),
        breaks_open=int(reconciliation.get("open_breaks", 0)),
    )


def _held(client: redis.Redis, book: str, strategies: Sequence[str]) -> dict[str, int]:
    pipeline = client.pipeline(transaction=False)
    for strategy in strategies:
        # ; follows : in the order of bytes.
        pipeline.zlexcount(keys.positions(book), f"[{strategy}:", f"({strategy};")
    return dict(zip(strategies, pipeline.execute(), strict=True))


def _time(fields: Mapping[str, str], name: str) -> int | None:
    return int(fields[name]) if fields.get(name) else None
