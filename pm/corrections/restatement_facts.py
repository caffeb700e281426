"""The facts of what becomes of a correction; nobody else makes events of these kinds."""

from __future__ import annotations

from pm.corrections.derive import Restatement
from pm.corrections.terms import version_text
from pm.events.facts_text import Direct, head, plain_text
from pm.rules.facts import Terms
from pm.rules.position import Figures
from pm.rules.token_amounts import amounts_json

MAX_DETAIL_LENGTH = 200


def restatement_facts(made: Restatement, now_ns: int) -> str:
    """The facts of a restatement, which is booked now."""
    request, trade = made.request, made.trade
    order = trade.facts.get("order")
    named = "" if order is None else f',"order":"{order}"'
    moves = ",".join(
        f'["{place.location}","{place.chain_id}","{token}","{amount}"]'
        for place, token, amount in made.moves
    )
    trips = ",".join(f'"{name}":"{number}"' for name, number in made.trips.items())
    versions = ",".join(
        f'["{seq}",{version_text(version)}]' for seq, version in sorted(made.versions.items())
    )
    volume = f',"volume":"{made.volume}"' if made.volume else ""
    return (
        f"{head('restatement', Direct(now_ns), now_ns)}"
        f',"id":"correction/{request.correction}/restated","strategy":"{trade.strategy}"'
        f',"venue":"{trade.facts["venue"]}"{_terms_text(trade.instrument, made.terms)}{named}'
        f',"correction":"{request.correction}","action":"{request.action}"'
        f',"execution":"{request.execution}","trade_seq":"{trade.seq}"'
        f',"traded_at":"{trade.facts["executed_at"]}","trade":{made.trade_terms.text()}'
        f',"versions":[{versions}]'
        f',"position_seq":"{made.position_seq}","position":{_figures_text(made.new.figures)}'
        f',"moves":[{moves}],"order_moves":{{"quantity":"{made.order.quantity}"'
        f',"notional":"{made.order.notional}","fees":{amounts_json(made.order.fees)}}}'
        f',"trips":{{{trips}}}{volume},"fees_unvalued":{amounts_json(made.fees_unvalued)}'
        f',"by":"{plain_text(request.by)}","why":"{plain_text(request.why)}"}}'
    )


def failure_facts(correction: str, reason: str, detail: str, now_ns: int) -> str:
    """The facts of a correction that cannot be made."""
    return (
        f"{head('correction_failed', Direct(now_ns), now_ns)}"
        f',"id":"correction/{correction}/failed","correction":"{correction}"'
        f',"reason":"{reason}","detail":"{plain_text(detail)[:MAX_DETAIL_LENGTH]}"}}'
    )


def _terms_text(instrument: str, terms: Terms) -> str:
    parts = [
        f',"instrument":"{instrument}","instrument_kind":"{terms.kind}","base":"{terms.base}"',
        f',"quote":"{terms.quote}","settlement":"{terms.settlement}"',
    ]
    if str(terms.multiplier) != "1":
        parts.append(f',"multiplier":"{terms.multiplier}"')
    if terms.inverse:
        parts.append(',"inverse":"1"')
    if terms.dust:
        parts.append(f',"dust":"{terms.dust}"')
    return "".join(parts)


def _figures_text(figures: Figures) -> str:
    """All figures as the position's hash names them, but the average and the time of the change."""
    held, fees, trip = figures.held, figures.fees, figures.trip
    return (
        f'{{"quantity":"{held.quantity}","cost":"{held.cost}"'
        f',"realized_pnl":"{held.realized_pnl}","fees_paid":{amounts_json(fees.paid)}'
        f',"fee_value":"{fees.value}","fees_unvalued":{amounts_json(fees.unvalued)}'
        f',"carry":"{figures.carry}","transfer_cost":"{figures.transfer_cost}"'
        f',"total_trades":"{figures.total_trades}"'
        f',"first_trade_time":"{figures.first_trade_time}"'
        f',"trip_realized_pnl":"{trip.realized_pnl}","trip_fee_value":"{trip.fee_value}"'
        f',"trip_carry":"{trip.carry}"}}'
    )
