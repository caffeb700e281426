"""Legs: notionals, averages, and the fold of a leg into a holding."""

import pytest

from pm.decimals import ONE, ZERO, Amount
from pm.rules.legs import FLAT, Holding, Leg, average_price, fold, notional, unit_price


def leg(quantity: str, amount: str) -> Leg:
    return Leg(Amount.parse(quantity), Amount.parse(amount))


def held(quantity: str, cost: str, realized_pnl: str = "0") -> Holding:
    return Holding(Amount.parse(quantity), Amount.parse(cost), Amount.parse(realized_pnl))


def texts(holding: Holding) -> list[str]:
    return [str(amount) for amount in holding]


@pytest.mark.parametrize(
    ("before", "added", "after"),
    [
        (FLAT, leg("1", "100"), ["1", "100", "0"]),
        (FLAT, leg("-1", "-100"), ["-1", "-100", "0"]),
        (held("1", "100"), leg("2", "230"), ["3", "330", "0"]),
        (held("-1", "-100"), leg("-2", "-180"), ["-3", "-280", "0"]),
        (held("2", "200"), leg("-1", "-110"), ["1", "100", "10"]),
        (held("-2", "-200"), leg("1", "90"), ["-1", "-100", "10"]),
        (held("2", "200"), leg("-2", "-220"), ["0", "0", "20"]),
        (held("-2", "-200"), leg("2", "250"), ["0", "0", "-50"]),
        (held("2", "200"), leg("-5", "-550"), ["-3", "-330", "20"]),
        (held("-2", "-200"), leg("5", "450"), ["3", "270", "20"]),
        (held("1", "100", "7"), leg("-1", "0"), ["0", "0", "-93"]),
        # A revised average can bring quantity at a negative price; the sum of notionals holds.
        (held("1", "100"), leg("1", "-5"), ["2", "95", "0"]),
    ],
)
def test_a_leg_opens_adds_reduces_closes_or_flips(
    before: Holding, added: Leg, after: list[str]
) -> None:
    assert texts(fold(before, [added])[0]) == after


def test_what_a_partial_close_removes_is_rounded_half_even_and_nothing_is_lost() -> None:
    reduced, _ = fold(held("3", "100"), [leg("-1", "-40")])

    assert texts(reduced) == ["2", "66.666666666666666667", "6.666666666666666667"]

    closed, _ = fold(reduced, [leg("-2", "-80")])

    assert texts(closed) == ["0", "0", "20"]


def test_the_closing_share_of_a_flip_is_rounded_and_the_rest_opens() -> None:
    after, crossing = fold(held("1", "30"), [leg("-3", "-100")])

    assert texts(after) == ["-2", "-66.666666666666666667", "3.333333333333333333"]
    assert crossing is not None
    assert texts(crossing.at_zero) == ["0", "0", "3.333333333333333333"]


def test_an_operand_with_more_than_18_decimals_keeps_them_when_it_is_divided() -> None:
    reduced, _ = fold(held("2", "0.00000000000000000003"), [leg("-1", "0")])

    # Half of the last digit goes to the even one, at 20 decimals.
    assert texts(reduced) == ["1", "0.00000000000000000001", "-0.00000000000000000002"]


def test_a_remainder_never_changes_sign() -> None:
    after, _ = fold(held("3", "0.000000000000000001"), [leg("-2", "0")])

    assert texts(after) == ["1", "0", "-0.000000000000000001"]


@pytest.mark.parametrize(
    ("before", "added", "index", "closed"),
    [
        (held("2", "200"), [leg("-5", "-550")], 0, "2"),
        (held("1", "100"), [leg("-1", "-110"), leg("-0.1", "-11")], 0, "1"),
        (held("1", "100"), [leg("-0.9", "-99"), leg("-0.2", "-22")], 1, "0.1"),
    ],
)
def test_the_crossing_is_the_first_leg_at_or_through_zero(
    before: Holding, added: list[Leg], index: int, closed: str
) -> None:
    _, crossing = fold(before, added)

    assert crossing is not None
    assert (crossing.leg, str(crossing.closed)) == (index, closed)


@pytest.mark.parametrize(
    ("before", "added"),
    [
        (FLAT, [leg("1", "100"), leg("-2", "-200")]),
        (held("1", "100"), [leg("-1", "-110")]),
        (held("1", "100"), [leg("-1.5", "-150"), leg("0.5", "50")]),
        (held("1", "100"), [leg("-0.5", "-50")]),
    ],
)
def test_there_is_no_crossing_from_flat_nor_to_flat(before: Holding, added: list[Leg]) -> None:
    assert fold(before, added)[1] is None


@pytest.mark.parametrize(
    ("quantity", "price", "quote_amount", "multiplier", "inverse", "expected"),
    [
        ("2", "100.5", None, "1", False, "201"),
        ("-2", "100.5", None, "1", False, "-201"),
        ("2", "5", None, "100", False, "1000"),
        ("2", "100", "199.5", "1", False, "199.5"),
        ("-2", "100", "199.5", "1", False, "-199.5"),
        ("2", None, "199.5", "1", False, "199.5"),
        ("1000", "50000", None, "10", True, "-0.2"),
        ("-1000", "40000", None, "10", True, "0.25"),
        ("1", "3", None, "1", True, "-0.333333333333333333"),
        ("5", "50000", "0.1", "10", True, "-0.1"),
        ("-5", "50000", "0.1", "10", True, "0.1"),
        ("0", None, None, "1", False, "0"),
        ("0", "0", None, "1", True, "0"),
        ("1", "0", None, "1", False, "0"),
        ("0.000000000000000001", "0.000000000000000001", None, "1", False, "0." + "0" * 35 + "1"),
    ],
)
def test_the_notional_is_exact_and_signed(
    quantity: str,
    price: str | None,
    quote_amount: str | None,
    multiplier: str,
    inverse: bool,
    expected: str,
) -> None:
    def parsed(text: str | None) -> Amount | None:
        return None if text is None else Amount.parse(text)

    found = notional(
        Amount.parse(quantity),
        parsed(price),
        parsed(quote_amount),
        Amount.parse(multiplier),
        inverse,
    )

    assert str(found) == expected


def test_a_notional_without_price_or_with_an_inverse_price_of_zero_is_unknown() -> None:
    assert notional(ONE, None, None, ONE, inverse=False) is None
    assert notional(ONE, ZERO, None, ONE, inverse=True) is None


def test_a_stated_amount_outranks_the_price_of_a_base_token_fee() -> None:
    price, amount = Amount.parse("33"), Amount.parse("100")

    assert str(unit_price(Amount.parse("3"), amount, price, amount, ONE)) == "33.333333333333333333"
    assert unit_price(Amount.parse("3"), Amount.parse("99"), price, None, ONE) == price
    assert unit_price(ZERO, ZERO, price, amount, ONE) == price
    assert unit_price(Amount.parse("2"), amount, None, amount, Amount.parse("10")) == Amount.parse(
        "5"
    )


@pytest.mark.parametrize(
    ("quantity", "cost", "multiplier", "inverse", "expected"),
    [
        ("3", "100", "1", False, "33.333333333333333333"),
        ("-3", "-330", "1", False, "110"),
        ("2", "1000", "100", False, "5"),
        ("1000", "-0.2", "10", True, "50000"),
        ("-1000", "0.25", "10", True, "40000"),
        ("0", "0", "1", False, "None"),
        ("5", "0", "1", True, "None"),
        ("5", "0", "1", False, "0"),
    ],
)
def test_the_average_is_cost_per_unit_and_harmonic_if_inverse(
    quantity: str, cost: str, multiplier: str, inverse: bool, expected: str
) -> None:
    average = average_price(
        Amount.parse(quantity), Amount.parse(cost), Amount.parse(multiplier), inverse
    )

    assert str(average) == expected
