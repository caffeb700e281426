"""Holds the books against a statement of a venue: all books together, at one location."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeVar

import redis

from pm.breaks.found import Found
from pm.breaks.kept import Breaks, Outcome
from pm.breaks.record import Break
from pm.days import DAY_NS
from pm.decimals import Amount
from pm.history import History
from pm.history.receipts import first_received
from pm.reconcile.believable import check_believable
from pm.reconcile.booked import Booked
from pm.reconcile.first_events import FirstEvents
from pm.reconcile.held import Held
from pm.reconcile.holdings import compare_balances, compare_positions
from pm.reconcile.runs import Runs
from pm.reconcile.trade_findings import Span, TradeComparison
from pm.reconcile.trades import TradeComparer
from pm.reference.records import Instrument
from pm.reference.snapshot import Reference
from pm.statements.statement import Statement, ToldPosition, ToldTrade
from pm.statements.symbols import Symbols

_EARLY_NS: Final = DAY_NS
"""How long before it was executed something may seem to have been received."""

Row = TypeVar("Row", ToldPosition, ToldTrade)


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """How a statement is to be taken; times in ns, tolerances per token.

    `source` names it in what is kept. `allow_empty` believes it where it knows nothing of what the
    books hold.
    """

    venue: str
    location: str
    source: str
    tolerance: Mapping[str, Amount] = field(default_factory=dict)
    since_ns: int | None = None
    until_ns: int | None = None
    allow_empty: bool = False
    with_available: bool = False


@dataclass(frozen=True, slots=True)
class OutsideReport:
    """What a statement was compared with and what came of it; `seqs` are those of the books."""

    venue: str
    location: str
    seqs: Mapping[str, int]
    parts: tuple[str, ...]
    compared: int
    outcome: Outcome
    found: tuple[Found, ...]


@dataclass(slots=True)
class _Findings:
    """What was found, and every figure that was compared, by kind and subject."""

    found: list[Found] = field(default_factory=list)
    compared: set[tuple[str, str]] = field(default_factory=set)


def reconcile_statement(
    client: redis.Redis,
    history: History,
    reference: Reference,
    statement: Statement,
    held: Held,
    terms: Terms,
    *,
    home: str,
    now_ns: int,
) -> OutsideReport:
    """Compare a statement with what is held, and keep what differs in the book `home`.

    StatementError, with nothing changed, for one that is not to be believed.
    """
    symbols = Symbols(reference, terms.venue)
    booked = _booked(history, statement, held, terms)
    if not terms.allow_empty:
        check_believable(statement, held, booked)
    unknown = _Findings()
    trades = _with_instruments("trades", statement.trades or (), symbols, terms, unknown)
    positions = _with_instruments("positions", statement.positions or (), symbols, terms, unknown)
    traded = TradeComparison()
    if statement.trades is not None:
        span = Span.of(statement.trades, terms.since_ns, terms.until_ns)
        traded = TradeComparer(terms.location, booked, span, terms.tolerance).compare(trades)
    holdings = _compare_holdings(statement, positions, held, terms)
    runs = Runs(client, home)
    agreed = runs.last_agreed((each.kind, each.subject) for each in holdings.found)
    parting = FirstEvents(history, reference, held, agreed)
    found = (*unknown.found, *traded.found, *parting.found(holdings.found, traded.parted))
    compared = unknown.compared | traded.compared | holdings.compared
    covers = _covering(statement, terms, compared)
    outcome = Breaks(client, home).record(found, covers, terms.source, now_ns)
    differing = {(each.kind, each.subject) for each in found}
    runs.agreed(holdings.compared - differing, held.seqs)
    runs.finished(now_ns, found=len(found), open_breaks=outcome.open)
    seqs, parts = dict(held.seqs), statement.parts
    return OutsideReport(terms.venue, terms.location, seqs, parts, len(compared), outcome, found)


def _booked(history: History, statement: Statement, held: Held, terms: Terms) -> Booked:
    """What the books have traded there, from about the beginning of the statement on."""
    booked = Booked(terms.venue, terms.location)
    if statement.trades is None:
        return booked
    since_ns = Span.of(statement.trades, terms.since_ns, terms.until_ns).since_ns
    for book, seq in held.seqs.items():
        after = 0
        if since_ns is not None:
            after = first_received(history, book, since_ns - _EARLY_NS, through=seq) - 1
        booked.add(book, history.read(book, after=after, through=seq))
    return booked


def _with_instruments(
    part: str, told: Iterable[Row], symbols: Symbols, terms: Terms, unknown: _Findings
) -> list[tuple[str, Row]]:
    """What was told with the ids of its instruments; a symbol that has none is found."""
    known, why, count = [], {}, {}  # type: ignore[var-annotated]
    for each in told:
        instrument = symbols.instrument(each.symbol)
        if isinstance(instrument, Instrument):
            known.append((instrument.id, each))
        else:
            why[each.symbol] = instrument.why
            count[each.symbol] = count.get(each.symbol, 0) + 1
    for symbol in sorted(why):
        subject = f"{terms.location}:{part}:{symbol}"
        unknown.compared.add(("unknown_instrument", subject))
        theirs = f"{count[symbol]} {part}"
        unknown.found.append(
            Found("unknown_instrument", subject, (), "", theirs, detail=why[symbol])
        )
    return known


def _compare_holdings(
    statement: Statement, positions: list[tuple[str, ToldPosition]], held: Held, terms: Terms
) -> _Findings:
    findings, parts = _Findings(), []
    if statement.balances is not None:
        parts.append(
            compare_balances(
                statement.balances, held, terms.tolerance, with_available=terms.with_available
            )
        )
    if statement.positions is not None:
        parts.append(compare_positions(positions, held, terms.tolerance))
    for part in parts:
        findings.found += part.found
        findings.compared |= part.subjects
    return findings


def _covering(
    statement: Statement, terms: Terms, compared: set[tuple[str, str]]
) -> Callable[[Break], bool]:
    """Whether a run has looked at what a break is about."""
    traded = {each.symbol for each in statement.trades or ()}

    def covers(kept: Break) -> bool:
        if kept.kind != "unknown_instrument":
            return (kept.kind, kept.subject) in compared
        location, part, symbol = kept.subject.split(":", 2)
        if location != terms.location:
            return False
        return symbol in traded if part == "trades" else statement.positions is not None

    return covers
