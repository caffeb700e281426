"""Traces: the steps of one multi-step trade, and what it leaves per asset.

A trace nets every asset its executions moved, over all locations and with fees, derivatives as if
they were exchanged. Its numeraire is the first asset given; it is complete when everything else it
traded is flat again, and a late step may reopen it. Nothing here touches positions or balances.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from pm.decimals import ZERO, Amount
from pm.rules.facts import Facts, Fee, Terms
from pm.rules.token_amounts import NO_AMOUNTS, TokenAmounts, amounts_json


@dataclass(frozen=True, slots=True)
class Trace:
    """The state of a trace; `steps` are the JSON texts of its steps in order of arrival."""

    trace_id: str
    arbitrage: bool
    completed: bool
    numeraire: str
    net: TokenAmounts
    traded: tuple[str, ...]
    dust: TokenAmounts
    first_time: str
    last_time: str
    steps: tuple[str, ...]

    @property
    def status(self) -> str:
        """Open or completed."""
        return "completed" if self.completed else "open"


class TraceExecution(NamedTuple):
    """The execution a step is made of, with the part of it that moved the books."""

    facts: Facts
    terms: Terms
    strategy: str
    instrument: str
    quantity: Amount
    notional: Amount
    fees: Sequence[Fee]


def _moved(execution: TraceExecution, base: str, quote: str) -> dict[str, Amount]:
    terms = execution.terms
    asset_quantity = execution.quantity * terms.multiplier
    if terms.inverse:
        moves = [(base, -execution.notional), (quote, -asset_quantity)]
    else:
        moves = [(base, asset_quantity), (quote, -execution.notional)]
    moves += [(execution.facts.asset(fee.token), -fee.amount) for fee in execution.fees]
    moved: dict[str, Amount] = {}
    for asset, amount in moves:
        moved[asset] = moved.get(asset, ZERO) + amount
    return moved


def _step_json(execution: TraceExecution, number: int, step_type: str) -> str:
    facts = execution.facts
    return (
        f'{{"step_number":"{number}","step_type":"{step_type}",'
        f'"strategy_id":"{execution.strategy}","instrument_id":"{execution.instrument}",'
        f'"venue":"{facts.word("venue") or ""}","location":"{facts.location()}",'
        f'"chain_id":"{facts.chain_id()}","quantity_delta":"{execution.quantity}",'
        f'"price":"{facts.word("price") or ""}","timestamp":"{facts.need("executed_at")}"}}'
    )


def add_step(old: Trace | None, execution: TraceExecution) -> Trace:
    """The trace with one more step; `old` is None for its first."""
    facts, terms = execution.facts, execution.terms
    given = facts.trace() or {}
    base, quote = facts.asset(terms.base), facts.asset(terms.quote)
    net = {} if old is None else dict(old.net)
    for asset, amount in _moved(execution, base, quote).items():
        net[asset] = net.get(asset, ZERO) + amount
    traded = tuple(sorted({base, quote}.union(() if old is None else old.traded)))
    dust = NO_AMOUNTS if old is None else old.dust
    if terms.dust > dust.get(base, ZERO):
        dust = {**dust, base: terms.dust}
    first_given = quote if execution.quantity.sign > 0 else base
    numeraire = first_given if old is None else old.numeraire
    number = 0 if old is None else len(old.steps)
    completed = number > 0 and all(
        abs(net[asset]) <= dust.get(asset, ZERO) for asset in traded if asset != numeraire
    )
    natural = "entry" if number == 0 else "exit" if completed else "intermediate"
    step = _step_json(execution, number, given.get("step") or natural)
    executed_at = facts.need("executed_at")
    return Trace(
        trace_id=given["id"],
        arbitrage=given.get("arbitrage") == "1" or (old is not None and old.arbitrage),
        completed=completed,
        numeraire=numeraire,
        net=net,
        traded=traded,
        dust=dust,
        first_time=executed_at if old is None else old.first_time,
        last_time=executed_at,
        steps=(step,) if old is None else (*old.steps, step),
    )


def list_json(words: Sequence[str]) -> str:
    """The JSON list of plain words."""
    return "[" + ",".join([f'"{word}"' for word in words]) + "]"


def trace_json(trace: Trace) -> str:
    """The JSON of a trace after its newest step, and that step."""
    return (
        f'{{"id":"{trace.trace_id}","arbitrage":"{int(trace.arbitrage)}",'
        f'"status":"{trace.status}","numeraire":"{trace.numeraire}",'
        f'"net":{amounts_json(trace.net)},"traded":{list_json(trace.traded)},'
        f'"dust":{amounts_json(trace.dust)},"first_time":"{trace.first_time}",'
        f'"last_time":"{trace.last_time}","steps":"{len(trace.steps)}","step":{trace.steps[-1]}}}'
    )
