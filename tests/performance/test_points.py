"""Equity points: links, what is no link, drawdowns, and a state that survives being stored."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pm.decimals import ONE, ZERO, Amount
from pm.performance.points import EquityPoint, Flow, PerformanceState, advance
from pm.performance.statistics import time_weighted_return

amount = Amount.parse


def point(
    at: int,
    equity: str | None,
    net: str | None = "0",
    flows: tuple[tuple[int, str], ...] = (),
    flags: tuple[str, ...] = (),
) -> EquityPoint:
    return EquityPoint(
        at,
        None if equity is None else amount(equity),
        None if net is None else amount(net),
        tuple(Flow(when, amount(text)) for when, text in flows),
        flags,
    )


def folded(*points: EquityPoint) -> PerformanceState:
    state = None
    for each in points:
        state = advance(state, each)
    assert state is not None
    return state


def test_the_time_weighted_return_ignores_how_much_money_was_there_when() -> None:
    state = folded(
        point(0, "1000", "0"),
        point(10, "1100", "100"),
        point(10, "2000", "100", ((10, "900"),)),
        point(20, "1900", "0"),
    )

    assert time_weighted_return(ONE, state.index) == amount("0.045")
    assert state.net == ZERO
    assert state.max_drawdown == amount("-100")
    assert state.max_drawdown_ratio == amount("-0.05")
    assert state.flags == ()


@pytest.mark.parametrize(
    ("opening", "closing", "flows", "index"),
    [
        ("1000", "1100", (), "1.1"),
        ("1000", "900", (), "0.9"),
        ("3", "2", (), "0.666666666666666667"),
        # At the start it works the whole interval, at the end not at all.
        ("1000", "2200", ((0, "1000"),), "1.1"),
        ("1000", "2100", ((100, "1000"),), "1.1"),
        # 125 / (1000 + 0.25 * 1000) = 0.1
        ("1000", "2125", ((75, "1000"),), "1.1"),
        # -90 / (1000 - 0.5 * 200) = -0.1
        ("1000", "710", ((50, "-200"),), "0.9"),
        # 120 / (1000 + 0.75 * 400 - 0.25 * 400) = 0.1
        ("1000", "1120", ((25, "400"), (75, "-400")), "1.1"),
        # Told late or dated ahead, it is moved into the interval.
        ("1000", "2200", ((-50, "1000"),), "1.1"),
        ("1000", "2100", ((500, "1000"),), "1.1"),
        # Nothing of its own, all of it deposited half-way: 50 / (0.5 * 1000)
        ("0", "1050", ((50, "1000"),), "1.1"),
    ],
)
def test_a_flow_weighs_by_the_fraction_of_the_interval_it_was_there(
    opening: str, closing: str, flows: tuple[tuple[int, str], ...], index: str
) -> None:
    state = folded(point(0, opening), point(100, closing, flows=flows))

    assert str(state.index) == index
    assert state.period_return == state.index - ONE
    assert state.flags == ()


def test_the_return_of_the_last_link_is_that_of_its_interval_alone() -> None:
    linked = folded(point(0, "1000"), point(1, "2000"), point(2, "1900"))

    assert linked.period_return == amount("-0.05")
    assert advance(linked, point(3, None)).period_return is None
    assert folded(point(0, "1000")).period_return is None
    assert folded(point(0, "0"), point(1, "5")).period_return is None


def test_flows_between_two_points_of_the_same_time_are_no_return() -> None:
    state = folded(point(5, "1000"), point(5, "1500", flows=((5, "500"),)))

    assert state.index == ONE
    assert state.equity == amount("1500")


def test_money_that_came_at_the_time_of_both_points_earned_none_of_the_change() -> None:
    state = folded(point(5, "1000"), point(5, "1600", flows=((5, "500"),)))

    assert state.index == amount("1.1")


def test_the_first_point_starts_the_index_at_one_whatever_came_before() -> None:
    state = folded(point(7, "1000", "-5", ((3, "1000"),)))

    assert (state.index, state.at, state.equity) == (ONE, 7, amount("1000"))
    assert state.flow == ZERO
    assert state.started


@pytest.mark.parametrize("flows", [(), ((100, "1000"),)])
def test_a_base_not_above_zero_is_no_link_and_the_index_goes_on_from_there(
    flows: tuple[tuple[int, str], ...],
) -> None:
    unlinked = folded(point(0, "0"), point(100, "1000", flows=flows, flags=("stale",)))

    assert unlinked.index == ONE
    assert unlinked.flags == ("stale", "base_not_positive")

    linked = advance(unlinked, point(200, "1200"))

    assert linked.index == amount("1.2")
    assert linked.flags == ()


@pytest.mark.parametrize("gap", [point(40, None), point(40, "3", flags=("incomplete",))])
def test_an_incomplete_point_is_linked_across(gap: EquityPoint) -> None:
    state = folded(point(0, "1000"), gap)

    assert state.index == ONE
    assert (state.at, state.equity) == (0, amount("1000"))
    assert state.flags == ("incomplete",)

    state = advance(state, point(100, "1100"))

    assert state.index == amount("1.1")
    assert state.flags == ()


def test_flows_of_an_incomplete_point_weigh_in_the_link_across_it() -> None:
    across = folded(
        point(0, "1000"),
        point(50, None, flows=((25, "400"),)),
        point(100, "1120", flows=((75, "-400"),)),
    )

    assert across.index == amount("1.1")


def test_before_the_first_complete_point_nothing_is_started() -> None:
    state = folded(point(0, None, "-20", ((0, "500"),)))

    assert not state.started
    assert state.max_drawdown == amount("-20")

    state = advance(state, point(10, "500", "-20"))

    assert state.started
    assert state.flow == ZERO


@pytest.mark.parametrize("closing", ["0", "-250"])
def test_losing_everything_leaves_the_index_at_zero_for_good(closing: str) -> None:
    state = folded(point(0, "1000"), point(10, closing))

    assert state.index == ZERO
    assert state.max_drawdown_ratio == amount("-1")
    assert state.flags == ("wiped_out",)

    revived = folded(
        point(0, "1000"),
        point(10, closing),
        point(20, "1000", flows=((20, "1250"),)),
        point(30, "2000"),
    )

    assert revived.index == ZERO
    assert revived.flags == ("wiped_out",)


@pytest.mark.parametrize(
    ("nets", "drawdown"),
    [
        (["0"], "0"),
        (["-5"], "-5"),
        (["10", "20", "30"], "0"),
        (["10", "-5", "40", "30"], "-15"),
        (["10", "-5", "40", "20"], "-20"),
        (["-5", "-1", "3", "1"], "-5"),
    ],
)
def test_the_drawdown_of_net_is_from_its_highest_and_the_highest_starts_at_zero(
    nets: list[str], drawdown: str
) -> None:
    state = folded(*(point(at, "1000", net) for at, net in enumerate(nets)))

    assert str(state.max_drawdown) == drawdown


def test_an_unknown_net_leaves_its_drawdown_alone_and_is_flagged() -> None:
    state = folded(point(0, "1000", "10"), point(1, "1100", None))

    assert state.net is None
    assert (state.peak_net, state.max_drawdown) == (amount("10"), ZERO)
    assert state.index == amount("1.1")
    assert state.flags == ("net_unknown",)


def test_a_point_before_the_last_one_is_refused() -> None:
    state = folded(point(10, "1000"))

    with pytest.raises(ValueError, match="point at 9 is before the last one at 10"):
        advance(state, point(9, "1000"))


@pytest.mark.parametrize(
    "state",
    [
        PerformanceState(),
        folded(point(5, None, None, ((3, "7"),), ("stale",))),
        folded(point(0, "3", "-1"), point(9, "2.5", "1", ((4, "-0.1"),))),
        folded(point(0, "3"), point(9, None, flows=((4, "-0.1"), (5, "2")))),
    ],
)
def test_a_state_comes_back_from_its_fields(state: PerformanceState) -> None:
    fields = state.to_fields()

    assert all(isinstance(text, str) for text in fields.values())
    assert PerformanceState.from_fields({**fields, "seq": "12"}) == state


@pytest.mark.parametrize("name", list(PerformanceState().to_fields()))
def test_a_missing_field_is_named(name: str) -> None:
    fields = PerformanceState().to_fields()
    del fields[name]

    with pytest.raises(ValueError, match=f"^performance state: no {name}$"):
        PerformanceState.from_fields(fields)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"index": "1e3"}, "performance state: index: not a decimal: '1e3'"),
        ({"index": ""}, "performance state: index: not a decimal: ''"),
        ({"at": "-1", "equity": "1"}, "performance state: at '-1' is not a time in ns"),
        ({"at": "1"}, "at and equity are known together or not at all"),
        ({"equity": "1"}, "at and equity are known together or not at all"),
    ],
)
def test_a_field_that_is_none_is_named(changed: dict[str, str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        PerformanceState.from_fields({**PerformanceState().to_fields(), **changed})


cents = st.integers(1, 10**9).map(lambda mantissa: Amount(mantissa, 2))
flows_inside = st.lists(st.tuples(st.integers(0, 1000), st.integers(0, 10**9)), max_size=4)


def fraction(value: Amount) -> Fraction:
    return Fraction(value.mantissa, 10**value.scale)


@settings(max_examples=200, deadline=None)
@given(opening=cents, closing=cents, flows=flows_inside)
def test_a_link_is_the_modified_dietz_return_rounded_once(
    opening: Amount, closing: Amount, flows: list[tuple[int, int]]
) -> None:
    given_flows = tuple(Flow(at, Amount(mantissa, 2)) for at, mantissa in flows)
    state = folded(EquityPoint(0, opening, ZERO), EquityPoint(1000, closing, ZERO, given_flows))

    total = sum((fraction(flow.amount) for flow in given_flows), Fraction(0))
    weighted = sum(
        (Fraction(1000 - flow.at, 1000) * fraction(flow.amount) for flow in given_flows),
        Fraction(0),
    )
    gain = fraction(closing) - fraction(opening) - total
    index = max(Fraction(0), 1 + gain / (fraction(opening) + weighted))
    assert fraction(state.index) == Fraction(round(index * 10**18), 10**18)


@settings(max_examples=100, deadline=None)
@given(equities=st.lists(cents, min_size=1, max_size=30), scale=st.integers(1, 1000))
def test_without_flows_the_index_is_the_equity_and_the_unit_does_not_matter(
    equities: list[Amount], scale: int
) -> None:
    state = folded(*(EquityPoint(at, equity, ZERO) for at, equity in enumerate(equities)))
    scaled = folded(
        *(EquityPoint(at, equity * Amount(scale), ZERO) for at, equity in enumerate(equities))
    )

    assert scaled.index == state.index
    expected = fraction(equities[-1]) / fraction(equities[0])
    # A rounding at a low index is multiplied by all the growth after it.
    lowest = min(map(fraction, equities)) / fraction(equities[0])
    allowed = Fraction(len(equities), 10**18) * (1 + expected / lowest)
    assert abs(fraction(state.index) - expected) <= allowed
    assert Amount(-1) <= state.max_drawdown_ratio <= ZERO


@settings(max_examples=100, deadline=None)
@given(
    points=st.lists(
        st.tuples(
            st.one_of(st.none(), cents),
            st.one_of(st.none(), st.integers(-(10**6), 10**6)),
            flows_inside,
        ),
        min_size=1,
        max_size=8,
    ),
    cut=st.integers(0, 8),
)
def test_storing_the_state_between_points_changes_nothing(
    points: list[tuple[Amount | None, int | None, list[tuple[int, int]]]], cut: int
) -> None:
    state = stored = None
    for number, (equity, net, flows) in enumerate(points):
        each = EquityPoint(
            (number + 1) * 1000,
            equity,
            None if net is None else Amount(net, 2),
            tuple(Flow(number * 1000 + at, Amount(mantissa, 2)) for at, mantissa in flows),
        )
        state = advance(state, each)
        stored = advance(stored, each)
        if number >= cut:
            stored = PerformanceState.from_fields(stored.to_fields())
    assert stored == state
