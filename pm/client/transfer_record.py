"""A transfer as the book it left keeps it, and whether an event says the same of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pm.client.amounts import parse_amount, parse_optional, parse_time
from pm.client.posted import CapitalError
from pm.decimals import Amount
from pm.events.model import Transfer
from pm.reference.text_ids import unescape_id


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferRecord:
    """A transfer: in_flight, arrived or failed; amounts that are not known yet are None.

    `quantity` and `cost` are what left the position of `strategy_id` in `instrument_id`, 0 where no
    position moved; both ids are "" where none was named. Times are nanoseconds.
    """

    transfer_id: str
    status: str
    token: str
    amount: Amount
    from_location: str
    from_chain_id: str
    to_location: str
    to_book: str
    strategy_id: str
    instrument_id: str
    quantity: Amount
    cost: Amount
    arrived: Amount | None
    fee: Amount | None
    transfer_cost: Amount | None
    sent_at: int
    ended_at: int | None
    book: str
    seq: int

    @property
    def was_whole(self) -> bool:
        """Whether it was sent and arrived in one event."""
        return self.status == "arrived" and self.sent_at == self.ended_at


def parse_transfer(book: str, transfer_id: str, values: Mapping[str, str]) -> TransferRecord:
    """The record in a transfer's hash."""
    return TransferRecord(
        transfer_id=transfer_id,
        status=values["status"],
        token=values["token"],
        amount=parse_amount(values["amount"]),
        from_location=values["from_location"],
        from_chain_id=values["from_chain_id"],
        to_location=values["to_location"],
        to_book=values["to_book"],
        strategy_id=values["strategy"],
        instrument_id=values["instrument"],
        quantity=parse_amount(values["quantity"]),
        cost=parse_amount(values["cost"]),
        arrived=parse_optional(values["arrived"]),
        fee=parse_optional(values["fee"]),
        transfer_cost=parse_optional(values["transfer_cost"]),
        sent_at=int(values["sent_at"]),
        ended_at=parse_time(values["ended_at"]),
        book=book,
        seq=int(values["seq"]),
    )


def told(record: TransferRecord) -> str:
    """A transfer in words: its id, what was sent, from where, and what became of it."""
    position = ""
    if record.instrument_id:
        position = f" of strategy {record.strategy_id}'s {unescape_id(record.instrument_id)}"
    place = f" at {unescape_id(record.to_location)}" if record.to_location else ""
    place += f" in book {record.to_book}" if record.to_book else ""
    became = {
        "in_flight": "and is in flight",
        "arrived": f"and arrived as {record.arrived}{place}",
        "failed": "and failed",
    }[record.status]
    return (
        f"transfer {unescape_id(record.transfer_id)} took {record.amount}"
        f" {unescape_id(record.token)}{position} from {unescape_id(record.from_location)}, {became}"
    )


def check_same(record: TransferRecord, event: Transfer) -> None:
    """CapitalError unless the event tells again of what was sent here."""
    strategy = "" if event.strategy_id is None else str(event.strategy_id)
    same = (
        record.status != "failed"
        and record.was_whole == (event.step == "whole")
        and (record.token, str(record.amount)) == (event.token, event.amount)
        and record.from_location == event.from_location
        and (record.strategy_id, record.instrument_id) == (strategy, event.instrument or "")
        and record.to_book == (event.to_book or "")
    )
    if not same:
        raise CapitalError(f"there is a transfer of this id: {told(record)}")


def check_amounts(sent: Amount, arrived: Amount) -> None:
    """CapitalError where more would arrive than was sent."""
    if (sent - arrived).sign < 0:
        raise CapitalError(f"transfer: {arrived} would arrive of {sent} that was sent")


def check_arrival(record: TransferRecord, event: Transfer) -> None:
    """CapitalError unless this can arrive, or is what arrived before."""
    arrived = parse_amount(event.arrived or "0")
    check_amounts(record.amount, arrived)
    ended = (record.arrived, record.to_location)
    is_same = record.status == "arrived" and ended == (arrived, event.to_location)
    is_same = is_same and record.was_whole == (event.step == "whole")
    if record.status != "in_flight" and not is_same:
        raise CapitalError(told(record))
