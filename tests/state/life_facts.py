"""Hand-made facts of what instruments do, and of what the books' own processes find out."""

from __future__ import annotations

from tests.state.facts import START, Facts


def held(instrument: Facts, **more: object) -> Facts:
    """An instrument with its venue and where its balances lie."""
    venue = instrument["instrument"].partition(".")[0]
    return {"venue": venue, "location": venue, **instrument, **more}


def opening(instrument: Facts, strategy: str, quantity: str, cost: str, **more: str) -> Facts:
    """A position with its cost."""
    identity = {"id": f"event/P{strategy}-{instrument['base']}-{quantity}-{cost}"}
    told = {"strategy": strategy, "quantity": quantity, "cost": cost}
    return {"kind": "opening", **identity, **held(instrument), **told, **more}


def funding(instrument: Facts, name: str, **more: str) -> Facts:
    """A funding payment."""
    facts = {"kind": "funding", "id": f"event/G{name}", **held(instrument)}
    return {**facts, "token": instrument["settlement"], **more}


def dividend(instrument: Facts, name: str, step: str, rate: str, **more: str) -> Facts:
    """A step of a dividend: ex, paid or whole."""
    facts = {"kind": "dividend", "id": f"dividend/{name}/{step}", **held(instrument)}
    about = {"dividend": name, "step": step, "rate": rate, "token": instrument["settlement"]}
    return {**facts, **about, **more}


def split(instrument: Facts, numerator: str, denominator: str, decimals: str, **more: str) -> Facts:
    """A split of a:b, its quantities cut at so many decimals."""
    facts = {"kind": "split", "id": f"event/K{instrument['base']}{numerator}", **held(instrument)}
    ratio = {"numerator": numerator, "denominator": denominator, "decimals": decimals}
    return {**facts, **ratio, **more}


def expiry(instrument: Facts, **more: str) -> Facts:
    """An expiry without worth."""
    return {"kind": "expiry", "id": f"event/X{instrument['base']}", **held(instrument), **more}


def for_cash(option: Facts, intrinsic: str, **more: str) -> Facts:
    """An exercise for cash."""
    facts = {"kind": "exercise", "id": f"event/Y{intrinsic}", **held(option)}
    return {**facts, "intrinsic": intrinsic, **more}


def for_delivery(
    option: Facts, option_type: str, strike: str, underlying: Facts, **more: str
) -> Facts:
    """An exercise, or an assignment, for the underlying, which then lies where the option does."""
    facts = {"kind": "exercise", "id": f"event/Y{option_type}{strike}", **held(option)}
    place = {"chain_id": "0", "location": held(option)["location"]}
    delivered = {"underlying": {**underlying, **place}, "strike": strike}
    return {**facts, **delivered, "option_type": option_type, **more}


def settlement(future: Facts, price: str, **more: str) -> Facts:
    """A daily settlement, or with final "1" the last one."""
    facts = {"kind": "settlement", "id": f"event/M{future['base']}{price}", **held(future)}
    return {**facts, "price": price, **more}


def fee_value(instrument: Facts, token: str, amount: str, value: str, **more: str) -> Facts:
    """The value of a fee strategy 7 had paid at the start, told now."""
    facts = {"kind": "fee_value", "id": f"fee/25/{token}", **held(instrument)}
    told = {"token": token, "amount": amount, "value": value, "fee_executed_at": str(START)}
    return {**facts, "strategy": "7", **told, **more}


def trace_expired(trace: str, steps: int, verdict: str) -> Facts:
    """A trace that stayed open too long."""
    return {**_of_trace("expired", trace, steps), "verdict": verdict}


def trace_archived(trace: str, steps: int) -> Facts:
    """A trace that is put away."""
    return _of_trace("archived", trace, steps)


def _of_trace(end: str, trace: str, steps: int) -> Facts:
    identity = {"id": f"trace/{trace}/{steps}/{end}"}
    return {"kind": f"trace_{end}", **identity, "trace": {"id": trace}, "steps": str(steps)}
