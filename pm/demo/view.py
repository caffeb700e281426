"""What the books show at one moment, read as any reader would: a few pipelines, no locks."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import redis

from pm import keys

_COUNTERS: Final = ("applied", "duplicate", "covered", "stale", "noted", "refused")
_POSITION_FIELDS: Final = (
    "quantity", "cost", "avg_cost_basis", "realized_pnl", "settlement", "fees_paid", "total_trades",
    "carry", "transfer_cost",
)  # fmt: skip


class PositionRow(NamedTuple):
    """One position; amounts are decimal text, the average "" when nothing is held."""

    book: str
    strategy: str
    instrument: str
    quantity: str
    cost: str
    average: str
    realized_pnl: str
    settlement: str
    fees: Mapping[str, str]
    trades: str
    carry: str = "0"
    transfer_cost: str = "0"


@dataclass(slots=True)
class BookRow:
    """Where one book stands: entries its lanes hold beyond their cursors, and who serves it.

    `reserving` is how many orders hold something reserved.
    """

    name: str
    seq: int = 0
    trades: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    lag: int = 0
    reserving: int = 0
    quarantined: int = 0
    worker: str | None = None


@dataclass(slots=True)
class View:
    """All books at one moment; the equity is that of the last mark-to-market, "" before one."""

    books: list[BookRow] = field(default_factory=list)
    positions: list[PositionRow] = field(default_factory=list)
    workers: list[str] = field(default_factory=list)
    equity: str = ""

    @property
    def trades(self) -> int:
        """Executions in the books."""
        return sum(book.trades for book in self.books)

    @property
    def lag(self) -> int:
        """Entries that wait in the lanes."""
        return sum(book.lag for book in self.books)

    @property
    def reserving(self) -> int:
        """Orders that hold something reserved."""
        return sum(book.reserving for book in self.books)

    @property
    def quarantined(self) -> int:
        """Entries in quarantine."""
        return sum(book.quarantined for book in self.books)

    def count(self, name: str) -> int:
        """How many events ended so, over all books."""
        return sum(book.counts[name] for book in self.books)

    def books_of(self, worker: str) -> list[str]:
        """The books a worker serves."""
        return [book.name for book in self.books if book.worker == worker]


def read_view(client: redis.Redis, names: Sequence[str]) -> View:
    """Read the books of these names; the client must decode."""
    view = View()
    for name in names:
        view.books.append(_read_book(client, name))
        view.positions.extend(read_positions(client, name))
    view.workers = [str(worker) for worker in client.zrange(keys.workers(), 0, -1)]
    view.equity = str(client.hget(keys.portfolio_valuation(), "equity") or "")
    return view


def read_positions(client: redis.Redis, book: str) -> list[PositionRow]:
    """Every position the book has or had, by strategy and instrument."""
    pipeline = client.pipeline(transaction=False)
    pipeline.zrange(keys.positions(book), 0, -1)
    pipeline.zrange(keys.closed(book), 0, -1)
    members = sorted({str(member) for found in pipeline.execute() for member in found})
    places = [member.partition(":") for member in members if member != keys.SENTINEL]
    for strategy, _, instrument in places:
        pipeline.hmget(keys.position(book, strategy, instrument), _POSITION_FIELDS)
    return [
        _position(book, strategy, instrument, values)
        for (strategy, _, instrument), values in zip(places, pipeline.execute(), strict=True)
        if values[0] is not None
    ]


def _position(book: str, strategy: str, instrument: str, values: list[Any]) -> PositionRow:
    quantity, cost, average, realized_pnl, settlement, fees, trades, *beside = values
    return PositionRow(
        book, strategy, instrument, quantity, cost, average, realized_pnl, settlement,
        json.loads(fees), trades, *beside,
    )  # fmt: skip


def _read_book(client: redis.Redis, name: str) -> BookRow:
    row = BookRow(name)
    lanes = [str(lane) for lane in client.zrange(keys.lanes(name), 0, -1)]
    lanes = [lane for lane in lanes if lane != keys.SENTINEL]
    pipeline = client.pipeline(transaction=False)
    pipeline.hmget(
        keys.book(name),
        ["seq", "trade_count", *_COUNTERS, *(f"cursor:{lane}" for lane in lanes)],
    )
    pipeline.get(keys.lease(name))
    pipeline.xlen(keys.quarantine(name))
    pipeline.zrange(keys.reservations(name), 0, -1)
    for lane in lanes:
        pipeline.hget(keys.lane_source(name, lane), "top")
    (seq, trades, *rest), row.worker, row.quarantined, reserving, *tops = pipeline.execute()
    row.reserving = sum(member != keys.SENTINEL for member in reserving)
    row.seq, row.trades = int(seq or 0), int(trades or 0)
    counts, cursors = rest[: len(_COUNTERS)], rest[len(_COUNTERS) :]
    row.counts = {key: int(value or 0) for key, value in zip(_COUNTERS, counts, strict=True)}
    for cursor, top in zip(cursors, tops, strict=True):
        done = int((cursor or "0").partition("-")[0])
        row.lag += max(0, int(top or 0) - done) if top is not None else 0
    return row
