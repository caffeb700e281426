"""A part of a position on its way from one chain to another: in flight, then there with its cost.

Each step may be tried again, because a transfer counts once by its id.
"""

from __future__ import annotations

from pm.books.opening import BookError
from pm.client.transfers import Transfers
from pm.connect import ServerError
from pm.demo.desk import STRATEGY_NAMES, BridgeTerms
from pm.demo.incidents import Tell
from pm.demo.labels import amount_label
from pm.reference.chains import location
from pm.reference.snapshot import Reference


class Bridge:
    """One transfer in two steps."""

    def __init__(
        self, transfers: Transfers, terms: BridgeTerms, reference: Reference, tell: Tell
    ) -> None:
        self._transfers = transfers
        self._terms = terms
        self._tell = tell
        ends = [reference.instruments[name] for name in (terms.source, terms.target)]
        self._source, self._target = (location(end.venue, None, end.chain_id) for end in ends)
        self._quote = ends[0].quote

    def send(self) -> bool:
        """It leaves; False while the books cannot take it."""
        terms = self._terms
        try:
            self._transfers.send(
                terms.sent,
                terms.token,
                self._source,
                self._target,
                strategy=terms.strategy,
                instrument=terms.source,
                transfer_id=terms.transfer_id,
            )
            (record,) = self._transfers.in_flight()
        except (ServerError, BookError):
            return False
        self._tell(
            f"{STRATEGY_NAMES[terms.strategy]} bridges {record.amount} {terms.token} from"
            f" {self._source} to {self._target}: in flight, with its cost of"
            f" {self._amount(record.cost)}"
        )
        return True

    def arrive(self) -> bool:
        """It is there, less what the bridge keeps; False while the books cannot take it."""
        terms = self._terms
        try:
            moved = self._transfers.arrive(
                terms.transfer_id, terms.arrived, to_instrument=terms.target
            )
        except (ServerError, BookError):
            return False
        record = moved.transfer
        self._tell(
            f"{record.arrived} {terms.token} arrive on {self._target} with their cost; what the"
            f" bridge kept is a transfer cost of {self._amount(record.transfer_cost)}"
        )
        return True

    def _amount(self, amount: object) -> str:
        return f"{amount_label(str(amount))} {self._quote}"
