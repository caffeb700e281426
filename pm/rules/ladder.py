"""Which rule meets an event: the ladder of decisions, first match wins.

Refusals and repeats come before any arithmetic: what could not be decoded, what has been seen, what
is too old to tell, what contradicts the order it names. Only then does the kind decide. The order
of the rungs is the precedence of the reasons.
"""

from collections.abc import Callable, Mapping

from pm.rules.capital import decide_allocation, decide_deposit, decide_withdrawal
from pm.rules.corrections import decide_correction, decide_failure
from pm.rules.decision import Decision, noted, refused
from pm.rules.dividends import decide_dividend
from pm.rules.endings import decide_expiry, decide_settlement
from pm.rules.executions import decide_fill, decide_result
from pm.rules.exercise import decide_exercise
from pm.rules.facts import Facts, FactsError
from pm.rules.fee_values import decide_fee_value
from pm.rules.funding import decide_funding
from pm.rules.notices import decide_rejected, decide_status
from pm.rules.reserving import decide_release, decide_reserve, freed_by_news
from pm.rules.restatements import decide_restatement
from pm.rules.splits import decide_split
from pm.rules.state import BookState
from pm.rules.subject import Subject, subject_of
from pm.rules.trace_endings import decide_archived, decide_expired
from pm.rules.transfers import decide_transfer

BOOK_KINDS = frozenset({"opened", "reference"})
ORDER_KINDS = frozenset({"fill", "execution_result", "rejected", "order_status"})
_RULES: Mapping[str, Callable[[BookState, Facts], Decision]] = {
    "deposit": decide_deposit,
    "opening": decide_deposit,
    "adjustment": decide_deposit,
    "withdrawal": decide_withdrawal,
    "allocation": decide_allocation,
    "reserve": decide_reserve,
    "release": decide_release,
    "transfer": decide_transfer,
    "funding": decide_funding,
    "dividend": decide_dividend,
    "split": decide_split,
    "expiry": decide_expiry,
    "exercise": decide_exercise,
    "settlement": decide_settlement,
    "fee_value": decide_fee_value,
    "trace_expired": decide_expired,
    "trace_archived": decide_archived,
    "bust": decide_correction,
    "correct": decide_correction,
    "correction_failed": decide_failure,
    "restatement": decide_restatement,
}


def decide(state: BookState, facts: Facts) -> Decision:
    """What the event does to the book; FactsError when its kind is unknown or it lacks a key."""
    kind = facts.kind
    if kind == "quarantined":
        return refused(facts.need("reason"))
    if kind == "nothing":
        return noted("nothing")
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
    if kind in ORDER_KINDS:
        return _decide_of_order(state, facts)
    rule = _RULES.get(kind)
    if rule is None:
        raise FactsError(f"{facts.place}: no rule for kind {kind!r}")
    return rule(state, facts)


def _decide_of_book(facts: Facts) -> Decision:
    if facts.kind == "opened":
        facts.need("schema")
        facts.need("name")
        facts.whole("generation_size")
    else:
        facts.need("version")
    return Decision("applied")


def _decide_of_order(state: BookState, facts: Facts) -> Decision:
    subject = subject_of(state, facts)
    if isinstance(subject, Decision):
        return subject
    return freed_by_news(_decide_with_order(state, facts, subject), subject.order)


def _decide_with_order(state: BookState, facts: Facts, subject: Subject) -> Decision:
    match facts.kind:
        case "fill":
            return decide_fill(state, facts, subject)
        case "execution_result":
            return decide_result(state, facts, subject)
        case "rejected":
            return decide_rejected(facts, subject)
        case _:
            return decide_status(facts, subject)
