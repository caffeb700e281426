"""From a correction and the history of a position to what the correction changes.

The position is folded twice from the trade on: as it counts now, which must come out as it was last
journaled, and with the trade as corrected. Everything a restatement holds is the second, or the
difference of the two.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from pm.corrections.allocating import versions_of
from pm.corrections.errors import CannotCorrect
from pm.corrections.life import Life, Trade, find_trade, read_life
from pm.corrections.refold import Refolded, moves_between, unvalued
from pm.corrections.steps import Version
from pm.corrections.terms import Request, TradeTerms
from pm.decimals import ONE, ZERO, Amount
from pm.history.history import History
from pm.rules.facts import FactsError, Place, Terms
from pm.rules.position import Position

OUTCOMES = ("won", "lost", "unknown")


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderMoves:
    """What an order's figures move by."""

    quantity: Amount
    notional: Amount
    fees: dict[str, Amount]


@dataclass(frozen=True, slots=True, kw_only=True)
class Restatement:
    """What a correction changes: the position as it is then, and what else moves by how much.

    `versions` are the entries that booked the trade, as they count now; `position_seq` is the entry
    the position was derived from, `through` the last that was read.
    """

    request: Request
    trade: Trade
    trade_terms: TradeTerms
    versions: dict[int, Version]
    terms: Terms
    old: Position
    new: Position
    position_seq: int
    through: int
    moves: list[tuple[Place, str, Amount]]
    order: OrderMoves
    trips: dict[str, int]
    volume: Amount
    fees_unvalued: dict[str, Amount]


def derive(history: History, book: str, request: Request, *, after: int = 0) -> Restatement:
    """What a correction changes; TradeUnknown or CannotCorrect where it cannot be made.

    Its trade is looked for in entries after `after`.
    """
    trade = find_trade(history, book, request.execution, after=after)
    if request.strategy not in ("", trade.strategy):
        raise CannotCorrect(
            "strategy_differs",
            f"the trade is strategy {trade.strategy}'s, not {request.strategy}'s",
        )
    try:
        return _derived(history, book, request, trade)
    except (FactsError, ArithmeticError) as error:
        raise CannotCorrect("not_reproducible", str(error)) from None


def _derived(history: History, book: str, request: Request, trade: Trade) -> Restatement:
    life = read_life(history, book, trade)
    trade_terms = request.applied_to(life.stated[trade.seq], life.terms_of(trade))
    return restatement_of(request, trade, life, trade_terms)


def restatement_of(
    request: Request, trade: Trade, life: Life, trade_terms: TradeTerms
) -> Restatement:
    """The restatement that gives a trade other terms; CannotCorrect if the journal's do not add up.

    A fold that does not even reproduce what was journaled proves nothing about a corrected one.
    """
    versions = versions_of(life, trade, trade_terms)
    before = life.refolded()
    if not same_figures(before.position, life.position):
        raise CannotCorrect(
            "not_reproducible",
            f"folded again from entry {life.first_seq} on, the position is not what entry"
            f" {life.position_seq} says",
        )
    after = life.refolded(versions)
    return Restatement(
        request=request,
        trade=trade,
        trade_terms=trade_terms,
        versions=versions,
        terms=life.terms,
        old=life.position,
        new=after.position,
        position_seq=life.position_seq,
        through=life.through,
        moves=moves_between(before, after),
        order=_order_moves([life.version(seq) for seq in versions], versions.values()),
        trips=_trips(before, after),
        volume=after.volume - before.volume,
        fees_unvalued=unvalued(versions, life.terms_of(trade), life.steps, life.aliases),
    )


def same_figures(one: Position, other: Position) -> bool:
    """Whether two positions agree in all but the time of their last change."""
    return one.figures._replace(last_update_time="") == other.figures._replace(last_update_time="")


def _order_moves(before: Iterable[Version], after: Iterable[Version]) -> OrderMoves:
    quantity = notional = ZERO
    fees: dict[str, Amount] = {}
    for sign, versions in ((ONE, after), (-ONE, before)):
        for version in versions:
            if version.main is not None:
                quantity += sign * version.main.quantity
                notional += sign * version.main.notional
            for fee in version.fees:
                fees[fee.token] = fees.get(fee.token, ZERO) + sign * fee.amount
    moved = {token: amount for token, amount in sorted(fees.items()) if amount}
    return OrderMoves(quantity=quantity, notional=notional, fees=moved)


def _trips(before: Refolded, after: Refolded) -> dict[str, int]:
    moved: Counter[str] = Counter(after.trips)
    moved.subtract(before.trips)
    return {name: moved[name] for name in OUTCOMES if moved[name]}
