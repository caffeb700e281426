"""Sums of rows: money per settlement token, fees per token, counts.

What has no settlement token has no money of its own; only its counts and fees per token are summed.
A row's `fees_unvalued` falls when a fee of an earlier row gets its value, so a sum over rows says
nothing of the fees that rows paid. What their positions still owe a value for at the end does: as
much of it as the rows paid themselves is without a value.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pm.attribution.rows import COUNT_FIELDS, Row
from pm.decimals import ZERO, Amount

MONEY_FIELDS = ("volume", "realized_pnl", "carry", "transfer_cost", "fee_value")
_TOKEN_FIELDS = ("fees", "failed_fees", "allocated")

Place = tuple[str, str, str]
"""Book, strategy and instrument: what has fees of its own."""
Outstanding = Mapping[Place, Mapping[str, Amount]]
"""Fees without a value at the end of a range, per token; below zero a rebate."""


class Sums:
    """Rows added up; a settlement token appears once a row has named it, even at 0.

    `outstanding` is of the moment the rows end at, of every position they name.
    """

    def __init__(self, rows: Iterable[Row], outstanding: Outstanding) -> None:
        self.money: dict[str, dict[str, Amount]] = {name: {} for name in MONEY_FIELDS}
        self.tokens: dict[str, dict[str, Amount]] = {name: {} for name in _TOKEN_FIELDS}
        self.fees_unvalued: dict[str, Amount] = {}
        self._lacking: dict[str, set[str]] = {}
        self.counts: dict[str, int] = dict.fromkeys(COUNT_FIELDS, 0)
        self.settlements: set[str] = set()
        paid: dict[tuple[Place, str, str], tuple[Amount, Amount]] = {}
        for row in rows:
            self._add(row)
            _note_paid(paid, row)
        self._find_unvalued(paid, outstanding)

    def lacks_value(self, settlement: str) -> list[str]:
        """Tokens of fees paid in trades settled in `settlement` that have no value at the end."""
        return sorted(self._lacking.get(settlement, ()))

    def money_of(self, name: str) -> dict[str, Amount]:
        """One figure for every settlement token of the sum, 0 where nothing was added."""
        return {x: self.money[name].get(x, ZERO) for x in sorted(self.settlements)}

    def _add(self, row: Row) -> None:
        for name in COUNT_FIELDS:
            self.counts[name] += getattr(row, name)
        for name in _TOKEN_FIELDS:
            for token, amount in getattr(row, name).items():
                add(self.tokens[name], token, amount)
        x = row.settlement
        if not x:
            return
        self.settlements.add(x)
        for name in MONEY_FIELDS:
            add(self.money[name], x, getattr(row, name))

    def _find_unvalued(
        self, paid: Mapping[tuple[Place, str, str], tuple[Amount, Amount]], outstanding: Outstanding
    ) -> None:
        for (place, x, token), (fees, rebates) in sorted(paid.items()):
            left = outstanding.get(place, {}).get(token, ZERO)
            unvalued = min(fees, left) if left > ZERO else max(rebates, left)
            if unvalued:
                self._lacking.setdefault(x, set()).add(token)
                add(self.fees_unvalued, token, unvalued)


def _note_paid(paid: dict[tuple[Place, str, str], tuple[Amount, Amount]], row: Row) -> None:
    """Fees and rebates of a row that had no value when paid, without the values of earlier ones.

    Where a row holds both, all it paid in the token counts: which of it has a value is not known.
    """
    for token, amount in row.fees_unvalued.items():
        if not (row.settlement and amount):
            continue
        key = ((row.book, row.strategy, row.instrument), row.settlement, token)
        fees, rebates = paid.get(key, (ZERO, ZERO))
        told = row.fees.get(token, ZERO)
        paid[key] = (fees + max(ZERO, amount, told), rebates + min(ZERO, amount, told))


def add(sums: dict[str, Amount], key: str, amount: Amount) -> None:
    """Add `amount` to what `key` holds; an amount of 0 leaves no trace."""
    if amount:
        sums[key] = sums.get(key, ZERO) + amount
