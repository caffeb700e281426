"""The valuation of strategies and book is the sum of their positions', whatever the marks are.

Marks are no part of the journal, so nothing can be recomputed from it: the law is over the stored
fields alone. Money adds up per settlement token, and open positions without a mark are counted.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from pm.decimals import ZERO, Amount
from pm.rules.unequal import unequal_maps

Hash = Mapping[str, str]
FIGURES = ("market_value", "unrealized_pnl")


@dataclass(slots=True)
class _Valued:
    """Sums of positions: money per settlement token, and how many lack a mark."""

    market_value: dict[str, Amount] = field(default_factory=dict)
    unrealized_pnl: dict[str, Amount] = field(default_factory=dict)
    unmarked: int = 0

    def add(self, position: Hash) -> None:
        if position.get("quantity", "0") != "0" and not position.get("mark"):
            self.unmarked += 1
        settlement = position.get("settlement", "")
        for figure in FIGURES:
            if text := position.get(figure):
                sums: dict[str, Amount] = getattr(self, figure)
                sums[settlement] = sums.get(settlement, ZERO) + Amount.parse(text)


def differences(stored: Mapping[str, Hash]) -> list[str]:
    """The differences of strategies and book from the sums over their positions.

    `stored` are the hashes of a book, read with its valuation at rest, by key without prefix.
    """
    book = _Valued()
    strategies: dict[str, _Valued] = {}
    found = []
    for key, held in stored.items():
        kind, _, name = key.partition(":")
        if kind == "strategy":
            strategies.setdefault(name, _Valued())
        elif kind == "position":
            try:
                book.add(held)
                strategies.setdefault(name.partition(":")[0], _Valued()).add(held)
            except ValueError as error:
                found.append(f"{key} valuation: {error}")
    found += _differences("book", stored.get("book", {}), book)
    for strategy in sorted(strategies):
        held = stored.get(f"strategy:{strategy}", {})
        found += _differences(f"strategy {strategy}", held, strategies[strategy])
    return found


def _differences(name: str, held: Hash, sums: _Valued) -> Iterator[str]:
    for figure in FIGURES:
        text = held.get(figure) or "{}"
        try:
            amounts = {token: Amount.parse(amount) for token, amount in json.loads(text).items()}
        except (AttributeError, TypeError, ValueError):
            yield f"{name} {figure}: {text!r} is no object of amounts"
            continue
        yield from unequal_maps(f"{name} {figure}", amounts, getattr(sums, figure))
    unmarked = held.get("unmarked") or "0"
    if unmarked != str(sums.unmarked):
        yield f"{name} unmarked: {unmarked}, not {sums.unmarked}"
