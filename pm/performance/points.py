"""The growth of a strategy, a book or the firm, folded from one equity point after another.

Each interval between two points is linked by the modified Dietz return, which weights money that
came or went by the fraction of the interval it was there. The product of the links is the
time-weighted return [GIPS], exact when there is a point at each flow. The index is rounded once a
link, half-even at 18 decimals: an exact product would gain digits with every point, while a million
such roundings move it by less than 1e-12, and the same points give the same digits wherever they
are folded. An interval without a meaningful return is no link: the index stands still over it and
the point says why.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from pm.decimals import ONE, ZERO, Amount, divide, multiply_divide

INDEX_SCALE: Final = 18

INCOMPLETE: Final = "incomplete"
BASE_NOT_POSITIVE: Final = "base_not_positive"
WIPED_OUT: Final = "wiped_out"
NET_UNKNOWN: Final = "net_unknown"


class Flow(NamedTuple):
    """Money that came from outside (above zero) or left, and when, in ns."""

    at: int
    amount: Amount


@dataclass(frozen=True, slots=True)
class EquityPoint:
    """Equity right after everything up to `at` (ns), the flows since the previous point included.

    `net` is the cumulative net P&L. Equity or net is None when it is not known; an equity that
    lacks marks may be given all the same, flagged INCOMPLETE. Flags are words without blanks.
    """

    at: int
    equity: Amount | None
    net: Amount | None
    flows: tuple[Flow, ...] = ()
    flags: tuple[str, ...] = ()

    @property
    def is_complete(self) -> bool:
        """Whether the equity can be one end of a link."""
        return self.equity is not None and INCOMPLETE not in self.flags


@dataclass(frozen=True, slots=True)
class PerformanceState:
    """What a prefix of points amounts to.

    `index` is 1 at the first complete point. `period_return` is the last point's link as a fraction
    (18 decimals half-even), None if it is none. `max_drawdown` (an amount, of `net` from 0) and
    `max_drawdown_ratio` (of the index, from 1) are never above zero. `at` and `equity` belong to
    the last complete point; `flow` is the sum of flows since then and `flow_moment` the sum of each
    flow times the ns it came after it, which is all a later link needs of them. `flags` belong to
    the last point, complete or not.
    """

    index: Amount = ONE
    period_return: Amount | None = None
    peak_index: Amount = ONE
    net: Amount | None = ZERO
    peak_net: Amount = ZERO
    max_drawdown: Amount = ZERO
    max_drawdown_ratio: Amount = ZERO
    at: int | None = None
    equity: Amount | None = None
    flow: Amount = ZERO
    flow_moment: Amount = ZERO
    flags: tuple[str, ...] = ()

    @property
    def started(self) -> bool:
        """Whether there has been a complete point."""
        return self.at is not None

    def to_fields(self) -> dict[str, str]:
        """Flat texts; what is unknown is the empty text, so that it overwrites what was known."""
        return {
            "index": str(self.index),
            "period_return": _text(self.period_return),
            "peak_index": str(self.peak_index),
            "net": _text(self.net),
            "peak_net": str(self.peak_net),
            "max_drawdown": str(self.max_drawdown),
            "max_drawdown_ratio": str(self.max_drawdown_ratio),
            "at": "" if self.at is None else str(self.at),
            "equity": _text(self.equity),
            "flow": str(self.flow),
            "flow_moment": str(self.flow_moment),
            "flags": " ".join(self.flags),
        }

    @classmethod
    def from_fields(cls, fields: Mapping[str, str]) -> PerformanceState:
        """The state `to_fields` wrote, other fields ignored; ValueError names a field it lacks."""
        at = _field(fields, "at")
        if at and not (at.isascii() and at.isdigit()):
            raise ValueError(f"performance state: at {at!r} is not a time in ns")
        equity = _amount_or_none(fields, "equity")
        if (equity is None) is not (at == ""):
            raise ValueError("performance state: at and equity are known together or not at all")
        return cls(
            index=_amount(fields, "index"),
            period_return=_amount_or_none(fields, "period_return"),
            peak_index=_amount(fields, "peak_index"),
            net=_amount_or_none(fields, "net"),
            peak_net=_amount(fields, "peak_net"),
            max_drawdown=_amount(fields, "max_drawdown"),
            max_drawdown_ratio=_amount(fields, "max_drawdown_ratio"),
            at=int(at) if at else None,
            equity=equity,
            flow=_amount(fields, "flow"),
            flow_moment=_amount(fields, "flow_moment"),
            flags=tuple(_field(fields, "flags").split()),
        )


def advance(state: PerformanceState | None, point: EquityPoint) -> PerformanceState:
    """The state after `point`; ValueError if it is before the last complete one.

    An incomplete point is no end of a link: the next complete one is linked across it, with its
    flows. Where the base of a link is not above zero the index stands still and goes on from this
    point. A loss of all of the base or more leaves the index at 0, from where no return leads back.
    """
    before = PerformanceState() if state is None else state
    if before.at is not None and point.at < before.at:
        raise ValueError(f"equity point at {point.at} is before the last one at {before.at}")
    opened = replace(before, period_return=None, flags=point.flags)
    return _with_equity(_with_net(opened, point.net), point)


def _with_net(state: PerformanceState, net: Amount | None) -> PerformanceState:
    if net is None:
        return replace(state, net=None, flags=_plus(state.flags, NET_UNKNOWN))
    peak_net = max(state.peak_net, net)
    max_drawdown = min(state.max_drawdown, net - peak_net)
    return replace(state, net=net, peak_net=peak_net, max_drawdown=max_drawdown)


def _with_equity(state: PerformanceState, point: EquityPoint) -> PerformanceState:
    state = _with_flows(state, point)
    if not point.is_complete or point.equity is None:
        return replace(state, flags=_plus(state.flags, INCOMPLETE))
    if state.at is not None and state.equity is not None:
        state = _linked(state, point.at - state.at, state.equity, point.equity)
    return replace(state, at=point.at, equity=point.equity, flow=ZERO, flow_moment=ZERO)


def _with_flows(state: PerformanceState, point: EquityPoint) -> PerformanceState:
    """Flows added up, each moved into the interval.

    A flow told late was not in the earlier equity, so for the figures it came at the start.
    """
    flow, moment = state.flow, state.flow_moment
    start = point.at if state.at is None else state.at
    for at, amount in point.flows:
        flow += amount
        moment += amount * Amount(min(max(at, start), point.at) - start)
    return replace(state, flow=flow, flow_moment=moment)


def _linked(
    state: PerformanceState, elapsed: int, opening: Amount, closing: Amount
) -> PerformanceState:
    """The state with its index taken over one interval of `elapsed` ns.

    1 + r = (E1 - F + sum(w F)) / (E0 + sum(w F)); both are taken times `elapsed`, where
    sum(w F) = F - moment / elapsed, so that nothing but the index is rounded.
    """
    moment = state.flow_moment
    if not elapsed:
        elapsed, moment = 1, state.flow  # no time to work in: every flow came at the end
    duration = Amount(elapsed)
    base = (opening + state.flow) * duration - moment
    if base.sign <= 0:
        return replace(state, flags=_plus(state.flags, BASE_NOT_POSITIVE))
    grown = max(ZERO, closing * duration - moment)
    index = multiply_divide(state.index, grown, base, INDEX_SCALE)
    peak_index = max(state.peak_index, index)
    drawdown = divide(index, peak_index, INDEX_SCALE) - ONE
    return replace(
        state,
        index=index,
        period_return=divide(grown, base, INDEX_SCALE) - ONE,
        peak_index=peak_index,
        max_drawdown_ratio=min(state.max_drawdown_ratio, drawdown),
        flags=state.flags if index else _plus(state.flags, WIPED_OUT),
    )


def _plus(flags: tuple[str, ...], flag: str) -> tuple[str, ...]:
    return flags if flag in flags else (*flags, flag)


def _text(amount: Amount | None) -> str:
    return "" if amount is None else str(amount)


def _field(fields: Mapping[str, str], name: str) -> str:
    text = fields.get(name)
    if text is None:
        raise ValueError(f"performance state: no {name}")
    return text


def _amount(fields: Mapping[str, str], name: str) -> Amount:
    text = _field(fields, name)
    try:
        return Amount.parse(text)
    except ValueError as error:
        raise ValueError(f"performance state: {name}: {error}") from None


def _amount_or_none(fields: Mapping[str, str], name: str) -> Amount | None:
    return _amount(fields, name) if _field(fields, name) else None
