"""Dividends: earned at ex-time by those who hold the instrument then, paid later.

Who is short pays. Between ex and payment the book has a receivable; what is paid beyond or below it
is shared like the dividend itself.
"""

from collections.abc import Mapping

from pm.decimals import ZERO, Amount
from pm.rules.decision import Decision, UnderWay, noted, refused
from pm.rules.draft import Draft
from pm.rules.facts import Facts, FactsError, Place
from pm.rules.funding import unattributed
from pm.rules.holders import holders, largest, total
from pm.rules.legs import share
from pm.rules.movements import moves_of
from pm.rules.pending import RECEIVABLE, Dividend, dividend_id
from pm.rules.state import BookState

STEPS = frozenset({"ex", "paid", "whole"})


def decide_dividend(state: BookState, facts: Facts) -> Decision:
    """One step of a dividend, or all of it at once."""
    step = facts.need("step")
    if step not in STEPS:
        raise FactsError(f"{facts.place}: dividend step {step!r} is not one of {sorted(STEPS)}")
    if facts.need("token") != facts.need_terms().settlement:
        return refused("token_mismatch")
    if step == "ex":
        return _ex(state, facts)
    return _paid(state, facts) if step == "paid" else _whole(state, facts)


def _ex(state: BookState, facts: Facts) -> Decision:
    pending_id = dividend_id(facts.need("dividend"))
    if state.pending(pending_id) is not None:
        return refused("dividend_exists")
    shares = _shares(state, facts)
    if not shares:
        return noted("no_position")
    dividend = Dividend(
        pending_id=pending_id,
        status=RECEIVABLE,
        instrument=facts.need("instrument"),
        token=facts.need("token"),
        amount=total(list(shares.values())),
        shares=shares,
        sent_at=facts.need("executed_at"),
        ended_at="",
    )
    decision = _carried(state, facts, dividend.instrument, shares)
    return decision._replace(pending=dividend, under_way=_under_way(dividend, dividend.amount))


def _paid(state: BookState, facts: Facts) -> Decision:
    pending = state.pending(dividend_id(facts.need("dividend")))
    if not isinstance(pending, Dividend):
        return refused("unknown_dividend")
    if not pending.is_open:
        return refused("dividend_ended")
    if pending.instrument != facts.need("instrument"):
        return refused("dividend_mismatch")
    cash = facts.amount("amount")
    if cash is None:
        cash = pending.amount
    parts = _difference_parts(pending.shares, pending.amount, cash)
    decision = _carried(state, facts, pending.instrument, parts)
    place = Place(facts.location(), facts.chain_id())
    ended = pending._replace(status="paid", ended_at=facts.need("executed_at"))
    return decision._replace(
        movements=moves_of(place, [(pending.token, cash)]),
        pending=ended,
        under_way=_under_way(pending, -pending.amount),
    )


def _whole(state: BookState, facts: Facts) -> Decision:
    if state.pending(dividend_id(facts.need("dividend"))) is not None:
        return refused("dividend_exists")
    place = Place(facts.location(), facts.chain_id())
    token, cash = facts.need("token"), facts.amount("amount")
    shares = _shares(state, facts)
    if not shares:
        return unattributed(place, token, cash)
    amount = total(list(shares.values()))
    if cash is None:
        cash = amount
    parts = _difference_parts(shares, amount, cash)
    carried = {strategy: own + parts[strategy] for strategy, own in shares.items()}
    decision = _carried(state, facts, facts.need("instrument"), carried)
    return decision._replace(movements=moves_of(place, [(token, cash)]))


def _shares(state: BookState, facts: Facts) -> dict[str, Amount]:
    """What each holder is due, below zero for who is short."""
    rate = facts.need_amount("rate")
    return {
        holder.strategy: holder.quantity * holder.terms.multiplier * rate
        for holder in holders(state, facts)
    }


def _difference_parts(
    shares: Mapping[str, Amount], amount: Amount, cash: Amount
) -> dict[str, Amount]:
    """Every strategy's part of what was paid beyond `amount`."""
    strategies = sorted(shares)
    owns = [shares[strategy] for strategy in strategies]
    difference = cash - amount
    parts = [share(difference, own, amount) if amount else ZERO for own in owns]
    parts[largest(owns)] += difference - total(parts)
    return dict(zip(strategies, parts, strict=True))


def _carried(
    state: BookState, facts: Facts, instrument: str, parts: Mapping[str, Amount]
) -> Decision:
    draft, terms = Draft(state, facts), facts.need_terms()
    for strategy in sorted(parts):
        draft.carry(strategy, instrument, terms, parts[strategy])
    return Decision("applied", updates=draft.updates, contributions=draft.contributions())


def _under_way(dividend: Dividend, amount: Amount) -> UnderWay | None:
    return UnderWay(RECEIVABLE, dividend.token, amount) if amount else None
