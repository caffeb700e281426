"""What is under way: transfers in flight, dividends not paid yet, corrections not made yet.

A pending keeps what its end needs: for a transfer the basis that travels, for a dividend every
strategy's share, for a correction what is asked for. It stays, ended, so that its number is not
used twice.
"""

from collections.abc import Mapping
from typing import NamedTuple, Protocol

from pm.decimals import Amount
from pm.rules.token_amounts import TokenAmounts, amounts_json

IN_FLIGHT = "in_flight"
RECEIVABLE = "receivable"
OPEN = "open"
_JSON_FIELDS = frozenset({"shares", "fees"})


class Pending(Protocol):
    """A transfer, dividend or correction, whatever its state."""

    @property
    def pending_id(self) -> str:
        """`transfer.<id>` or `dividend.<id>`."""

    @property
    def is_open(self) -> bool:
        """Whether its end is still to come."""

    def texts(self) -> Mapping[str, str]:
        """Its fields as text, in order; `shares` and `fees` are JSON."""


class Transfer(NamedTuple):
    """A transfer; `quantity` and `cost` are the position's that left with it, 0 without basis."""

    pending_id: str
    status: str
    strategy: str
    instrument: str
    token: str
    amount: Amount
    quantity: Amount
    cost: Amount
    from_location: str
    from_chain_id: str
    to_location: str
    arrived: Amount | None
    transfer_cost: Amount | None
    to_book: str
    sent_at: str
    ended_at: str

    @property
    def is_open(self) -> bool:
        """Whether it is in neither location."""
        return self.status == IN_FLIGHT

    def texts(self) -> dict[str, str]:
        """Its fields as text, in order."""
        fee = None if self.arrived is None else self.amount - self.arrived
        return {
            "kind": "transfer",
            "status": self.status,
            "strategy": self.strategy,
            "instrument": self.instrument,
            "token": self.token,
            "amount": str(self.amount),
            "quantity": str(self.quantity),
            "cost": str(self.cost),
            "from_location": self.from_location,
            "from_chain_id": self.from_chain_id,
            "to_location": self.to_location,
            "arrived": _shown(self.arrived),
            "fee": _shown(fee),
            "transfer_cost": _shown(self.transfer_cost),
            "to_book": self.to_book,
            "sent_at": self.sent_at,
            "ended_at": self.ended_at,
        }


class Dividend(NamedTuple):
    """A dividend: `shares` per strategy, below zero for those that are short and pay it."""

    pending_id: str
    status: str
    instrument: str
    token: str
    amount: Amount
    shares: TokenAmounts
    sent_at: str
    ended_at: str

    @property
    def is_open(self) -> bool:
        """Whether it is not paid yet."""
        return self.status == RECEIVABLE

    def texts(self) -> dict[str, str]:
        """Its fields as text, in order; `shares` is JSON."""
        return {
            "kind": "dividend",
            "status": self.status,
            "instrument": self.instrument,
            "token": self.token,
            "amount": str(self.amount),
            "shares": amounts_json(self.shares),
            "sent_at": self.sent_at,
            "ended_at": self.ended_at,
        }


class Correction(NamedTuple):
    """A trade's bust or correction; `fees` is JSON, and "" stands for what is not said."""

    pending_id: str
    status: str
    action: str
    execution: str
    strategy: str
    quantity: str
    price: str
    quote_amount: str
    fees: str
    keep_fees: str
    by: str
    why: str
    trade_seq: str
    reason: str
    detail: str
    sent_at: str
    ended_at: str

    @property
    def is_open(self) -> bool:
        """Whether it is still to be made, its trade perhaps still to come."""
        return self.status == OPEN

    def texts(self) -> dict[str, str]:
        """Its fields as text, in order; `fees` is JSON where they are stated."""
        names = ("status", *self._fields[2:])
        return {"kind": "correction", **{name: getattr(self, name) for name in names}}


def correction_id(facts_id: str) -> str:
    """The id under which a correction is pending."""
    return f"correction.{facts_id}"


def transfer_id(facts_id: str) -> str:
    """The id under which a transfer is pending."""
    return f"transfer.{facts_id}"


def dividend_id(facts_id: str) -> str:
    """The id under which a dividend is pending."""
    return f"dividend.{facts_id}"


def pending_json(pending: Pending) -> str:
    """The JSON of a pending's state, as the journal keeps it."""
    fields = [f'"type":"pending","id":"{pending.pending_id}"']
    fields += [
        f'"{name}":{text}' if text and name in _JSON_FIELDS else f'"{name}":"{text}"'
        for name, text in pending.texts().items()
    ]
    return "{" + ",".join(fields) + "}"


def _shown(amount: Amount | None) -> str:
    return "" if amount is None else str(amount)
