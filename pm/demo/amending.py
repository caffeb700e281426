"""Books the amendments of trades: what followed from each trade is derived again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pm.client.correcting import Corrected, TradeCorrections
from pm.demo.amendments import Amendment
from pm.demo.errors import DemoError
from pm.demo.exact import text_of

# Another process that looks after open corrections may have been faster.
_MADE: Final = frozenset({"restated", "ended"})


def amend(corrections: TradeCorrections, amendments: Sequence[Amendment]) -> None:
    """Make them one after another; DemoError where one cannot be made."""
    for amendment in amendments:
        done = _amended(corrections, amendment)
        if done.status not in _MADE:
            raise DemoError(f"{done.execution} is not corrected ({done.status}): {done.detail}")


def _amended(corrections: TradeCorrections, amendment: Amendment) -> Corrected:
    told, price = amendment
    venue, _, _ = told.key.instrument.partition(".")
    execution = f"{venue}/{told.name.order_id}/{told.name.execution_id}"
    book = told.key.book
    if price is None:
        return corrections.bust(
            execution, by=venue, why="erroneous trade", event_id="demo-bust", book=book
        )
    return corrections.correct(
        execution,
        by=venue,
        why="the price was mistyped",
        price=text_of(price),
        event_id="demo-correction",
        book=book,
    )
