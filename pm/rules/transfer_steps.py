"""Transfers as steps of a trace: an asset leaves one location and comes to another, a bridge.

What is lost on the way is lost to the trace. Nothing is exchanged, so a step has no price. There is
no step where the event is none of a trace.
"""

from collections.abc import Sequence

from pm.decimals import Amount
from pm.rules.facts import Facts, Place
from pm.rules.pending import Transfer
from pm.rules.traces import AssetMove, Step


def sent_step(facts: Facts, transfer: Transfer) -> Step | None:
    """What left."""
    place = Place(transfer.from_location, transfer.from_chain_id)
    return _own_step(facts, transfer, place, -transfer.amount)


def returned_step(facts: Facts, transfer: Transfer) -> Step | None:
    """What came back."""
    place = Place(transfer.from_location, transfer.from_chain_id)
    return _own_step(facts, transfer, place, transfer.amount)


def arrived_step(facts: Facts, place: Place, token: str, arrived: Amount) -> Step | None:
    """What came."""
    asset = facts.asset(token)
    moves = [AssetMove(place.location, asset, arrived)]
    return _bridge(facts, _to_instrument(facts, token), place, arrived, moves)


def whole_step(
    facts: Facts, transfer: Transfer, place: Place, token: str, arrived: Amount
) -> Step | None:
    """What left and came at once: one step, where it came."""
    moves = [
        AssetMove(transfer.from_location, facts.asset(transfer.token), -transfer.amount),
        AssetMove(place.location, facts.asset(token), arrived),
    ]
    return _bridge(facts, _to_instrument(facts, token), place, arrived, moves)


def _own_step(facts: Facts, transfer: Transfer, place: Place, quantity: Amount) -> Step | None:
    moves = [AssetMove(place.location, facts.asset(transfer.token), quantity)]
    return _bridge(facts, transfer.instrument or transfer.token, place, quantity, moves)


def _to_instrument(facts: Facts, token: str) -> str:
    to = facts.within("to")
    return token if to is None else to.need("instrument")


def _bridge(
    facts: Facts, instrument: str, place: Place, quantity: Amount, moves: Sequence[AssetMove]
) -> Step | None:
    given = facts.trace()
    if given is None:
        return None
    return Step(
        given=given,
        type="bridge",
        strategy=facts.word("strategy") or "",
        instrument=instrument,
        venue="",
        location=place.location,
        chain_id=place.chain_id,
        quantity=quantity,
        price="",
        executed_at=facts.need("executed_at"),
        moves=moves,
        traded=frozenset(move.asset for move in moves),
        numeraire=facts.asset(facts.need("token")),
    )
