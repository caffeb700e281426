"""Commands that write capital into the books: reserve, release, deposit, withdraw, allocate.

Each is one event under an id that makes it count once, and tells in one line what it changed. The
line names the id, so that a command that made it up can be repeated under it.
"""

from __future__ import annotations

import click

from pm.cli.options import STRATEGY_ID
from pm.cli.output import JSON_OPTION
from pm.cli.session import Options
from pm.cli.transfers import transfer_group
from pm.cli.treasury import (
    ACCOUNT_OPTION,
    AMOUNT,
    BOOK_OPTION,
    ID_OPTION,
    LOCATION_OPTION,
    NONZERO_AMOUNT,
    NUMBER,
    STRATEGY_OPTION,
    AmountCommand,
    out_of_position,
    show,
    treasury,
    without_position,
)
from pm.decimals import Amount

VENUE_OPTION = click.option("--venue", help="The venue, where that is where the balance is.")
INSTRUMENT_OPTION = click.option("--instrument", help="The position it comes with or goes out of.")


@click.command(cls=AmountCommand)
@click.argument("order")
@click.argument("amount", type=AMOUNT)
@click.argument("token")
@click.option("--venue", required=True, help="The venue of the order.")
@LOCATION_OPTION
@ACCOUNT_OPTION
@STRATEGY_OPTION
@click.option("--quantity", type=AMOUNT, help="The order's: what is reserved shrinks as it fills.")
@click.option("--id", "event_id", help="Reserves more for an order that has reserved already.")
@BOOK_OPTION
@JSON_OPTION
@click.pass_obj
def reserve(
    options: Options,
    order: str,
    amount: str,
    token: str,
    venue: str,
    location: str | None,
    account: str | None,
    strategy: int | None,
    quantity: str | None,
    event_id: str | None,
    book: str | None,
    as_json: bool,
) -> None:
    """Hold back AMOUNT of TOKEN for ORDER, if that much is available.

    However often it is repeated, an order reserves once in a place unless --id says otherwise.
    """
    with treasury(options) as capital:
        done = capital.reserve(
            order,
            venue,
            token,
            amount,
            location=location,
            account=account,
            strategy=strategy,
            quantity=quantity,
            event_id=event_id,
            book=book,
        )
        show(capital, f"reserved {amount} {token} for order {order} of {venue}", [done], as_json)


@click.command()
@click.argument("order")
@click.argument("token")
@click.option("--venue", required=True, help="The venue of the order.")
@click.option("--amount", type=AMOUNT, help="How much (default: all that is left).")
@LOCATION_OPTION
@ACCOUNT_OPTION
@click.option("--strategy", type=STRATEGY_ID, help="Only names the book.")
@ID_OPTION
@BOOK_OPTION
@JSON_OPTION
@click.pass_obj
def release(
    options: Options,
    order: str,
    token: str,
    venue: str,
    amount: str | None,
    location: str | None,
    account: str | None,
    strategy: int | None,
    event_id: str | None,
    book: str | None,
    as_json: bool,
) -> None:
    """Give back what ORDER has reserved of TOKEN."""
    with treasury(options) as capital:
        done = capital.release(
            order,
            venue,
            token,
            amount,
            location=location,
            account=account,
            strategy=strategy,
            event_id=event_id,
            book=book,
        )
        what = f"released {done.amount} {token} of order {order} of {venue}"
        if done.result == "noted":
            what = f"released nothing: order {order} of {venue} has no {token} reserved there"
        show(capital, what, [done], as_json, released=str(done.amount))


@click.command(cls=AmountCommand)
@click.argument("amount", type=AMOUNT)
@click.argument("token")
@VENUE_OPTION
@LOCATION_OPTION
@ACCOUNT_OPTION
@STRATEGY_OPTION
@INSTRUMENT_OPTION
@click.option("--cost", type=NUMBER, help="What the position had cost, in its settlement token.")
@click.option(
    "--quantity", type=NUMBER, help="The position's, where it is not AMOUNT; below 0 for a short."
)
@ID_OPTION
@BOOK_OPTION
@JSON_OPTION
@click.pass_obj
def deposit(
    options: Options,
    amount: str,
    token: str,
    venue: str | None,
    location: str | None,
    account: str | None,
    strategy: int | None,
    instrument: str | None,
    cost: str | None,
    quantity: str | None,
    event_id: str | None,
    book: str | None,
    as_json: bool,
) -> None:
    """Add AMOUNT of TOKEN that came from outside.

    With --strategy, --instrument and --cost the position it is comes along at that cost.
    """
    with treasury(options) as capital:
        done = capital.deposit(
            amount,
            token,
            venue=venue,
            location=location,
            account=account,
            strategy=strategy,
            instrument=instrument,
            cost=cost,
            quantity=quantity,
            event_id=event_id,
            book=book,
        )
        show(capital, f"deposited {amount} {token}", [done], as_json)


@click.command(cls=AmountCommand)
@click.argument("amount", type=AMOUNT)
@click.argument("token")
@VENUE_OPTION
@LOCATION_OPTION
@ACCOUNT_OPTION
@STRATEGY_OPTION
@INSTRUMENT_OPTION
@ID_OPTION
@BOOK_OPTION
@JSON_OPTION
@click.pass_obj
def withdraw(
    options: Options,
    amount: str,
    token: str,
    venue: str | None,
    location: str | None,
    account: str | None,
    strategy: int | None,
    instrument: str | None,
    event_id: str | None,
    book: str | None,
    as_json: bool,
) -> None:
    """Take out AMOUNT of TOKEN that left the firm.

    With --strategy and --instrument it leaves the position too, at its average cost.
    """
    with treasury(options) as capital:
        done = capital.withdraw(
            amount,
            token,
            venue=venue,
            location=location,
            account=account,
            strategy=strategy,
            instrument=instrument,
            event_id=event_id,
            book=book,
        )
        beside: list[str] = []
        if instrument is not None:
            taken = out_of_position(capital, done)
            beside = without_position(Amount.parse(amount), taken, token)
        show(capital, f"withdrew {amount} {token}", [done], as_json, beside=beside)


# Else an amount below 0 would be taken for an option.
@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("strategy", type=STRATEGY_ID)
@click.argument("amount", type=NONZERO_AMOUNT)
@click.argument("token")
@ID_OPTION
@BOOK_OPTION
@JSON_OPTION
@click.pass_obj
def allocate(
    options: Options,
    strategy: int,
    amount: str,
    token: str,
    event_id: str | None,
    book: str | None,
    as_json: bool,
) -> None:
    """Give STRATEGY capital to work with: AMOUNT of TOKEN, taken back below 0.

    No balance moves: it is what the strategy's returns are measured against.
    """
    with treasury(options) as capital:
        before = capital.allocated(strategy, token, book=book)
        done = capital.allocate(strategy, amount, token, event_id=event_id, book=book)
        after = capital.allocated(strategy, token, book=book)
        what = f"allocated {amount} {token} to strategy {strategy}: {before} -> {after}"
        show(capital, what, [done], as_json, allocated=str(after))


COMMANDS = [reserve, release, deposit, withdraw, allocate, transfer_group]
