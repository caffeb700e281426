"""The exposure of one position, by kind."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from pm.decimals import ONE, Amount
from pm.risk.exposure import Exposure, exposure
from pm.rules.facts import Terms


@dataclass(frozen=True, slots=True)
class Instrument:
    kind: str
    multiplier: Amount = ONE
    inverse: bool = False
    quote: str = "USD"


def amount(text: str | None) -> Amount | None:
    return None if text is None else Amount.parse(text)


def exposed(
    instrument: Instrument,
    quantity: str,
    price: str | None = None,
    delta: str | None = None,
    underlying_price: str | None = None,
) -> Exposure:
    return exposure(
        instrument,
        Amount.parse(quantity),
        amount(price),
        amount(delta),
        amount(underlying_price),
    )


HUNDRED = Amount(100)
TEN = Amount(10)


@pytest.mark.parametrize(
    ("instrument", "quantity", "price", "delta", "underlying_price", "expected"),
    [
        (Instrument("spot"), "1.5", "20", None, None, "30"),
        (Instrument("spot"), "-1.5", "20", None, None, "-30"),
        (Instrument("equity"), "7", "0.1", None, None, "0.7"),
        (Instrument("perpetual"), "-3", "110", None, None, "-330"),
        (Instrument("future", HUNDRED), "2", "4.25", None, None, "850"),
        (Instrument("future"), "2", "-37.63", None, None, "-75.26"),
        # Face value: 1000 contracts of 10 USD, whatever the price.
        (Instrument("perpetual", TEN, True), "1000", None, None, None, "10000"),
        (Instrument("future", TEN, True), "-1000", "50000", None, None, "-10000"),
        (Instrument("option", HUNDRED), "2", None, "0.5", "30", "3000"),
        (Instrument("option", HUNDRED), "2", "1.2", "-0.25", "30", "-1500"),
        (Instrument("option", HUNDRED), "-2", None, "-0.25", "30", "1500"),
        (Instrument("option", ONE, True), "2", None, "0.5", "50000", "50000"),
        (Instrument("option"), "2", None, "0", "30", "0"),
    ],
)
def test_exposure_is_the_money_that_moves_with_the_price(
    instrument: Instrument,
    quantity: str,
    price: str | None,
    delta: str | None,
    underlying_price: str | None,
    expected: str,
) -> None:
    part = exposed(instrument, quantity, price, delta, underlying_price)

    assert (str(part.amount), part.token, part.missing) == (expected, "USD", "")


@pytest.mark.parametrize(
    ("part", "missing"),
    [
        (exposed(Instrument("spot"), "1"), "price"),
        (exposed(Instrument("perpetual"), "1"), "price"),
        (exposed(Instrument("option"), "1", "5", None, "100"), "delta"),
        (exposed(Instrument("option"), "1", "5", "0.5"), "underlying_price"),
    ],
)
def test_what_is_not_known_makes_the_exposure_unknown_and_is_named(
    part: Exposure, missing: str
) -> None:
    assert part == Exposure(None, "USD", missing)


@pytest.mark.parametrize("kind", ["spot", "equity", "future", "perpetual", "option"])
def test_nothing_held_is_nothing_exposed_even_without_a_price(kind: str) -> None:
    assert exposed(Instrument(kind), "0") == Exposure(Amount(0), "USD")


def test_the_terms_of_the_books_are_enough() -> None:
    terms = Terms(
        kind="spot",
        base="BTC",
        quote="EUR",
        settlement="EUR",
        multiplier=ONE,
        inverse=False,
        dust=Amount(0),
    )

    assert exposure(terms, Amount(2), Amount(50)) == Exposure(Amount(100), "EUR")
