"""The queries of what the books hold: positions, balances, reservations, traces, the journal.

One position or balance is a single HGETALL; whatever lists is `plan.listing`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Literal

from pm import keys
from pm.client.journal import JournalEntry, parse_entry
from pm.client.netting import net_positions
from pm.client.parsing import parse_balance, parse_position, parse_reservations, parse_trace
from pm.client.plan import Command, Plan, existing, listing, members, seq_command
from pm.client.results import (
    Balance,
    BalanceMargin,
    Listing,
    NettedPosition,
    Position,
    Reservation,
    Trace,
)
from pm.client.scope import Scope
from pm.client.totals import BookState
from pm.client.totals_parsing import parse_book
from pm.valuation.fields import read_or_none
from pm.valuation.records import BookValuation, Margin

PositionState = Literal["open", "closed", "all"]
TraceState = Literal["open", "ended", "stranded", "all"]

_TRACES_A_PAGE = 200


def position(
    scope: Scope, instrument: str, strategy: str, book: str | None
) -> Plan[Position | None]:
    """One strategy's position; None if it never had one."""
    name = scope.one(book, strategy)
    (values,) = yield [("HGETALL", keys.position(name, strategy, instrument))]
    return parse_position(name, values, scope.reference) if values else None


def live_position(
    scope: Scope, instrument: str, strategy: str, book: str | None
) -> Plan[Position | None]:
    """One strategy's position with its value at the newest mark; None if it never had one."""
    name = scope.one(book, strategy)
    ask = ("HGETALL", keys.position(name, strategy, instrument))
    known = scope.rates.terms_of(instrument)
    replies = yield [
        ask,
        *(scope.rates.price_commands(instrument, *known) if known else ()),
    ]
    values, marks = replies[0], replies[1:]
    if not values:
        return None
    terms = values["base"], values["quote"]
    if terms != known:
        marks = yield scope.rates.price_commands(instrument, *terms)
    live = scope.rates.live_value(values, marks)
    return parse_position(name, values, scope.reference, live)


def netted_position(scope: Scope, instrument: str, book: str | None) -> Plan[NettedPosition | None]:
    """An instrument over all strategies; None if none ever held it."""

    def read(name: str, strategy: str, values: Mapping[str, str]) -> Position:
        return parse_position(name, values, scope.reference)

    found, _ = yield from listing(
        scope.spanned(book),
        lambda name: [("ZRANGE", keys.instrument(name, instrument), "0", "-1")],
        lambda name, strategy: keys.position(name, strategy, instrument),
        read,
    )
    return net_positions(found.items, found.seqs, found.is_exact) if found.items else None


def positions(
    scope: Scope, state: PositionState, strategy: str | None, book: str | None
) -> Plan[Listing[Position]]:
    """Positions of a strategy or of all, by whether their quantity is zero."""
    found, _ = yield from positions_of(scope, scope.spanned(book, strategy), state, strategy, ())
    return found


def balance(
    scope: Scope, location: str, token: str, book: str | None, with_margin: bool
) -> Plan[Balance | None]:
    """One balance; None if the book knows of none."""
    name = scope.one(book)
    ask = ("HGETALL", keys.balance(name, location, token))
    if not with_margin:
        (values,) = yield [ask]
        return parse_balance(name, values) if values else None
    values, valuation = yield [ask, ("HGETALL", keys.valuation(name))]
    return _with_margins([parse_balance(name, values)], [valuation])[0] if values else None


def balances(
    scope: Scope, location: str | None, book: str | None, with_margin: bool
) -> Plan[Listing[Balance]]:
    """Balances of a location or of all."""
    return _balances(
        scope.spanned(book), lambda name: members(keys.balances(name), location), with_margin
    )


def chain_balances(
    scope: Scope, chain_id: str, book: str | None, with_margin: bool
) -> Plan[Listing[Balance]]:
    """Balances on one chain; 0 is off chain."""
    return _balances(
        scope.spanned(book),
        lambda name: ("ZRANGE", keys.chain(name, chain_id), "0", "-1"),
        with_margin,
    )


def reservations(scope: Scope, book: str | None) -> Plan[Listing[Reservation]]:
    """What orders hold back, those not heard of for longest first."""
    names = scope.spanned(book)
    asked = [
        command
        for name in names
        for command in (seq_command(name), ("ZRANGE", keys.reservations(name), "0", "-1"))
    ]
    told = yield asked
    seqs = {name: existing(name, told[2 * n]) for n, name in enumerate(names)}
    orders = [
        (name, order)
        for n, name in enumerate(names)
        for order in told[2 * n + 1]
        if order != keys.SENTINEL
    ]
    told = yield [
        *(("HGETALL", keys.order(name, order)) for name, order in orders),
        *(("ZSCORE", keys.reservations(name), order) for name, order in orders),
        *map(seq_command, names),
    ]
    found = [
        reservation
        for (name, order), values, news in zip(
            orders, told[: len(orders)], told[len(orders) : 2 * len(orders)], strict=True
        )
        if values and news is not None
        for reservation in parse_reservations(name, order, news, values)
    ]
    found.sort(key=lambda reservation: reservation.last_news)
    is_exact = [int(seq) for seq in told[2 * len(orders) :]] == list(seqs.values())
    return Listing(tuple(found), seqs, is_exact)


def trace(scope: Scope, trace_id: str, book: str | None) -> Plan[Trace | None]:
    """What one book holds of a trace; None if it holds nothing."""
    name = scope.one(book)
    (values,) = yield [("HGETALL", keys.trace(name, trace_id))]
    return parse_trace(name, trace_id, values) if values else None


def traces(
    scope: Scope, since: int | None, count: int, state: TraceState, book: str | None
) -> Plan[Listing[Trace]]:
    """The traces with the latest last step, latest first."""
    # In milliseconds as the set has them; its sentinel has the score 0.
    earliest = "(0" if since is None else str(max(1, since // 1_000_000))
    name = scope.one(book)
    page = count if state == "all" else max(count, _TRACES_A_PAGE)
    kept: list[Trace] = []
    seqs: list[Mapping[str, int]] = []
    is_exact, is_end = True, False
    while not is_end and len(kept) < count:
        limits = ("+inf", earliest, "BYSCORE", "REV", "LIMIT", str(len(seqs) * page), str(page))
        page_of = partial(_trace_page, limits)
        found, _ = yield from listing((name,), page_of, keys.trace, parse_trace)
        kept += (trace for trace in found if _is_in_state(trace, state))
        seqs.append(found.seqs)
        is_exact = is_exact and found.is_exact and found.seqs == seqs[0]
        is_end = state == "all" or not found.items
    return Listing(tuple(kept[:count]), seqs[0], is_exact)


def _trace_page(limits: Sequence[str], book: str) -> list[Command]:
    return [("ZRANGE", keys.traces(book), *limits)]


def _is_in_state(trace: Trace, state: TraceState) -> bool:
    if state == "all":
        return True
    return (trace.status != "open") if state == "ended" else trace.status == state


def journal(
    scope: Scope,
    start: int | None,
    end: int | None,
    count: int,
    newest_first: bool,
    book: str | None,
) -> Plan[Listing[JournalEntry]]:
    """Journal entries by seq, both ends included."""
    name = scope.one(book)
    low = "-" if start is None else f"{start}-0"
    high = "+" if end is None else f"{end}-0"
    bounds = ("XREVRANGE", high, low) if newest_first else ("XRANGE", low, high)
    command = (bounds[0], keys.journal(name), *bounds[1:], "COUNT", str(count))
    seq, entries = yield [seq_command(name), command]
    return Listing(
        tuple(parse_entry(name, entry, fields) for entry, fields in entries),
        {name: existing(name, seq)},
        True,
    )


def head(scope: Scope, book: str | None) -> Plan[BookState]:
    """Where a book stands."""
    name = scope.one(book)
    (values,) = yield [("HGETALL", keys.book(name))]
    existing(name, values.get("seq"))
    return parse_book(name, values)


def books() -> Plan[tuple[str, ...]]:
    """The books that exist, sorted."""
    (members,) = yield [("ZRANGE", keys.books(), "0", "-1")]
    return tuple(member for member in members if member != keys.SENTINEL)


def strategies(scope: Scope, book: str | None) -> Plan[tuple[str, ...]]:
    """The strategies of the books, sorted."""
    replies = yield [("ZRANGE", keys.strategies(name), "0", "-1") for name in scope.spanned(book)]
    return tuple(sorted({name for members in replies for name in members} - {keys.SENTINEL}))


def positions_of(
    scope: Scope,
    names: Sequence[str],
    state: PositionState,
    strategy: str | None,
    beside: Sequence[Command],
) -> Plan[tuple[Listing[Position], Sequence[Any]]]:
    """Positions of some books, and the replies to `beside`."""
    indexes: dict[PositionState, tuple[Callable[[str], str], ...]] = {
        "open": (keys.positions,),
        "closed": (keys.closed,),
        "all": (keys.positions, keys.closed),
    }
    found, told = yield from listing(
        names,
        lambda name: [members(index(name), strategy) for index in indexes[state]],
        lambda name, member: keys.position(name, *member.split(":", 1)),
        lambda name, _, values: parse_position(name, values, scope.reference),
        beside,
    )
    if state == "all":
        return found, told
    # One that was opened or closed since the index was read is no longer asked for.
    kept = tuple(item for item in found.items if bool(item.quantity) == (state == "open"))
    return Listing(kept, found.seqs, found.is_exact), told


def _balances(
    names: Sequence[str], index: Callable[[str], Command], with_margin: bool
) -> Plan[Listing[Balance]]:
    found, valuations = yield from listing(
        names,
        lambda name: [index(name)],
        lambda name, member: keys.balance(name, *member.split(":", 1)),
        lambda name, _, values: parse_balance(name, values),
        [("HGETALL", keys.valuation(name)) for name in names] if with_margin else (),
    )
    return replace(found, items=tuple(_with_margins(found.items, valuations)))


def _with_margins(
    balances: Sequence[Balance], valuations: Sequence[Mapping[str, str]]
) -> list[Balance]:
    """The balances, each with what its book's last mark-to-market says of its margin."""
    found: dict[tuple[str, str, str], tuple[int, Margin]] = {}
    records = [read_or_none(BookValuation, stored) for stored in valuations]
    for valuation in (record for record in records if record is not None):
        for margin in valuation.margins:
            found[valuation.book, margin.location, margin.token] = valuation.at, margin
    return [
        _with_margin(balance, found.get((balance.book, balance.location, balance.token)))
        for balance in balances
    ]


def _with_margin(balance: Balance, told: tuple[int, Margin] | None) -> Balance:
    if told is None:
        return balance
    at, margin = told
    used, unrealized = margin.margin_used, margin.unrealized_pnl
    free = None
    if used is not None and unrealized is not None:
        free = balance.available + unrealized - used
    return replace(
        balance,
        margin=BalanceMargin(valued_at=at, margin_used=used, unrealized_pnl=unrealized, free=free),
    )
