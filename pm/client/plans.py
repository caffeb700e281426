"""The queries, each as a plan: commands it yields, replies it is sent, the value it returns.

A plan knows nothing of connections, so the blocking and the asyncio client share every line of it.
One position or balance is a single HGETALL. A list is two exchanges: what exists, from the book's
sorted sets, then every hash in one pipeline; the book's seq is read before and after, and tells
whether anything was journaled in between.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from typing import Any, Literal, TypeVar

from pm import keys
from pm.books.opening import BookError
from pm.client.journal import JournalEntry, parse_entry
from pm.client.netting import net_positions
from pm.client.parsing import (
    parse_balance,
    parse_book,
    parse_portfolio,
    parse_position,
    parse_trace,
)
from pm.client.results import (
    Balance,
    BookState,
    Listing,
    NettedPosition,
    Position,
    StrategyPortfolio,
    Trace,
)
from pm.client.scope import Scope

Answer = TypeVar("Answer")
Item = TypeVar("Item")

Command = tuple[str, ...]
Plan = Generator[Sequence[Command], Sequence[Any], Answer]

PositionState = Literal["open", "closed", "all"]


def position(
    scope: Scope, instrument: str, strategy: str, book: str | None
) -> Plan[Position | None]:
    """One strategy's position; None if it never had one."""
    name = scope.one(book, strategy)
    (values,) = yield [("HGETALL", keys.position(name, strategy, instrument))]
    return parse_position(name, values, scope.reference) if values else None


def netted_position(scope: Scope, instrument: str, book: str | None) -> Plan[NettedPosition | None]:
    """An instrument over all strategies; None if none ever held it."""

    def read(name: str, strategy: str, values: Mapping[str, str]) -> Position:
        return parse_position(name, values, scope.reference)

    found, _ = yield from _listing(
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
    found, _ = yield from _positions(scope, scope.spanned(book, strategy), state, strategy, ())
    return found


def strategy_portfolio(
    scope: Scope, strategy: str, state: PositionState, book: str | None
) -> Plan[StrategyPortfolio]:
    """A strategy's totals with its positions."""
    name = scope.one(book, strategy)
    totals = [("HGETALL", keys.strategy(name, strategy))]
    found, (values,) = yield from _positions(scope, (name,), state, strategy, totals)
    return parse_portfolio(name, strategy, values, found.items, found.seqs[name], found.is_exact)


def balance(scope: Scope, location: str, token: str, book: str | None) -> Plan[Balance | None]:
    """One balance; None if the book knows of none."""
    name = scope.one(book)
    (values,) = yield [("HGETALL", keys.balance(name, location, token))]
    return parse_balance(name, values) if values else None


def balances(scope: Scope, location: str | None, book: str | None) -> Plan[Listing[Balance]]:
    """Balances of a location or of all."""
    return (
        yield from _balances(
            scope.spanned(book), lambda name: _range(keys.balances(name), location)
        )
    )


def chain_balances(scope: Scope, chain_id: str, book: str | None) -> Plan[Listing[Balance]]:
    """Balances on one chain; 0 is off chain."""
    return (
        yield from _balances(
            scope.spanned(book), lambda name: ("ZRANGE", keys.chain(name, chain_id), "0", "-1")
        )
    )


def trace(scope: Scope, trace_id: str, book: str | None) -> Plan[Trace | None]:
    """What one book holds of a trace; None if it holds nothing."""
    name = scope.one(book)
    (values,) = yield [("HGETALL", keys.trace(name, trace_id))]
    return parse_trace(name, trace_id, values) if values else None


def traces(scope: Scope, since: int | None, count: int, book: str | None) -> Plan[Listing[Trace]]:
    """The traces with the latest last step, latest first."""
    # In milliseconds as the set has them; its sentinel has the score 0.
    earliest = "(0" if since is None else str(max(1, since // 1_000_000))
    limits = ("+inf", earliest, "BYSCORE", "REV", "LIMIT", "0", str(count))
    found, _ = yield from _listing(
        (scope.one(book),),
        lambda name: [("ZRANGE", keys.traces(name), *limits)],
        keys.trace,
        parse_trace,
    )
    return found


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
    seq, entries = yield [_seq(name), command]
    return Listing(
        tuple(parse_entry(name, entry, fields) for entry, fields in entries),
        {name: _existing(name, seq)},
        True,
    )


def head(scope: Scope, book: str | None) -> Plan[BookState]:
    """Where a book stands."""
    name = scope.one(book)
    (values,) = yield [("HGETALL", keys.book(name))]
    _existing(name, values.get("seq"))
    return parse_book(name, values)


def books() -> Plan[tuple[str, ...]]:
    """The books that exist, sorted."""
    (members,) = yield [("ZRANGE", keys.books(), "0", "-1")]
    return tuple(member for member in members if member != keys.SENTINEL)


def strategies(scope: Scope, book: str | None) -> Plan[tuple[str, ...]]:
    """The strategies of the books, sorted."""
    replies = yield [("ZRANGE", keys.strategies(name), "0", "-1") for name in scope.spanned(book)]
    return tuple(sorted({name for members in replies for name in members} - {keys.SENTINEL}))


def _positions(
    scope: Scope,
    names: Sequence[str],
    state: PositionState,
    strategy: str | None,
    beside: Sequence[Command],
) -> Plan[tuple[Listing[Position], Sequence[Any]]]:
    indexes: dict[PositionState, tuple[Callable[[str], str], ...]] = {
        "open": (keys.positions,),
        "closed": (keys.closed,),
        "all": (keys.positions, keys.closed),
    }
    found, told = yield from _listing(
        names,
        lambda name: [_range(index(name), strategy) for index in indexes[state]],
        lambda name, member: keys.position(name, *member.split(":", 1)),
        lambda name, _, values: parse_position(name, values, scope.reference),
        beside,
    )
    if state == "all":
        return found, told
    # One that was opened or closed since the index was read is no longer asked for.
    kept = tuple(item for item in found.items if bool(item.quantity) == (state == "open"))
    return Listing(kept, found.seqs, found.is_exact), told


def _balances(names: Sequence[str], index: Callable[[str], Command]) -> Plan[Listing[Balance]]:
    found, _ = yield from _listing(
        names,
        lambda name: [index(name)],
        lambda name, member: keys.balance(name, *member.split(":", 1)),
        lambda name, _, values: parse_balance(name, values),
    )
    return found


def _listing(
    names: Sequence[str],
    indexes: Callable[[str], Sequence[Command]],
    key_of: Callable[[str, str], str],
    parse: Callable[[str, str, Mapping[str, str]], Item],
    beside: Sequence[Command] = (),
) -> Plan[tuple[Listing[Item], Sequence[Any]]]:
    """The hashes that the indexes of the books name, parsed, and the replies to `beside`."""
    asked = [[_seq(name), *indexes(name)] for name in names]
    replies = iter((yield [command for commands in asked for command in commands]))
    seqs: dict[str, int] = {}
    wanted: dict[tuple[str, str], None] = {}
    for name, commands in zip(names, asked, strict=True):
        seqs[name] = _existing(name, next(replies))
        for _ in commands[1:]:
            wanted.update(dict.fromkeys((name, member) for member in next(replies)))
    wanted = {place: None for place in wanted if place[1] != keys.SENTINEL}
    hashes = [("HGETALL", key_of(name, member)) for name, member in wanted]
    told = yield [*hashes, *beside, *map(_seq, names)]
    items = tuple(
        parse(name, member, values)
        for (name, member), values in zip(wanted, told, strict=False)
        if values
    )
    after = told[len(hashes) + len(beside) :]
    is_exact = [int(seq) for seq in after] == list(seqs.values())
    return Listing(items, seqs, is_exact), told[len(hashes) : len(hashes) + len(beside)]


def _seq(book: str) -> Command:
    return ("HGET", keys.book(book), "seq")


def _existing(book: str, seq: str | None) -> int:
    if seq is None:
        raise BookError(f"book {book} does not exist")
    return int(seq)


def _range(index: str, first_part: str | None) -> Command:
    """The members of a sorted set of `<first part>:<rest>`; all scores in it are 0."""
    if first_part is None:
        return ("ZRANGE", index, "0", "-1")
    # ; follows : in the order of bytes.
    return ("ZRANGE", index, f"[{first_part}:", f"({first_part};", "BYLEX")
