"""What news of an order without an execution does: rejections and statuses."""

from pm.rules.decision import Decision
from pm.rules.executions import failed
from pm.rules.facts import Facts
from pm.rules.orders import add_fees, status_after_notice
from pm.rules.subject import Subject


def decide_rejected(facts: Facts, subject: Subject) -> Decision:
    """An order was rejected; what it had executed stays."""
    return _told(facts, subject, "rejected", "applied")


def decide_status(facts: Facts, subject: Subject) -> Decision:
    """A status was told of an order; merely noted when it changes no figure."""
    return _told(facts, subject, facts.need("status"), "noted")


def _told(facts: Facts, subject: Subject, status: str, result: str) -> Decision:
    order, fees = subject.order, facts.fees() or ()
    after = order._replace(status=status_after_notice(order.status, status))
    return failed(facts, subject, add_fees(after, fees), fees, result)
