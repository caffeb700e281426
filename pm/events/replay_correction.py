"""The facts of busts, corrections and adjustments back to events."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

from pm.events.facts_fields import FactsTable, event_id, fees_of, integer
from pm.events.model import Adjustment, Bust, Correct, CorrectionEvent

_DATED_ORDER: Final = re.compile(r"(.+)\.([0-9]{4}-[0-9]{2}-[0-9]{2})", re.ASCII)


def _bust(facts: FactsTable) -> Bust:
    return Bust(keep_fees=facts.get("keep_fees") == "1", **_trade_part(facts))


def _correct(facts: FactsTable) -> Correct:
    return Correct(
        quantity=facts.get("quantity"),
        price=facts.get("price"),
        quote_amount=facts.get("quote_amount"),
        fees=fees_of(facts),
        **_trade_part(facts),
    )


def _trade_part(facts: FactsTable) -> dict[str, Any]:
    venue, order_id, execution_id = facts["execution"].split("/")
    dated = _DATED_ORDER.fullmatch(order_id)
    return {
        "execution_id": execution_id,
        "order_id": order_id if dated is None else dated.group(1),
        "order_date": None if dated is None else dated.group(2),
        "venue": venue,
        "strategy_id": integer(facts, "of_strategy"),
        **_common_part(facts),
    }


def _adjustment(facts: FactsTable) -> Adjustment:
    return Adjustment(
        break_id=facts.get("break"),
        token=facts.get("token"),
        amount=facts.get("amount"),
        instrument=facts.get("instrument"),
        quantity=facts.get("quantity"),
        cost=facts.get("cost"),
        strategy_id=integer(facts, "strategy"),
        venue=facts.get("venue"),
        location=facts["location"],
        chain_id=int(facts["chain_id"]),
        **_common_part(facts),
    )


def _common_part(facts: FactsTable) -> dict[str, Any]:
    return {
        "event_id": event_id(facts),
        "executed_at": int(facts["executed_at"]),
        "by": facts["by"],
        "why": facts["why"],
    }


READERS: Final[dict[str, Callable[[FactsTable], CorrectionEvent]]] = {
    "bust": _bust,
    "correct": _correct,
    "adjustment": _adjustment,
}
