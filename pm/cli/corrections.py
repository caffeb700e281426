"""Commands that change what the books had been told: bust, correct, adjust, restatements."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from pm.cli.options import BOOK_OPTION as OF_BOOK_OPTION
from pm.cli.options import BY_OPTION, WHY_OPTION
from pm.cli.output import JSON_OPTION, iso, print_json, token_amounts
from pm.cli.reader import books_of, reader
from pm.cli.session import Failure, Options
from pm.cli.treasury import (
    ACCOUNT_OPTION,
    BOOK_OPTION,
    FEE_AMOUNT,
    ID_OPTION,
    IDENTIFIER,
    LOCATION_OPTION,
    NONZERO_AMOUNT,
    NUMBER,
    STRATEGY_OPTION,
    AmountCommand,
    show,
    treasury,
)
from pm.client.capital import Capital
from pm.client.correcting import Corrected
from pm.client.rendering import to_json
from pm.corrections.listing import CorrectionRecord, RestatedFigures, records
from pm.events.event_values import MAX_CHAIN_ID
from pm.history import History, HistoryGap
from pm.reference.text_ids import unescape_id

_ID_KEY = "correction_id"
_TRADE_BOOK_OPTION = click.option("--book", help="The book (default: the one of its order).")


def _execution(_: Any, __: Any, text: str) -> str:
    """VENUE/ORDER/EXECUTION, or an execution id alone; a callback of click."""
    parts = text.split("/")
    if len(parts) not in (1, 3) or not all(parts):
        hint = "write VENUE/ORDER/EXECUTION, or its id alone"
        raise click.BadParameter(f"{text!r} names no execution: {hint}")
    for part in parts:
        IDENTIFIER(part)
    return text


_EXECUTION_ARGUMENT = click.argument("execution", callback=_execution)


class _Fee(click.ParamType[tuple[str, str]]):
    """A fee as `0.5 USDT`."""

    name = "AMOUNT TOKEN"

    def convert(self, value: Any, _: Any, __: Any) -> tuple[str, str]:
        """Split the two."""
        parts = str(value).split()
        if len(parts) != 2:
            self.fail(f"{value!r} is no fee: write '0.5 USDT'")
        amount, token = parts
        return IDENTIFIER(token), NUMBER(amount)


@click.command()
@_EXECUTION_ARGUMENT
@WHY_OPTION
@BY_OPTION
@click.option("--keep-fees", is_flag=True, help="What was paid for it stays paid.")
@ID_OPTION
@_TRADE_BOOK_OPTION
@JSON_OPTION
@click.pass_obj
def bust(
    options: Options,
    execution: str,
    why: str,
    by: str,
    keep_fees: bool,
    event_id: str | None,
    book: str | None,
    as_json: bool,
) -> None:
    """Take back the trade EXECUTION: VENUE/ORDER/EXECUTION, or its execution id alone.

    The position is derived anew from the journal; past days stay as they were published.
    """
    with treasury(options) as capital:
        done = capital.corrections.bust(
            execution, by=by, why=why, keep_fees=keep_fees, event_id=event_id, book=book
        )
        _show(capital, "busted", "bust", done, as_json)


@click.command(cls=AmountCommand)
@_EXECUTION_ARGUMENT
@click.option("--quantity", type=NONZERO_AMOUNT, help="Signed: below 0 for a sell.")
@click.option("--price", type=FEE_AMOUNT, help="What one unit cost.")
@click.option("--quote-amount", type=FEE_AMOUNT, help="What all of it cost, to the digit.")
@click.option("--fee", "fees", type=_Fee(), multiple=True, help="All fees, each '0.5 USDT'.")
@click.option("--no-fees", is_flag=True, help="There were no fees.")
@WHY_OPTION
@BY_OPTION
@ID_OPTION
@_TRADE_BOOK_OPTION
@JSON_OPTION
@click.pass_obj
def correct(
    options: Options,
    execution: str,
    quantity: str | None,
    price: str | None,
    quote_amount: str | None,
    fees: tuple[tuple[str, str], ...],
    no_fees: bool,
    why: str,
    by: str,
    event_id: str | None,
    book: str | None,
    as_json: bool,
) -> None:
    """Give the trade EXECUTION other terms; what is not said stays as it was.

    The position is derived anew from the journal; past days stay as they were published.
    """
    if no_fees and fees:
        raise click.UsageError("--no-fees cannot stand beside --fee")
    if not (quantity or price or quote_amount or fees or no_fees):
        raise click.UsageError("say what is corrected: --quantity, --price, --quote-amount, --fee")
    with treasury(options) as capital:
        done = capital.corrections.correct(
            execution,
            by=by,
            why=why,
            quantity=quantity,
            price=price,
            quote_amount=quote_amount,
            fees=fees if fees or no_fees else None,
            event_id=event_id,
            book=book,
        )
        _show(capital, "corrected", "correction", done, as_json)


def _show(capital: Capital, done: str, what: str, corrected: Corrected, as_json: bool) -> None:
    execution = corrected.execution
    if corrected.status == "failed" and not as_json:
        raise Failure(f"the {what} of {execution} cannot be made: {corrected.detail}")
    told: dict[str, Any] = {
        "execution": execution,
        "status": corrected.status,
        "detail": corrected.detail or None,
    }
    if corrected.restatement is not None:
        posted = [corrected.restatement]
        show(capital, f"{done} {execution}", posted, as_json, id_key=_ID_KEY, **told)
        return
    place = f"book {corrected.book}, entry {corrected.seq}, id {corrected.event_id}"
    if as_json:
        fields = {"result": corrected.result, "reason": corrected.reason, "seq": corrected.seq}
        print_json({**fields, "book": corrected.book, _ID_KEY: corrected.event_id, **told})
        if corrected.status == "failed":
            raise SystemExit(1)
    elif corrected.status == "waiting":
        click.echo(f"waiting for the trade {execution}: nothing changed yet ({place})")
    elif corrected.status == "moving":
        click.echo(f"waiting: {corrected.detail} ({place})")
    else:
        click.echo(f"nothing changed: this has been made before ({place})")


@click.command(cls=AmountCommand)
@click.option("--token", type=IDENTIFIER, help="Of which balance.")
@click.option("--amount", type=NONZERO_AMOUNT, help="By how much, below 0 where less is there.")
@click.option("--venue", type=IDENTIFIER, help="Where the balance is.")
@LOCATION_OPTION
@ACCOUNT_OPTION
@click.option("--chain-id", type=click.IntRange(0, MAX_CHAIN_ID), help="The chain it is on.")
@STRATEGY_OPTION
@click.option("--instrument", type=IDENTIFIER, help="Of which position.")
@click.option("--quantity", type=NONZERO_AMOUNT, help="By how much, signed.")
@click.option("--cost", type=NUMBER, help="What that cost, signed like the quantity.")
@click.option("--break", "break_id", help="The break it resolves.")
@WHY_OPTION
@BY_OPTION
@ID_OPTION
@BOOK_OPTION
@JSON_OPTION
@click.pass_obj
def adjust(options: Options, /, as_json: bool, **values: Any) -> None:
    """Make a balance, a position, or both what they are outside, by signed differences.

    It is no deposit: returns are not measured against it.
    """
    _check_adjustment(values)
    with treasury(options) as capital:
        done = capital.corrections.adjust(**values)
        show(capital, "adjusted", [done], as_json)


def _check_adjustment(values: Mapping[str, Any]) -> None:
    """UsageError unless a balance in one place, a position, or both are told whole."""
    has_balance = _all_or_none(values, "token", "amount")
    has_position = _all_or_none(values, "strategy", "instrument", "quantity", "cost")
    if not has_balance and not has_position:
        raise click.UsageError(
            "say what is adjusted: --token and --amount,"
            " or --strategy, --instrument, --quantity and --cost"
        )
    if values["location"] is not None and values["account"] is not None:
        raise click.UsageError("--account is part of a --location, which is given too")
    places = ("venue", "location", "account", "chain_id")
    if has_balance and all(values[name] is None for name in places):
        raise click.UsageError(
            "say where the balance is: --venue, --location, --account or --chain-id"
        )


def _all_or_none(values: Mapping[str, Any], *names: str) -> bool:
    """Whether these options are given; UsageError names those that are missing beside others."""
    missing = [f"--{name}" for name in names if values[name] is None]
    if missing and len(missing) < len(names):
        given = ", ".join(f"--{name}" for name in names if values[name] is not None)
        raise click.UsageError(f"beside {given} say {', '.join(missing)}")
    return not missing


@click.command()
@OF_BOOK_OPTION
@JSON_OPTION
@click.pass_obj
def restatements(options: Options, book: str | None, as_json: bool) -> None:
    """Show corrections of trades: what changed, why and by whom, and what still waits."""
    with reader(options) as client:
        if book is not None and book not in client.books():
            raise Failure(f"book {book} does not exist")
        history = History(client.server, client.past.archive)
        try:
            found = [
                record
                for name in books_of(client, book)
                for record in records(client.server, history, name)
            ]
        except HistoryGap as error:
            raise Failure(str(error)) from None
    if as_json:
        print_json(to_json(found))
        return
    for record in found:
        click.echo("\n".join(_lines(record)))
    if not found:
        click.echo("there are none")


def _lines(record: CorrectionRecord) -> list[str]:
    """A correction in a few lines: what it is, whence it came, what it changed."""
    head = [unescape_id(record.correction_id), record.action, record.execution, record.status]
    lines = [f"{'  '.join(head)}  (book {record.book})"]
    lines.append(f"  asked {iso(record.requested_at)} by {record.by}: {record.why}")
    if record.detail:
        lines.append(f"  failed {iso(record.ended_at)}: {record.detail}")
    old, new = record.old, record.new
    if old is None or new is None:
        return lines
    lines.append(
        f"  trade in entry {record.trade_seq} at {iso(record.traded_at)},"
        f" restated in entry {record.seq} at {iso(record.ended_at)}"
    )
    figures = ", ".join(f"{name} {was} -> {now}" for name, was, now in _figures(old, new))
    instrument = unescape_id(record.instrument_id or "")
    lines.append(f"  position {instrument} of strategy {record.strategy_id}: {figures}")
    cash = ", ".join(
        f"{move.amount} {unescape_id(move.token)} at {unescape_id(move.location)}"
        for move in record.cash
    )
    return [*lines, f"  balances: {cash}"] if cash else lines


def _figures(old: RestatedFigures, new: RestatedFigures) -> list[tuple[str, str, str]]:
    return [
        ("quantity", str(old.quantity), str(new.quantity)),
        ("cost", str(old.cost), str(new.cost)),
        ("realized", str(old.realized_pnl), str(new.realized_pnl)),
        ("fees", token_amounts(old.fees_paid), token_amounts(new.fees_paid)),
    ]


COMMANDS = [bust, correct, adjust, restatements]
