"""Requests to bust or correct a trade, and their failure: kept until what they change is derived.

A request may come before its trade. It moves nothing by itself; a restatement does, which holds
what was derived from the journal.
"""

import json

from pm.rules.decision import Decision, noted, refused
from pm.rules.facts import Facts
from pm.rules.pending import OPEN, Correction, correction_id
from pm.rules.state import BookState


def decide_correction(state: BookState, facts: Facts) -> Decision:
    """A bust or correction is asked for."""
    pending_id = correction_id(facts.need("correction"))
    if state.pending(pending_id) is not None:
        return refused("correction_exists")
    fees = facts.values.get("fees")
    correction = Correction(
        pending_id=pending_id,
        status=OPEN,
        action=facts.kind,
        execution=facts.need("execution"),
        strategy=facts.word("of_strategy") or "",
        quantity=facts.word("quantity") or "",
        price=facts.word("price") or "",
        quote_amount=facts.word("quote_amount") or "",
        fees="" if fees is None else json.dumps(fees, separators=(",", ":")),
        keep_fees=facts.word("keep_fees") or "0",
        by=facts.need("by"),
        why=facts.need("why"),
        trade_seq="",
        reason="",
        detail="",
        sent_at=facts.need("executed_at"),
        ended_at="",
    )
    return Decision("applied", pending=correction)


def decide_failure(state: BookState, facts: Facts) -> Decision:
    """What was asked for cannot be derived, for a reason."""
    correction = open_correction(state, facts)
    if correction is None:
        return noted("correction_ended")
    failed = correction._replace(
        status="failed",
        reason=facts.need("reason"),
        detail=facts.need("detail"),
        ended_at=facts.need("executed_at"),
    )
    return Decision("applied", pending=failed)


def open_correction(state: BookState, facts: Facts) -> Correction | None:
    """The correction an event is about, None unless it is still to be made."""
    found = state.pending(correction_id(facts.need("correction")))
    return found if isinstance(found, Correction) and found.is_open else None
