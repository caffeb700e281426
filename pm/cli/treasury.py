"""What the commands that write capital share: options, their client, how they tell what changed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import click

from pm.cli.options import STRATEGY_ID
from pm.cli.output import print_json
from pm.cli.session import Failure, Options, ensure_books, ensure_library, session
from pm.client.capital import Capital, CapitalError, Posted
from pm.client.rendering import to_json
from pm.client.updates import BalanceChange, Change, PositionChange
from pm.decimals import ZERO, Amount
from pm.events.event_values import parse_nonzero
from pm.reference.table import KeyFault, parse_not_negative, parse_number, parse_positive
from pm.reference.text_ids import escape_id, unescape_id

_BELOW_ZERO: Final = re.compile(r"-[0-9.]")


def _parsed_by(parse: Callable[[Any, str], str]) -> Callable[[str], str]:
    """The type of an option that takes what a parser of events takes."""

    def amount(value: str) -> str:
        try:
            return parse(value, "")
        except KeyFault as error:
            raise click.BadParameter(str(error).removeprefix(": ")) from None

    return amount


def _identifier(value: str) -> str:
    """The type of an option that takes an id as others know it."""
    try:
        escape_id(value)
    except ValueError as error:
        raise click.BadParameter(f"{value!r} {error}") from None
    return value


class AmountCommand(click.Command):
    """Takes a number below 0 for an argument that is wrong, not for an option."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the arguments; a wrong option is named as such where no number is below 0."""
        ctx.ignore_unknown_options = any(_BELOW_ZERO.match(word) for word in args)
        return super().parse_args(ctx, args)


AMOUNT = _parsed_by(parse_positive)
NUMBER = _parsed_by(parse_number)
NONZERO_AMOUNT = _parsed_by(parse_nonzero)
FEE_AMOUNT = _parsed_by(parse_not_negative)
IDENTIFIER = _identifier

BOOK_OPTION = click.option("--book", help="The book (default: the strategy's).")
STRATEGY_OPTION = click.option("--strategy", type=STRATEGY_ID, help="Whose it is.")
LOCATION_OPTION = click.option(
    "--location", type=IDENTIFIER, help="Where the balance is (default: at the venue)."
)
ACCOUNT_OPTION = click.option(
    "--account", type=IDENTIFIER, help="The account, where it is not the venue's own."
)
ID_OPTION = click.option(
    "--id",
    "event_id",
    type=IDENTIFIER,
    help="Repeated under the same id, it counts once (default: a random one).",
)


@contextmanager
def treasury(options: Options, *, writes: bool = True) -> Iterator[Capital]:
    """A client that writes capital into the configured books, and into others there are."""
    with (
        session(options, writes=writes) as current,
        current.client(role="capital", decode=False) as server,
    ):
        if writes:
            ensure_library(server)
            ensure_books(current, server, list(current.settings.books.names))
        try:
            yield Capital(server, current.settings)
        except CapitalError as error:
            raise Failure(str(error)) from None


def show(
    capital: Capital,
    what: str,
    posted: Sequence[Posted],
    as_json: bool,
    *,
    beside: Sequence[str] = (),
    id_key: str = "id",
    **more: Any,
) -> None:
    """Tell what became of events: `what` was done, and how balances and positions changed by it.

    `beside` is more to tell of it to people, `more` to programs, who find the event's id under
    `id_key`.
    """
    every = [(event.book, change) for event in posted for change in _changes(capital, event)]
    changes = [(book, change) for book, change in every if isinstance(change, BalanceChange)]
    positions = [(book, change) for book, change in every if isinstance(change, PositionChange)]
    last = posted[-1]
    if as_json:
        told = {
            "result": last.result,
            "reason": last.reason,
            "seq": last.seq,
            "book": last.book,
            id_key: last.event_id,
            "balances": [{"book": book, **to_json(change)} for book, change in changes],
            "positions": [{"book": book, **to_json(change)} for book, change in positions],
        }
        print_json({**told, **more})
        return
    place = f"book {last.book}, entry {last.seq}, id {last.event_id}"
    if all(event.already for event in posted):
        click.echo(f"nothing changed: this has counted before ({place})")
        return
    several = len({event.book for event in posted}) > 1
    told_by_book = [(book, _told(change)) for book, change in changes]
    told_by_book += [(book, _told_position(change)) for book, change in positions]
    moves = [f"{book}: {text}" if several else text for book, text in told_by_book]
    moves += beside
    line = f"{what}: {'; '.join(moves)}" if moves else what
    click.echo(f"{line} ({place})")


def out_of_position(capital: Capital, event: Posted) -> Amount:
    """How much an event took out of positions."""
    taken = ZERO
    for change in _changes(capital, event):
        if isinstance(change, PositionChange) and change.old_position is not None:
            taken = taken + change.old_position.quantity - change.new_position.quantity
    return taken


def without_position(amount: Amount, in_position: Amount, token: str) -> list[str]:
    """What to tell of an amount that left, but was only in part in the position it names."""
    left = amount - in_position
    return [f"{left} {token} had no position"] if left else []


def _changes(capital: Capital, event: Posted) -> tuple[Change, ...]:
    """What an event changed, also when it counted before."""
    entry = capital.entry(event)
    return () if entry is None else entry.changes


def _told_position(change: PositionChange) -> str:
    old = change.old_position
    new = "" if old is not None else " (new)"
    before = ZERO if old is None else old.quantity
    place = f"position {unescape_id(change.instrument_id)} of strategy {change.strategy_id}{new}"
    return f"{place} {before} -> {change.new_position.quantity}"


def _told(change: BalanceChange) -> str:
    old, new = change.old_balance, change.new_balance
    place = f"{unescape_id(change.token)} at {unescape_id(change.location)}"
    if old is None:
        place += " (new)"
    if old is None or old.total != new.total:
        told = f"{place} {'0' if old is None else old.total} -> {new.total}"
    else:
        told = f"{place} reserved {old.reserved} -> {new.reserved}"
    if new.reserved or (old is not None and old.reserved):
        told += f", available {'0' if old is None else old.available} -> {new.available}"
    return f"{told}, below zero" if new.total.sign < 0 else told
