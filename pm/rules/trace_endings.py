"""Ends of traces told from outside: one that stayed open too long, one that is put away."""

from pm.rules.decision import Decision, TraceUpdate, noted
from pm.rules.facts import Facts, FactsError
from pm.rules.state import BookState
from pm.rules.traces import OPEN, Trace

VERDICTS = frozenset({"expired", "stranded", "completed"})


def decide_expired(state: BookState, facts: Facts) -> Decision:
    """An open trace ends with a verdict, unless it has moved since that was found."""
    verdict = facts.need("verdict")
    if verdict not in VERDICTS:
        raise FactsError(f"{facts.place}: verdict {verdict!r} is not one of {sorted(VERDICTS)}")
    trace = _unmoved(state, facts)
    if trace is None or trace.status != OPEN:
        return noted("trace_moved")
    return Decision("applied", trace=TraceUpdate(trace._replace(status=verdict), is_step=False))


def decide_archived(state: BookState, facts: Facts) -> Decision:
    """An ended trace is put away; a later step of the same id begins another one."""
    trace = _unmoved(state, facts)
    if trace is None or trace.status == OPEN:
        return noted("trace_moved")
    archived = trace._replace(status="archived")
    return Decision("applied", trace=TraceUpdate(archived, is_step=False))


def _unmoved(state: BookState, facts: Facts) -> Trace | None:
    """The event's trace if it has as many steps as the event says."""
    given, steps = facts.trace(), facts.whole("steps")
    if given is None:
        raise FactsError(f"{facts.place}: a {facts.kind} without a trace")
    trace = state.trace(given["id"])
    return trace if trace is not None and len(trace.steps) == steps else None
