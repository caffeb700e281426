"""Which rule meets an event: the ladder of decisions, first match wins.

Refusals and repeats come before any arithmetic: what could not be decoded, what has been seen, what
is too old to tell, what contradicts the order it names. Only then does the kind decide. The order
of the rungs is the precedence of the reasons.
"""

from pm.rules.decision import Decision, Subject, instrument_terms, refused
from pm.rules.executions import decide_fill, decide_result
from pm.rules.facts import Facts, FactsError
from pm.rules.notices import decide_deposit, decide_rejected, decide_status
from pm.rules.orders import new_order
from pm.rules.state import BookState

BOOK_KINDS = frozenset({"opened", "reference"})


def decide(state: BookState, facts: Facts) -> Decision:
    """What the event does to the book; FactsError when its kind is unknown or it lacks a key."""
    kind = facts.kind
    if kind == "quarantined":
        return refused(facts.need("reason"))
    if kind == "nothing":
        return Decision("noted", "nothing")
    if kind in BOOK_KINDS:
        return _decide_of_book(facts)
    event_id = facts.word("id")
    if event_id is not None and event_id in state.seen:
        return Decision("duplicate")
    executed_at = facts.whole("executed_at")
    if event_id is not None:
        facts.whole("received_at")
        if executed_at <= state.seen.horizon:
            return refused("older_than_horizon")
    if kind in ("deposit", "opening"):
        return decide_deposit(state, facts)
    return _decide_of_order(state, facts)


def _decide_of_book(facts: Facts) -> Decision:
    if facts.kind == "opened":
        facts.need("schema")
        facts.need("name")
        facts.whole("generation_size")
    else:
        facts.need("version")
    return Decision("applied")


def _decide_of_order(state: BookState, facts: Facts) -> Decision:
    subject = _subject(state, facts)
    if isinstance(subject, Decision):
        return subject
    match facts.kind:
        case "fill":
            return decide_fill(state, facts, subject)
        case "execution_result":
            return decide_result(state, facts, subject)
        case "rejected":
            return decide_rejected(facts, subject)
        case "order_status":
            return decide_status(facts, subject)
    raise FactsError(f"{facts.place}: no rule for kind {facts.kind!r}")


def _subject(state: BookState, facts: Facts) -> Subject | Decision:
    key = facts.word("order") or ""
    order = state.order(key) if key else None
    strategy, instrument = facts.word("strategy"), facts.word("instrument")
    if order is None:
        if strategy is None:
            return refused("unknown_order")
        order = new_order(key, strategy, instrument or "")
    elif strategy not in (None, order.strategy) or (
        instrument and order.instrument not in ("", instrument)
    ):
        return refused("order_mismatch")
    known = order.instrument or instrument or ""
    if known != order.instrument:
        order = order.of_instrument(known)
    return Subject(
        order, order.strategy, known, instrument_terms(state, facts, order.strategy, known)
    )
