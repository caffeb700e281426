"""Compares the balances and positions a venue told with what the books hold at the location.

Balances are compared as totals over all books, positions as quantities netted over books and
strategies; an average price never. P&L is compared, realized and unrealized together, only where
the venue told both and the mark it took: ours is taken at that mark.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from pm.breaks.found import Found
from pm.decimals import ZERO, Amount, divide, multiply_divide
from pm.reconcile.held import Held, HeldPosition
from pm.statements.statement import ToldBalance, ToldPosition

_SCALE: Final = 18
_ALWAYS_TOLD: Final = frozenset({"future", "perpetual", "option"})
"""Kinds a list of positions holds all of; a spot position is told as a balance, if at all."""

Tolerance = Mapping[str, Amount]


@dataclass(frozen=True, slots=True)
class Compared:
    """What was found, and the subjects that were looked at, as kind and subject."""

    found: list[Found]
    subjects: set[tuple[str, str]]


def compare_balances(
    told: Iterable[ToldBalance], held: Held, tolerance: Tolerance, *, with_available: bool
) -> Compared:
    """Every token either side knows; a token the venue does not list is 0 there.

    One it lists without a total is not compared.
    """
    there = {each.token: each for each in told}
    compared = Compared([], set())
    for token in sorted(there.keys() | held.balances.keys()):
        balance = there.get(token, ToldBalance(token, ZERO, ZERO))
        books = tuple(sorted(held.balances.get(token, {})))
        subject = f"{held.location}:{token}"
        pairs: list[tuple[str, Amount, Amount | None]]
        pairs = [("balance", held.total(token), balance.total)]
        if with_available:
            pairs.append(("available", held.available(token), balance.available))
        for kind, ours, theirs in pairs:
            if theirs is None:
                continue
            compared.subjects.add((kind, subject))
            moved = theirs - ours
            if abs(moved) > tolerance.get(token, ZERO):
                compared.found.append(
                    Found(
                        "balance" if kind == "balance" else "available",
                        subject,
                        books,
                        str(ours),
                        str(theirs),
                        str(moved),
                    )
                )
    return compared


def compare_positions(
    told: Iterable[tuple[str, ToldPosition]], held: Held, tolerance: Tolerance
) -> Compared:
    """Every instrument either side knows, by its id.

    What the venue does not list is 0 there if a list of positions would hold it.
    """
    there: dict[str, list[ToldPosition]] = defaultdict(list)
    for instrument, position in told:
        there[instrument].append(position)
    compared = Compared([], set())
    for instrument in sorted(there.keys() | held.positions.keys()):
        ours = held.all_positions(instrument)
        if instrument not in there and not _is_always_told(ours):
            continue
        books = tuple(sorted(held.positions.get(instrument, {})))
        subject = f"{held.location}:{instrument}"
        compared.subjects.add(("position", subject))
        here, quantity = held.quantity(instrument), ZERO
        for position in there.get(instrument, ()):
            quantity += _quantity(position, ours)
        if here != quantity:
            compared.found.append(
                Found("position", subject, books, str(here), str(quantity), str(quantity - here))
            )
        elif ours:
            _compare_pnl(compared, subject, books, ours, there.get(instrument, []), tolerance)
    return compared


def _is_always_told(ours: list[HeldPosition]) -> bool:
    return any(held.kind in _ALWAYS_TOLD for held in ours)


def _quantity(told: ToldPosition, ours: list[HeldPosition]) -> Amount:
    """The told quantity in our units: contracts of the instrument's multiplier."""
    if told.contract_size is None or not ours or told.contract_size == ours[0].multiplier:
        return told.quantity
    return multiply_divide(told.quantity, told.contract_size, ours[0].multiplier, _SCALE)


def _compare_pnl(
    compared: Compared,
    subject: str,
    books: tuple[str, ...],
    ours: list[HeldPosition],
    told: list[ToldPosition],
    tolerance: Tolerance,
) -> None:
    theirs = ZERO
    for position in told:
        if position.realized_pnl is None or position.unrealized_pnl is None:
            return
        theirs += position.realized_pnl + position.unrealized_pnl
    mark = told[0].mark_price if told else None
    if mark is None or mark.sign <= 0 or any(each.mark_price != mark for each in told):
        return
    here = ZERO
    for held in ours:
        here += held.realized_pnl + _value(held, mark) - held.cost
    compared.subjects.add(("pnl", subject))
    moved = theirs - here
    if abs(moved) > tolerance.get(ours[0].settlement, ZERO):
        detail = f"realized and unrealized at {mark}, in {ours[0].settlement}"
        compared.found.append(
            Found("pnl", subject, books, str(here), str(theirs), str(moved), detail)
        )


def _value(held: HeldPosition, mark: Amount) -> Amount:
    if held.inverse:
        return divide(-held.quantity * held.multiplier, mark, _SCALE)
    return held.quantity * mark * held.multiplier
