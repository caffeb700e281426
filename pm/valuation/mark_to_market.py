"""One mark-to-market pass: every position at its newest mark, and what follows from it.

The marks are read once and hold for everything the pass makes. Positions whose mark has changed are
valued in bounded slices; records, equity points and risk are then computed from a reading of each
book at one seq. A pass depends on nothing but what is stored: one that was missed or cut off is
made up for by the next. What `PassMemory` keeps only saves reading it again.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import redis

from pm.archive import open_archive
from pm.books import opening, reference_store
from pm.days import utc_day
from pm.history import Archive
from pm.marks import store
from pm.reference.snapshot import Reference
from pm.settings import Settings
from pm.valuation import equity
from pm.valuation.evaluation import BookEvaluation, Evaluation
from pm.valuation.figures import Pricing
from pm.valuation.flows import Flow
from pm.valuation.held import HeldPosition
from pm.valuation.journal_watch import JournalWatch
from pm.valuation.marking import (
    FixedSlices,
    Marked,
    NewMark,
    SliceSize,
    market_value,
    recount,
    set_marks,
)
from pm.valuation.publishing import Level, Places, publish
from pm.valuation.records import EquityPoint
from pm.valuation.return_history import ReturnHistory
from pm.valuation.risk_building import RiskBuilder
from pm.valuation.snapshot import BookSnapshot, TornBook, open_positions, read_book
from pm.valuation.stepping import Stepper


@dataclass(frozen=True, slots=True, kw_only=True)
class PassReport:
    """What a pass found; `valued` positions had another mark than before.

    `torn` books could not be read. `longest_hold_ms` is the longest call that valued positions, the
    way to the server and back included.
    """

    books: int
    positions: int
    valued: int
    unmarked: int
    stale: int
    duration_ms: int
    longest_hold_ms: float
    torn: tuple[str, ...]


@dataclass(slots=True)
class PassMemory:
    """Copies of what is stored, kept from one pass to the next."""

    slices: SliceSize = field(default_factory=FixedSlices)
    history: ReturnHistory = field(default_factory=ReturnHistory)
    watches: dict[str, JournalWatch] = field(default_factory=dict)
    reference: Reference | None = None

    def current_reference(self, client: redis.Redis) -> Reference:
        """The newest reference data."""
        version = reference_store.current_version(client)
        if self.reference is None or self.reference.version != version:
            self.reference = reference_store.load_version(client)
            self.history = ReturnHistory()
        return self.reference


def run_pass(
    client: redis.Redis,
    settings: Settings,
    books: Sequence[str] | None = None,
    now_ns: int | None = None,
    memory: PassMemory | None = None,
) -> PassReport:
    """Value these books, or all of them and the portfolio. `client` must decode."""
    started = time.perf_counter()
    memory = memory or PassMemory()
    at = time.time_ns() if now_ns is None else now_ns
    names = opening.names(client) if books is None else list(books)
    reference = memory.current_reference(client)
    prices = store.read_prices(client, settings.valuation, reference, at)
    evaluation = Evaluation(
        Pricing(prices, reference), reference, settings.valuation.reporting_currency, at, started
    )
    memory.history.begin(equity.day_before(utc_day(at)))
    days = settings.risk_metrics.correlation_lookback_days
    risk = RiskBuilder(client, memory.history, evaluation, days)
    found = _Pass(client, memory, evaluation, risk, open_archive(settings))
    for name in names:
        found.take_book(name)
    if books is None and not found.torn:
        found.take_portfolio()
    found.forget_flows()
    return found.report()


def marks_to_set(snapshot: BookSnapshot, pricing: Pricing) -> list[NewMark]:
    """The marks of positions that are not stored as they should be."""
    marks = []
    for held in open_positions(snapshot):
        mark = _mark_of(held, pricing)
        if mark is not None:
            marks.append(mark)
    return marks


@dataclass(slots=True)
class _Pass:
    client: redis.Redis
    memory: PassMemory
    evaluation: Evaluation
    risk: RiskBuilder
    archive: Archive | None
    books: list[BookEvaluation] = field(default_factory=list)
    torn: list[str] = field(default_factory=list)
    needed: dict[str, int] = field(default_factory=dict)
    marked: Marked = field(default_factory=lambda: Marked(0, 0.0))

    def take_book(self, name: str) -> None:
        """Value, evaluate and publish one book."""
        try:
            snapshot = read_book(self.client, name)
        except TornBook:
            self.torn.append(name)
            return
        marks = marks_to_set(snapshot, self.evaluation.pricing)
        marked = set_marks(self.client, name, marks, self.memory.slices)
        longest_s = max(self.marked.longest_s, marked.longest_s)
        self.marked = Marked(self.marked.positions + marked.positions, longest_s)
        if snapshot.is_torn_valuation:
            recount(self.client, read_book(self.client, name))
        book = self.evaluation.of_book(snapshot, self._duration_ms())
        self.books.append(book)
        self._publish_book(book)

    def take_portfolio(self) -> None:
        """Evaluate and publish all books together."""
        if not self.books:
            return
        whole = self.evaluation.of_portfolio(self.books, self._duration_ms())
        places = Places.of_portfolio()
        last = equity.read_last(self.client, [places.equity])[0]
        flows = partial(self._flows_of_all, {} if last is None else last.seqs)
        stepper = Stepper(self.evaluation, whole, None, flows)
        risk = self.risk.of_books(whole, self.books)
        points = publish(self.client, [Level(places, whole.record, risk, stepper)])
        for book in self.books:
            self._note_needed(book.snapshot, points)

    def report(self) -> PassReport:
        """What was found."""
        records = [book.book.record for book in self.books]
        return PassReport(
            books=len(records),
            positions=sum(record.positions for record in records),
            valued=self.marked.positions,
            unmarked=sum(record.unmarked for record in records),
            stale=sum(record.stale for record in records),
            duration_ms=self._duration_ms(),
            longest_hold_ms=self.marked.longest_s * 1000,
            torn=tuple(self.torn),
        )

    def _publish_book(self, book: BookEvaluation) -> None:
        name = book.snapshot.book
        found = [*book.strategies.items(), (None, book.book)]
        places = [Places.of_book(name, strategy) for strategy, _ in found]
        lasts = equity.read_last(self.client, [place.equity for place in places])
        seqs = [last.seqs[name] for last in lasts if last is not None]
        watch = self._watch(book.snapshot, min(seqs, default=book.snapshot.seq_end))
        levels = []
        for place, (strategy, evaluated) in zip(places, found, strict=True):
            flows = partial(_flows_of_book, watch, book.snapshot)
            risk = (
                self.risk.of_books(evaluated, [book])
                if strategy is None
                else self.risk.of_strategy(evaluated, book)
            )
            stepper = Stepper(self.evaluation, evaluated, strategy, flows)
            levels.append(Level(place, evaluated.record, risk, stepper))
        self._note_needed(book.snapshot, publish(self.client, levels))

    def forget_flows(self) -> None:
        """Flows before the oldest of the last points are needed no more."""
        for name, seq in self.needed.items():
            if name in self.memory.watches:
                self.memory.watches[name].forget_flows(seq)

    def _note_needed(self, snapshot: BookSnapshot, points: Sequence[EquityPoint | None]) -> None:
        name = snapshot.book
        seqs = [point.seqs.get(name, 0) for point in points if point is not None]
        self.needed[name] = min([*seqs, self.needed.get(name, snapshot.seq_end)])

    def _watch(self, snapshot: BookSnapshot, after: int) -> JournalWatch:
        """The journal read from `after`, or before, to where the snapshot stands."""
        watch = self.memory.watches.get(snapshot.book)
        if watch is None or not watch.first_seq <= after <= watch.seq:
            watch = JournalWatch(snapshot.book, after)
        watch.read_on(self.client, through=snapshot.seq_end, archive=self.archive)
        return watch

    def _flows_of_all(self, read_from: Mapping[str, int], last: EquityPoint) -> list[Flow]:
        flows: list[Flow] = []
        for book in self.books:
            after = last.seqs.get(book.snapshot.book, 0)
            watch = self._watch(book.snapshot, min(after, read_from.get(book.snapshot.book, 0)))
            flows += watch.flows_between(after, book.snapshot.seq_end)
        return flows

    def _duration_ms(self) -> int:
        return int((time.perf_counter() - self.evaluation.started) * 1000)


def _flows_of_book(
    watch: JournalWatch, snapshot: BookSnapshot, last: EquityPoint
) -> Sequence[Flow]:
    return watch.flows_between(last.seqs[snapshot.book], snapshot.seq_end)


def _mark_of(held: HeldPosition, pricing: Pricing) -> NewMark | None:
    """What the position is to be valued at, None when it is already."""
    price = pricing.price(held.instrument, held.quote)
    value = market_value(held, price.value)
    if value is None:
        return NewMark(held.member, "", "", "0") if held.mark or held.market_value else None
    mark = NewMark(held.member, str(price.value), str(price.time), "1" if price.is_stale else "0")
    stored = (held.mark, held.mark_time, held.mark_stale, held.market_value)
    return None if stored == (*mark[1:], str(value)) else mark
