"""Traces: the steps of one multi-step trade, and what it leaves per asset.

A trace nets every asset its steps moved, over all locations and per location, with fees and with
derivatives as if they were exchanged. Its numeraire is the first asset given; it is complete when
everything else it traded is flat again. One that stays open too long is ended from outside; a late
step reopens it. Nothing here touches positions or balances.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from pm.decimals import ZERO, Amount
from pm.rules.token_amounts import NO_AMOUNTS, TokenAmounts, amounts_json

OPEN = "open"
COMPLETED = "completed"


class Trace(NamedTuple):
    """The state of a trace; `steps` are the JSON texts of its steps in order of arrival."""

    trace_id: str
    arbitrage: bool
    status: str
    numeraire: str
    net: TokenAmounts
    locations: TokenAmounts
    traded: tuple[str, ...]
    dust: TokenAmounts
    first_time: str
    last_time: str
    steps: tuple[str, ...]

    @property
    def completed(self) -> bool:
        """Whether all it traded is flat again."""
        return self.status == COMPLETED


class AssetMove(NamedTuple):
    """An amount of an asset that came to a location, or left it below zero."""

    location: str
    asset: str
    amount: Amount


class Step(NamedTuple):
    """One step as an event makes it; `given` is what the event says of its trace.

    `type` is "" where the event or its place in the trace decides.
    """

    given: Mapping[str, str]
    type: str
    strategy: str
    instrument: str
    venue: str
    location: str
    chain_id: str
    quantity: Amount
    price: str
    executed_at: str
    moves: Sequence[AssetMove]
    traded: frozenset[str]
    numeraire: str
    dust: TokenAmounts = NO_AMOUNTS


def _step_json(step: Step, number: int, step_type: str) -> str:
    return (
        f'{{"step_number":"{number}","step_type":"{step_type}",'
        f'"strategy_id":"{step.strategy}","instrument_id":"{step.instrument}",'
        f'"venue":"{step.venue}","location":"{step.location}",'
        f'"chain_id":"{step.chain_id}","quantity_delta":"{step.quantity}",'
        f'"price":"{step.price}","timestamp":"{step.executed_at}"}}'
    )


def _summed(old: TokenAmounts, moves: Sequence[tuple[str, Amount]]) -> dict[str, Amount]:
    sums = dict(old)
    for name, amount in moves:
        sums[name] = sums.get(name, ZERO) + amount
    return sums


def add_step(old: Trace | None, step: Step) -> Trace:
    """The trace with one more step; `old` is None for its first."""
    given = step.given
    before = old or _begun(step)
    net = _summed(before.net, [(move.asset, move.amount) for move in step.moves])
    here = [(f"{move.location}:{move.asset}", move.amount) for move in step.moves]
    traded = tuple(sorted(step.traded.union(before.traded)))
    dust = before.dust
    for asset, amount in step.dust.items():
        if amount > dust.get(asset, ZERO):
            dust = {**dust, asset: amount}
    number = len(before.steps)
    is_flat = number > 0 and all(
        abs(net[asset]) <= dust.get(asset, ZERO) for asset in traded if asset != before.numeraire
    )
    natural = "entry" if number == 0 else "exit" if is_flat else "intermediate"
    shown = _step_json(step, number, step.type or given.get("step") or natural)
    return before._replace(
        arbitrage=given.get("arbitrage") == "1" or before.arbitrage,
        status=COMPLETED if is_flat else OPEN,
        net=net,
        locations=_summed(before.locations, here),
        traded=traded,
        dust=dust,
        last_time=step.executed_at,
        steps=(*before.steps, shown),
    )


def _begun(step: Step) -> Trace:
    return Trace(
        trace_id=step.given["id"],
        arbitrage=False,
        status=OPEN,
        numeraire=step.numeraire,
        net=NO_AMOUNTS,
        locations=NO_AMOUNTS,
        traded=(),
        dust=NO_AMOUNTS,
        first_time=step.executed_at,
        last_time=step.executed_at,
        steps=(),
    )


def list_json(words: Sequence[str]) -> str:
    """The JSON list of plain words."""
    return "[" + ",".join([f'"{word}"' for word in words]) + "]"


def trace_json(trace: Trace, *, with_step: bool) -> str:
    """The JSON of a trace, with its newest step where an event has added it."""
    step = f',"step":{trace.steps[-1]}' if with_step else ""
    return (
        f'{{"id":"{trace.trace_id}","arbitrage":"{int(trace.arbitrage)}",'
        f'"status":"{trace.status}","numeraire":"{trace.numeraire}",'
        f'"net":{amounts_json(trace.net)},"locations":{amounts_json(trace.locations)},'
        f'"traded":{list_json(trace.traded)},"dust":{amounts_json(trace.dust)},'
        f'"first_time":"{trace.first_time}","last_time":"{trace.last_time}",'
        f'"steps":"{len(trace.steps)}"{step}}}'
    )


def stranded_json(trace: Trace) -> str:
    """The change by which the feed tells what a trace left behind, and where."""
    left = {
        asset: trace.net[asset]
        for asset in trace.traded
        if abs(trace.net[asset]) > trace.dust.get(asset, ZERO)
    }
    places = {
        place: amount
        for place, amount in trace.locations.items()
        if amount and place.partition(":")[2] in left
    }
    return (
        f'{{"type":"trace_stranded","trace_id":"{trace.trace_id}",'
        f'"stranded":{amounts_json(left)},"locations":{amounts_json(places)}}}'
    )
