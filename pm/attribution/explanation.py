"""Where a day's P&L came from, split so that the lines add up.

Per settlement token: what price moves did to positions carried into the day, what trades of the day
made, fees, carry, transfer cost, corrections. In the reporting currency each of these is taken at
the end's rates, and `currency` is what the change of rates did to the net P&L there was before; the
whole is the change of cumulative net P&L. Lines are rounded one by one; `rounding` holds what that
takes or gives, so that lines and whole agree to the last digit.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from pm.attribution.holdings import Chapter, Life, Stretch, fees_outstanding, stretches
from pm.attribution.money import Exchange, Known, Money, negated, stated, total
from pm.attribution.price_pnl import Edges, price_pnl
from pm.attribution.restated import beside_leg, beside_legs
from pm.attribution.restated import negated as negated_rows
from pm.attribution.rows import Row
from pm.attribution.sums import Outstanding, Sums
from pm.attribution.worth import worth
from pm.decimals import ZERO, Amount, multiply_divide

CARRIED_SCALE = 18
PRICE_LINES = ("carried_positions", "new_trades")
BOOKED_LINES = ("fees", "carry", "transfer_cost", "corrections")


@dataclass(frozen=True, slots=True, kw_only=True)
class InstrumentMove:
    """An instrument over the day, all asked strategies together; money in its settlement token."""

    instrument_id: str
    settlement: str
    start_quantity: Amount
    end_quantity: Amount
    start_price: Amount | None
    end_price: Amount | None
    carried_positions: Amount | None
    new_trades: Amount | None
    fees: Amount | None
    carry: Amount
    transfer_cost: Amount
    corrections: Amount | None
    total: Amount | None
    total_reported: Amount | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """A day's P&L and its lines, which add up to `total` in every token and in all together.

    `currency` and `rounding` exist in the reporting currency only. `corrections` are what later
    changes of earlier days amount to. None is unknown, and `missing` says for want of what.
    """

    day: str
    strategies: tuple[str, ...]
    books: tuple[str, ...]
    seqs: Mapping[str, int]
    start_prices: str
    end_prices: str
    reporting_currency: str
    start_rates: Mapping[str, Amount]
    end_rates: Mapping[str, Amount]
    carried_positions: Money
    new_trades: Money
    fees: Money
    carry: Money
    transfer_cost: Money
    corrections: Money
    currency: Money
    rounding: Money
    total: Money
    instruments: tuple[InstrumentMove, ...]
    missing: tuple[str, ...]
    stale: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """What is asked: a day's chapters, prices and rates at its edges, splits in between.

    A split is a pair of new and old units, by instrument. `corrections` are the contributions of
    the day's restatements, which the chapters' rows contain.
    """

    day: str
    chapters: Sequence[Chapter]
    edges: Edges
    start_exchange: Exchange
    end_exchange: Exchange
    splits: Mapping[str, tuple[Amount, Amount]] = field(default_factory=dict)
    corrections: Sequence[Row] = ()

    def corrections_of(self, stretch: Stretch) -> list[Row]:
        """The corrections of one position."""
        place = (stretch.book, stretch.strategy, stretch.terms.instrument)
        return [
            row for row in self.corrections if (row.book, row.strategy, row.instrument) == place
        ]


@dataclass(frozen=True, slots=True)
class _Move:
    """One position's day in its settlement token.

    `corrected` is what corrected legs are worth more than they cost, `restated` is that with the
    fees, carry and transfer cost that were corrected; `price_pnl` contains the former.
    """

    stretch: Stretch
    carried: Amount | None
    traded: Amount | None
    corrected: Amount | None
    restated: Amount | None
    price_pnl: Amount | None


def explain(asked: Day) -> Explanation:
    """The day's P&L by cause."""
    moves = [_move(stretch, asked) for chapter in asked.chapters for stretch in stretches(chapter)]
    outstanding = fees_outstanding(asked.chapters)
    rows = [row for chapter in asked.chapters for row in chapter.rows]
    tokens = _lines(moves, Sums([*rows, *negated_rows(asked.corrections)], outstanding), asked)
    whole = total(
        (
            _by_token(moves, "price_pnl"),
            *(tokens[name] for name in BOOKED_LINES if name != "corrections"),
            beside_legs(asked.corrections),
        )
    )
    exact = {name: asked.end_exchange.worth(amounts) for name, amounts in tokens.items()}
    currency = _currency(asked)
    pnl = asked.end_exchange.worth(whole)
    reported = stated(None if pnl is None or currency is None else pnl + currency)
    lines = {name: Money(amounts, stated(exact[name])) for name, amounts in tokens.items()}
    lines["currency"] = Money({}, stated(currency))
    return Explanation(
        day=asked.day,
        strategies=tuple(sorted({chapter.end.strategy for chapter in asked.chapters})),
        books=tuple(sorted({chapter.end.book for chapter in asked.chapters})),
        seqs={chapter.end.book: chapter.end.seq for chapter in asked.chapters},
        start_prices=asked.edges.start.when,
        end_prices=asked.edges.end.when,
        reporting_currency=asked.end_exchange.currency,
        start_rates=dict(sorted(asked.start_exchange.rates.items())),
        end_rates=dict(sorted(asked.end_exchange.rates.items())),
        **lines,
        rounding=Money({}, _rest(reported, lines.values())),
        total=Money(dict(sorted(whole.items())), reported),
        instruments=_instruments(moves, outstanding, asked),
        missing=tuple(asked.edges.gaps.missing),
        stale=tuple(asked.edges.gaps.stale),
    )


def _move(stretch: Stretch, asked: Day) -> _Move:
    edges = asked.edges
    start, end = edges.start_worth(stretch), edges.end_worth(stretch)
    quantity = stretch.start_quantity
    if quantity and stretch.terms.instrument in asked.splits:
        numerator, denominator = asked.splits[stretch.terms.instrument]
        scale = max(CARRIED_SCALE, quantity.scale)
        quantity = multiply_divide(quantity, numerator, denominator, scale)
    carried = edges.worth(stretch, quantity, edges.end)
    corrected, restated = _corrected(stretch, asked)
    traded = None
    if end is not None and carried is not None and corrected is not None:
        traded = end - carried - stretch.notional - corrected
    return _Move(
        stretch=stretch,
        carried=None if start is None or carried is None else carried - start,
        traded=traded,
        corrected=corrected,
        restated=restated,
        price_pnl=price_pnl(stretch, edges),
    )


def _corrected(stretch: Stretch, asked: Day) -> tuple[Amount | None, Amount | None]:
    """What corrections of a position made by price, and in all."""
    rows = asked.corrections_of(stretch)
    quantity = sum((row.quantity for row in rows), ZERO)
    value = asked.edges.worth(stretch, quantity, asked.edges.end)
    if value is None:
        return None, None
    corrected = value - sum((row.notional for row in rows), ZERO)
    return corrected, sum((beside_leg(row) for row in rows), corrected)


def _lines(moves: Iterable[_Move], sums: Sums, asked: Day) -> dict[str, Known]:
    held = list(moves)
    return {
        "carried_positions": _by_token(held, "carried"),
        "new_trades": _by_token(held, "traded"),
        "fees": _fees(sums, asked),
        "carry": sums.money_of("carry"),
        "transfer_cost": negated(sums.money_of("transfer_cost")),
        "corrections": dict.fromkeys(sorted(sums.settlements), ZERO) | _by_token(held, "restated"),
    }


def _by_token(moves: Iterable[_Move], name: str) -> dict[str, Amount | None]:
    parts = ({move.stretch.terms.settlement: getattr(move, name)} for move in moves)
    return dict(sorted(total(parts).items()))


def _fees(sums: Sums, asked: Day) -> dict[str, Amount | None]:
    fees = negated(sums.money_of("fee_value"))
    for x in fees:
        for token in sums.lacks_value(x):
            asked.edges.gaps.lacks(f"no value in {x} of fees paid in {token}")
            fees[x] = None
    return fees


def _currency(asked: Day) -> Amount | None:
    """What the day's change of rates did to the net P&L there was when it began, exact."""
    net = total(_net(chapter.start, asked) for chapter in asked.chapters)
    before, after = asked.start_exchange.worth(net), asked.end_exchange.worth(net)
    return None if before is None or after is None else after - before


def _net(life: Life, asked: Day) -> Known:
    """Cumulative net P&L at the start's prices, per settlement token with a rate that may change.

    With a fee that had no value yet all of it is unknown: which trades paid it is not kept.
    """
    values = {
        name: worth(held.quantity, asked.edges.start.price(name), held.terms)
        for name, held in life.positions.items()
    }
    held_worth = total({life.positions[name].terms.settlement: values[name]} for name in values)
    net = total((held_worth, negated(life.legs), life.booked))
    net.pop(asked.end_exchange.currency, None)
    unvalued = sorted(token for token, amount in life.unvalued.items() if amount and net)
    for token in unvalued:
        asked.edges.gaps.lacks(f"no value, when {asked.day} began, of fees paid in {token}")
    return dict.fromkeys(net) if unvalued else net


def _rest(whole: Amount | None, lines: Iterable[Money]) -> Amount | None:
    """What the stated lines miss of the stated whole."""
    if whole is None:
        return None
    rest = whole
    for line in lines:
        if line.reported is None:
            return None
        rest -= line.reported
    return rest


def _instruments(
    moves: Iterable[_Move], outstanding: Outstanding, asked: Day
) -> tuple[InstrumentMove, ...]:
    """The instruments by the size of their P&L, the unknown ones last."""
    parts: dict[str, list[_Move]] = {}
    for move in moves:
        parts.setdefault(move.stretch.terms.instrument, []).append(move)
    found = [_instrument(part, outstanding, asked) for part in parts.values()]

    def order(move: InstrumentMove) -> tuple[bool, Amount, bool, Amount, str]:
        reported, own = move.total_reported, move.total
        size = -abs(reported) if reported is not None else ZERO
        own_size = -abs(own) if own is not None else ZERO
        return reported is None, size, own is None, own_size, move.instrument_id

    return tuple(sorted(found, key=order))


def _instrument(moves: Sequence[_Move], outstanding: Outstanding, asked: Day) -> InstrumentMove:
    terms, edges = moves[0].stretch.terms, asked.edges
    x = terms.settlement
    rows = [row for move in moves for row in move.stretch.rows]
    restated = [row for move in moves for row in asked.corrections_of(move.stretch)]
    sums = Sums([*rows, *negated_rows(restated)], outstanding)
    fees = _fees(sums, asked).get(x, ZERO)
    carry, cost = (sums.money_of(name).get(x, ZERO) for name in ("carry", "transfer_cost"))
    beside = sum((beside_leg(row) for row in restated), ZERO)
    whole = total((_by_token(moves, "price_pnl"), {x: fees}, {x: carry - cost + beside}))[x]
    return InstrumentMove(
        instrument_id=terms.instrument,
        settlement=x,
        start_quantity=sum((move.stretch.start_quantity for move in moves), ZERO),
        end_quantity=sum((move.stretch.end_quantity for move in moves), ZERO),
        start_price=edges.start.price(terms.instrument),
        end_price=edges.end.price(terms.instrument),
        carried_positions=_by_token(moves, "carried")[x],
        new_trades=_by_token(moves, "traded")[x],
        fees=fees,
        carry=carry,
        transfer_cost=-cost,
        corrections=_by_token(moves, "restated")[x],
        total=whole,
        total_reported=stated(asked.end_exchange.worth({x: whole})),
    )
