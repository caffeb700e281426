"""The valuation of a book made from its journal: marks from elsewhere, and what follows from them.

Marks are set from outside and no journal tells them: those of the live positions are kept. What
positions are worth, and the totals of strategies and book, are computed anew, so that they are
right even where the live ones were not. A live text stays where its amounts are the right ones.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from pm.decimals import ZERO, Amount
from pm.rules.expected import Hash
from pm.rules.state import PositionRecord
from pm.rules.token_amounts import amounts_json
from pm.rules.worth import Worth, worth

TOTAL_FIELDS = ("market_value", "unrealized_pnl", "unmarked")
VALUED_FIELDS = ("mark", *TOTAL_FIELDS)
"""Fields that follow from marks, of positions, strategies and book."""


class _Part(NamedTuple):
    """What one position adds to totals; no worth: it is open and has no mark."""

    settlement: str
    worth: Worth | None


@dataclass(slots=True)
class _Sums:
    market_value: dict[str, Amount] = field(default_factory=dict)
    unrealized_pnl: dict[str, Amount] = field(default_factory=dict)
    unmarked: int = 0
    positions: int = 0

    def add(self, part: _Part, sign: int) -> None:
        self.positions += sign
        if part.worth is None:
            self.unmarked += sign
            return
        for sums, amount in zip((self.market_value, self.unrealized_pnl), part.worth, strict=True):
            moved = amount if sign > 0 else -amount
            sums[part.settlement] = sums.get(part.settlement, ZERO) + moved

    def texts(self) -> Hash:
        return {
            "market_value": amounts_json(_known(self.market_value)),
            "unrealized_pnl": amounts_json(_known(self.unrealized_pnl)),
            "unmarked": str(self.unmarked),
        }


@dataclass(slots=True)
class Worths:
    """The worth of every position of a book, and the sums over them."""

    _parts: dict[str, _Part] = field(default_factory=dict)
    _book: _Sums = field(default_factory=_Sums)
    _strategies: dict[str, _Sums] = field(default_factory=dict)

    def position(self, member: str, record: PositionRecord, live: Mapping[str, str]) -> Hash:
        """The valuation fields of a position, by the mark its live hash has; counts it in."""
        mark = _amount(live.get("mark", ""))
        if mark is not None and record.terms.inverse and not mark:
            mark = None
        found = worth(record.position.held, record.terms, mark)
        self._count(member, _Part(record.terms.settlement, found))
        shown = ("", "") if found is None else tuple(map(str, found))
        fields = {"mark": "" if mark is None else live["mark"]}
        fields["market_value"], fields["unrealized_pnl"] = shown
        if "mark_time" in live:
            fields["mark_time"] = "" if mark is None else live["mark_time"]
        if "mark_stale" in live:
            fields["mark_stale"] = live["mark_stale"]
        return fields

    def strategy(self, strategy: str, live: Mapping[str, str]) -> Hash:
        """The valuation fields of a strategy's totals."""
        return _kept(self._strategies.get(strategy, _Sums()), live)

    def book(self, live: Mapping[str, str]) -> Hash:
        """Those of the book's."""
        return _kept(self._book, live) or self._book.texts()

    def _count(self, member: str, part: _Part) -> None:
        strategy = member.partition(":")[0]
        of_strategy = self._strategies.setdefault(strategy, _Sums())
        before = self._parts.get(member)
        for sums in (self._book, of_strategy):
            if before is not None:
                sums.add(before, -1)
            sums.add(part, 1)
        self._parts[member] = part


def _kept(sums: _Sums, live: Mapping[str, str]) -> Hash:
    """The live texts where they tell the sums, else those of the sums; nothing without either."""
    told = {name: live[name] for name in TOTAL_FIELDS if name in live}
    if _is_right(sums, told):
        return told
    return sums.texts() if sums.positions or told else {}


def _is_right(sums: _Sums, told: Mapping[str, str]) -> bool:
    if not told:
        return not sums.positions
    try:
        return (
            _known(_amounts(told["market_value"])) == _known(sums.market_value)
            and _known(_amounts(told["unrealized_pnl"])) == _known(sums.unrealized_pnl)
            and told["unmarked"] == str(sums.unmarked)
        )
    except (AttributeError, KeyError, TypeError, ValueError):
        return False


def _known(amounts: Mapping[str, Amount]) -> dict[str, Amount]:
    return {token: amount for token, amount in amounts.items() if amount}


def _amounts(text: str) -> dict[str, Amount]:
    return {token: Amount.parse(amount) for token, amount in json.loads(text).items()}


def _amount(text: str) -> Amount | None:
    try:
        return Amount.parse(text) if text else None
    except ValueError:
        return None
