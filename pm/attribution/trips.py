"""Trips, flat to flat, as the journal tells them: one strategy and instrument each.

The state of a trip is in every change of its position, so one that began before the range is told
as fully as one that began inside. A flip closes one trip and opens the next in one entry. A
restatement tells of the trip that runs; those that have ended stay as they were published.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pm.decimals import ZERO, Amount

RESTATEMENT = "restatement"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trip:
    """One trip; `outcome` is won, lost or unknown (a fee without a value), "" while it is open.

    Times are in ns, money is in `settlement`, of the whole trip; `carry` is less transfer cost.
    `net_pnl` is None while a fee has no value. `quantity` is what is still held.
    """

    book: str
    strategy_id: str
    instrument_id: str
    settlement: str
    opened_at: int
    closed_at: int | None
    quantity: Amount
    realized_pnl: Amount
    carry: Amount
    fee_value: Amount
    net_pnl: Amount | None
    outcome: str


class Trips:
    """The trips of one strategy in one book, from journal entries in their order."""

    def __init__(self, book: str, strategy: str) -> None:
        self._book, self._strategy = book, strategy
        self._open: dict[str, Trip] = {}
        self._active: set[str] = set()
        self._closed: list[Trip] = []

    def add(
        self,
        entry: Mapping[str, str],
        facts: Mapping[str, Any],
        contributions: Iterable[Mapping[str, Any]],
        *,
        counts: bool,
    ) -> None:
        """Take in an entry; a trip is only told if one of its entries `counts`."""
        outcomes = {part["instrument"]: part for part in contributions}
        for change in json.loads(entry["changes"]):
            if change.get("strategy_id") != self._strategy:
                continue
            instrument = change["instrument"]
            part = outcomes.get(instrument, {})
            # Of the two changes of a flip only the first closes.
            outcome = "" if change["type"] == "position_opened" else part.get("trip", "")
            self._change(instrument, part, change["new"], facts, outcome, counts)

    def found(self) -> list[Trip]:
        """The trips by the time they began; open ones are told as they stood last."""
        still_open = [self._open[name] for name in sorted(self._active & self._open.keys())]
        return sorted(
            [*self._closed, *still_open], key=lambda trip: (trip.opened_at, trip.instrument_id)
        )

    def _change(
        self,
        instrument: str,
        part: Mapping[str, Any],
        state: Mapping[str, Any],
        facts: Mapping[str, Any],
        outcome: str,
        counts: bool,
    ) -> None:
        is_own = facts.get("instrument") == instrument
        dust = Amount.parse(facts.get("dust", "0")) if is_own else ZERO
        quantity = Amount.parse(state["quantity"])
        known = self._open.get(instrument)
        if known is None and not outcome and abs(quantity) <= dust:
            return
        trip = self._trip(instrument, part, state, facts, outcome)
        if facts["kind"] == RESTATEMENT and abs(quantity) <= dust:
            self._open.pop(instrument, None)
            return
        if counts:
            self._active.add(instrument)
        if not outcome:
            self._open[instrument] = trip
            return
        self._open.pop(instrument, None)
        if instrument in self._active:
            self._closed.append(trip)
            self._active.discard(instrument)

    def _trip(
        self,
        instrument: str,
        part: Mapping[str, Any],
        state: Mapping[str, Any],
        facts: Mapping[str, Any],
        outcome: str,
    ) -> Trip:
        realized, fees, carry = (
            Amount.parse(state[name])
            for name in ("trip_realized_pnl", "trip_fee_value", "trip_carry")
        )
        known = self._open.get(instrument)
        settlement = part.get("settlement") or ("" if known is None else known.settlement)
        return Trip(
            book=self._book,
            strategy_id=self._strategy,
            instrument_id=instrument,
            settlement=settlement,
            opened_at=int(state["first_trade_time"]),
            closed_at=int(facts["executed_at"]) if outcome else None,
            quantity=Amount.parse(state["quantity"]),
            realized_pnl=realized,
            carry=carry,
            fee_value=fees,
            net_pnl=None if state["fees_unvalued"] else realized + carry - fees,
            outcome=outcome,
        )
