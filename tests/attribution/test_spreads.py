"""The spread captured by multi-step trades."""

from __future__ import annotations

from typing import Any

from pm.attribution.spreads import Spreads
from pm.decimals import Amount
from tests.pure.rules_events import INVERSE, SPOT

PAIR = ("BTC", "USDT")


def leg(
    spreads: Spreads,
    quantity: str,
    notional: str,
    trace: str = "1",
    terms: dict[str, Any] = SPOT,
) -> None:
    """Add one execution of a trace."""
    facts = {**terms, "trace": {"id": trace}}
    spreads.add(facts, Amount.parse(quantity), Amount.parse(notional))


def test_sold_above_the_price_bought_at() -> None:
    spreads = Spreads()
    leg(spreads, "1", "100")
    leg(spreads, "-1", "-102")
    assert spreads.averages() == {PAIR: Amount.parse("0.02")}


def test_prices_are_weighted_by_volume_and_the_rest_weighs_nothing() -> None:
    spreads = Spreads()
    leg(spreads, "1", "100")
    leg(spreads, "3", "330")
    leg(spreads, "-2", "-220")
    assert spreads.averages() == {PAIR: Amount.parse("0.023255813953488372")}


def test_traces_are_weighted_by_what_was_matched() -> None:
    spreads = Spreads()
    leg(spreads, "1", "100", "1")
    leg(spreads, "-1", "-110", "1")
    leg(spreads, "30", "3000", "2")
    leg(spreads, "-3", "-300", "2")
    assert spreads.averages() == {PAIR: Amount.parse("0.025")}


def test_one_side_alone_is_no_spread() -> None:
    spreads = Spreads()
    leg(spreads, "1", "100", "1")
    leg(spreads, "-1", "-100", "2")
    assert spreads.averages() == {}


def test_an_execution_without_a_trace_is_left_out() -> None:
    spreads = Spreads()
    spreads.add(SPOT, Amount(1), Amount(100))
    leg(spreads, "-1", "-100")
    assert spreads.averages() == {}


def test_a_price_of_zero_has_no_spread() -> None:
    spreads = Spreads()
    leg(spreads, "1", "0")
    leg(spreads, "-1", "-100")
    assert spreads.averages() == {}


def test_contracts_count_by_their_multiplier() -> None:
    spreads = Spreads()
    leg(spreads, "1", "100")
    leg(spreads, "-10", "-102", terms=SPOT | {"multiplier": "0.1"})
    assert spreads.averages() == {PAIR: Amount.parse("0.02")}


def test_an_inverse_contract_sells_its_coin_at_its_price() -> None:
    spreads = Spreads()
    terms = SPOT | {"quote": "USD"}
    leg(spreads, "0.2", "10000", terms=terms)
    leg(spreads, "-1000", "0.19607843137254902", terms=INVERSE)
    [spread] = spreads.averages().values()
    assert round(spread, 9) == Amount.parse("0.02")


def test_both_sides_may_be_in_different_books() -> None:
    one, other = Spreads(), Spreads()
    leg(one, "1", "100")
    leg(other, "-1", "-101")
    one.include(other)
    assert one.averages() == {PAIR: Amount.parse("0.01")}
