"""`pm transfer`: moving tokens, and the positions in them, between places and books."""

from __future__ import annotations

import time
from typing import Any

import click

from pm.cli.options import BOOK_OPTION as OF_BOOK_OPTION
from pm.cli.output import JSON_OPTION, iso, print_json, print_table
from pm.cli.session import Options
from pm.cli.treasury import (
    AMOUNT,
    BOOK_OPTION,
    FEE_AMOUNT,
    ID_OPTION,
    STRATEGY_OPTION,
    AmountCommand,
    show,
    treasury,
    without_position,
)
from pm.client.rendering import to_json
from pm.client.transfer_record import TransferRecord
from pm.client.transfers import Moved
from pm.decimals import Amount
from pm.reference.text_ids import unescape_id

_ARRIVED_OPTION = click.option("--arrived", type=AMOUNT, help="How much arrives (default: all).")
_FEE_OPTION = click.option("--fee", type=FEE_AMOUNT, help="How much gets lost on the way.")
_TO_TOKEN_OPTION = click.option("--to-token", help="What the token is called where it arrives.")
_TO_INSTRUMENT_OPTION = click.option(
    "--to-instrument", help="The position it becomes (default: the same instrument)."
)
_RATE_OPTION = click.option(
    "--rate", type=AMOUNT, help="Of the new settlement token for one of the old."
)
_AT_ARRIVAL = ("arrived", "fee", "to_token", "to_instrument", "rate")


class _Group(click.Group):
    """Takes what names none of its commands for the words of `move`."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Choose the command."""
        if args and args[0] not in self.commands:
            return "move", self.commands["move"], args
        return super().resolve_command(ctx, args)

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Show the form without a command's name first."""
        words = "AMOUNT TOKEN --from LOCATION --to LOCATION [OPTIONS] | COMMAND [ARGS]..."
        formatter.write_usage(ctx.command_path, words)


@click.group("transfer", cls=_Group, context_settings={"ignore_unknown_options": True})
def transfer_group() -> None:
    """Move tokens between places, with the positions in them.

    `pm transfer 100 USDT --from binance --to kraken` moves at once (see `pm transfer move --help`);
    with --two-step the amount is in flight until `arrive` or `fail`.
    """


@transfer_group.command("move", cls=AmountCommand)
@click.argument("amount", type=AMOUNT)
@click.argument("token")
@click.option("--from", "start", required=True, help="Location: a venue, an account, a chain.")
@click.option("--to", "end", required=True, help="Location where it goes.")
@_ARRIVED_OPTION
@_FEE_OPTION
@_TO_TOKEN_OPTION
@STRATEGY_OPTION
@click.option("--instrument", help="The position that moves along.")
@_TO_INSTRUMENT_OPTION
@_RATE_OPTION
@click.option("--two-step", is_flag=True, help="Only send it; it is in flight until it arrives.")
@click.option("--to-book", help="The book it goes to, where that is another one.")
@ID_OPTION
@BOOK_OPTION
@JSON_OPTION
@click.pass_context
def move(
    context: click.Context,
    amount: str,
    token: str,
    start: str,
    end: str,
    arrived: str | None,
    fee: str | None,
    to_token: str | None,
    strategy: int | None,
    instrument: str | None,
    to_instrument: str | None,
    rate: str | None,
    two_step: bool,
    to_book: str | None,
    event_id: str | None,
    book: str | None,
    as_json: bool,
) -> None:
    """Move AMOUNT of TOKEN; the word `move` may be left out.

    Repeated under the same --id it counts once, and finishes what was cut off on its way to another
    book.
    """
    options: Options = context.obj
    if two_step:
        _refuse_early(context)
    arrived = _arriving(amount, arrived, fee)
    with treasury(options) as capital:
        if two_step:
            done = capital.transfers.send(
                *(amount, token, start, end),
                strategy=strategy,
                instrument=instrument,
                to_book=to_book,
                transfer_id=event_id,
                book=book,
            )
            what = f"sent {amount} {token} from {start}, to arrive with `pm transfer arrive`"
        else:
            done = capital.transfers.whole(
                *(amount, token, start, end),
                arrived=arrived,
                to_token=to_token,
                strategy=strategy,
                instrument=instrument,
                to_instrument=to_instrument,
                rate=rate,
                to_book=to_book,
                transfer_id=event_id,
                book=book,
            )
            what = f"moved {amount} {token} from {start} to {end}"
        record = done.transfer
        beside: list[str] = []
        if instrument is not None:
            beside = without_position(record.amount, record.quantity, token)
        show(capital, what, done.steps, as_json, beside=beside, **_more(done))


@transfer_group.command("arrive")
@click.argument("transfer_id", metavar="ID")
@_ARRIVED_OPTION
@_FEE_OPTION
@click.option("--to", "end", help="Location (default: where it was sent to).")
@_TO_TOKEN_OPTION
@_TO_INSTRUMENT_OPTION
@_RATE_OPTION
@click.option("--book", help="The book it left (default: the one that knows it).")
@JSON_OPTION
@click.pass_obj
def arrive(
    options: Options,
    transfer_id: str,
    arrived: str | None,
    fee: str | None,
    end: str | None,
    to_token: str | None,
    to_instrument: str | None,
    rate: str | None,
    book: str | None,
    as_json: bool,
) -> None:
    """What was sent as ID has arrived."""
    with treasury(options) as capital:
        if fee is not None:
            sent = capital.transfers.find(transfer_id, book).amount
            arrived = _arriving(str(sent), arrived, fee)
        done = capital.transfers.arrive(
            transfer_id,
            arrived,
            end,
            to_token=to_token,
            to_instrument=to_instrument,
            rate=rate,
            book=book,
        )
        record = done.transfer
        what = f"{record.arrived} of {record.amount} {unescape_id(record.token)} arrived"
        show(capital, what, done.steps, as_json, **_more(done))


@transfer_group.command("fail")
@click.argument("transfer_id", metavar="ID")
@click.option("--book", help="The book it left (default: the one that knows it).")
@JSON_OPTION
@click.pass_obj
def fail(options: Options, transfer_id: str, book: str | None, as_json: bool) -> None:
    """What was sent as ID is back where it came from."""
    with treasury(options) as capital:
        done = capital.transfers.fail(transfer_id, book=book)
        what = f"{done.transfer.amount} {unescape_id(done.transfer.token)} came back"
        show(capital, what, done.steps, as_json, **_more(done))


@transfer_group.command("list")
@OF_BOOK_OPTION
@JSON_OPTION
@click.pass_obj
def list_transfers(options: Options, book: str | None, as_json: bool) -> None:
    """Show what is in flight, the longest under way first."""
    with treasury(options, writes=False) as capital:
        found = capital.transfers.in_flight(book)
    if as_json:
        print_json(to_json(list(found)))
        return
    headings = ("book", "id", "amount", "token", "from", "to", "position", "sent (UTC)", "since")
    print_table(headings, map(_row, found), (2,))


def _row(record: TransferRecord) -> tuple[str, ...]:
    place = unescape_id(record.to_location) or "-"
    return (
        record.book,
        unescape_id(record.transfer_id),
        str(record.amount),
        unescape_id(record.token),
        unescape_id(record.from_location),
        f"{place} (book {record.to_book})" if record.to_book else place,
        f"{record.strategy_id} {record.instrument_id}".strip() or "-",
        iso(record.sent_at),
        _since(record.sent_at),
    )


def _since(sent_at: int) -> str:
    """How long ago, in the largest unit that it fills."""
    passed_s = max(0, time.time_ns() - sent_at) // 1_000_000_000
    for unit, seconds in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if passed_s >= seconds:
            return f"{passed_s // seconds} {unit}"
    return f"{passed_s} s"


def _more(done: Moved) -> dict[str, Any]:
    steps = [
        {"book": step.book, "seq": step.seq, "result": step.result, "reason": step.reason}
        for step in done.steps
    ]
    return {"steps": steps, "transfer": to_json(done.transfer)}


def _arriving(amount: str, arrived: str | None, fee: str | None) -> str | None:
    """What arrives, as stated or as what a fee leaves of the amount."""
    if fee is None:
        return arrived
    if arrived is not None:
        raise click.UsageError("give --arrived or --fee, not both")
    left = Amount.parse(amount) - Amount.parse(fee)
    if left.sign <= 0:
        raise click.UsageError(f"--fee {fee}: nothing is left of {amount}")
    return str(left)


def _refuse_early(context: click.Context) -> None:
    """A usage error for an option that only the arrival can act on."""
    for name in _AT_ARRIVAL:
        if context.params[name] is not None:
            option = "--" + name.replace("_", "-")
            raise click.UsageError(f"{option} belongs to `pm transfer arrive`, not to --two-step")
