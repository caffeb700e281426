"""From a correction and the history of a position to what the correction changes.

The position is folded twice from the trade on: as it counts now, which must come out as it was last
journaled, and with the trade as corrected. Everything a restatement holds is the second, or the
difference of the two.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pm.corrections.allocating import versions_of
from pm.corrections.errors import CannotCorrect
from pm.corrections.life import Life, Trade, find_trade, read_life
from pm.corrections.refold import Refolded, moves_between, unvalued
from pm.corrections.steps import Step, Version
from pm.corrections.terms import Request, TradeTerms
from pm.decimals import ONE, ZERO, Amount
from pm.history import History
from pm.rules.facts import Place, Terms
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
    the position was derived from.
    """

    request: Request
    trade: Trade
    trade_terms: TradeTerms
    versions: dict[int, Version]
    terms: Terms
    new: Position
    position_seq: int
    moves: list[tuple[Place, str, Amount]]
    order: OrderMoves
    trips: dict[str, int]
    volume: Amount
    fees_unvalued: dict[str, Amount]


@dataclass(slots=True)
class Derivation:
    """What a correction changes, kept up with a position that goes on meanwhile."""

    request: Request
    life: Life
    trade_terms: TradeTerms
    _versions: dict[int, Version]
    _before: Refolded
    _after: Refolded

    @classmethod
    def of(cls, request: Request, life: Life, trade_terms: TradeTerms) -> Derivation:
        """The trade of a life on other terms; CannotCorrect where it cannot have them."""
        versions = versions_of(life, trade_terms)
        start = life.start
        made = cls(request, life, trade_terms, versions, Refolded(start), Refolded(start))
        made._fold(life.steps)
        return made

    def follow(self, history: History, book: str) -> bool:
        """Take in what has happened since; False where it must be derived from the start."""
        steps = self.life.read_on(history, book)
        if steps is None:
            return False
        self._fold(steps)
        return True

    def restatement(self) -> Restatement:
        """What the correction changes now; CannotCorrect if what was journaled does not add up.

        A fold that does not even reproduce that proves nothing about a corrected one.
        """
        life, versions, before, after = self.life, self._versions, self._before, self._after
        if not same_figures(before.position(life.terms), life.position):
            raise CannotCorrect(
                "not_reproducible",
                f"folded again from entry {life.first_seq} on, the position is not what entry"
                f" {life.position_seq} says",
            )
        return Restatement(
            request=self.request,
            trade=life.trade,
            trade_terms=self.trade_terms,
            versions=versions,
            terms=life.terms,
            new=after.position(life.terms),
            position_seq=life.position_seq,
            moves=moves_between(before, after),
            order=_order_moves([life.version(seq) for seq in versions], versions.values()),
            trips=_trips(before, after),
            volume=after.volume - before.volume,
            fees_unvalued=unvalued(versions, life.terms_then(), life.steps, life.aliases),
        )

    def _fold(self, steps: Sequence[Step]) -> None:
        life = self.life
        self._before.add(steps, life.versions, life.aliases)
        self._after.add(steps, {**life.versions, **self._versions}, life.aliases)


def derive(history: History, book: str, request: Request, *, after: int = 0) -> Derivation:
    """What a correction changes; TradeUnknown or CannotCorrect where it cannot be made.

    Its trade is looked for in entries after `after`.
    """
    trade = find_trade(history, book, request.execution, after=after)
    if request.strategy not in ("", trade.strategy):
        raise CannotCorrect(
            "strategy_differs",
            f"the trade is strategy {trade.strategy}'s, not {request.strategy}'s",
        )
    if request.asked_seq and any(seq > request.asked_seq for seq in trade.covering):
        raise CannotCorrect(
            "told_between",
            "a cumulative result came after the correction and before the trade:"
            " whether it has the old or the new terms, nobody can tell",
        )
    life = read_life(history, book, trade)
    trade_terms = request.applied_to(life.stated[trade.seq], life.terms_then())
    return Derivation.of(request, life, trade_terms)


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
