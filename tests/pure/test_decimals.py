"""Exact decimals against fractions.Fraction, which shares nothing with them but the integers.

Sizes run from 10^-36 to 2^128. PM_TEST_SEED replays another choice of cases.
"""

from __future__ import annotations

import copy
import os
import pickle
from fractions import Fraction
from random import Random

import pytest

from pm.decimals import ONE, ZERO, Amount, bounded, divide, multiply_divide, parse_amount

SEED = os.environ.get("PM_TEST_SEED", "1")
CASES = 20_000


def some_amount(random: Random) -> Amount:
    mantissa = random.choice(
        (
            random.randrange(1000),
            random.randrange(10 ** random.randrange(1, 39)),
            random.getrandbits(128),
            2 ** random.choice((53, 63, 127)) + random.randrange(-3, 3),
            10 ** random.randrange(39) + random.randrange(-1, 2),
        )
    )
    return Amount(random.choice((1, 1, -1)) * mantissa, random.choice((0, 2, 8, 18, 36)))


def some_scale(random: Random) -> int:
    return random.choice((0, 1, 2, 8, 18, 36))


def tie(random: Random, scale: int) -> Amount:
    """Half a unit at `scale` decimals on top of some digits, or a little beside the half."""
    half = Amount(random.randrange(-(10**8), 10**8) * 10 + 5, scale + 1)
    return half + Amount(random.choice((0, 0, 1, -1)), scale + random.randrange(2, 40))


def fraction(amount: Amount) -> Fraction:
    return Fraction(amount.mantissa, 10**amount.scale)


def rounded(value: Fraction, scale: int) -> Fraction:
    return Fraction(round(value * 10**scale), 10**scale)


def random_for(name: str) -> Random:
    print(f"PM_TEST_SEED={SEED}")
    return Random(f"{SEED} {name}")


def test_sums_and_differences_are_exact() -> None:
    random = random_for("sums")
    for _ in range(CASES):
        a, b = some_amount(random), some_amount(random)
        assert fraction(a + b) == fraction(a) + fraction(b), (a, b)
        assert fraction(a - b) == fraction(a) - fraction(b), (a, b)


def test_products_are_exact() -> None:
    random = random_for("products")
    for _ in range(CASES):
        a, b = some_amount(random), some_amount(random)
        assert fraction(a * b) == fraction(a) * fraction(b), (a, b)


def test_comparisons_follow_the_numbers() -> None:
    random = random_for("comparisons")
    for _ in range(CASES):
        a = some_amount(random)
        b = random.choice((some_amount(random), Amount(a.mantissa + 1, a.scale), a + ZERO))
        x, y = fraction(a), fraction(b)
        found = (a < b, a <= b, a > b, a >= b, a == b)
        assert found == (x < y, x <= y, x > y, x >= y, x == y), (a, b)


def test_sign_negation_magnitude_and_truth_follow_the_number() -> None:
    random = random_for("signs")
    for _ in range(CASES):
        a = some_amount(random)
        value = fraction(a)
        assert (fraction(-a), fraction(abs(a))) == (-value, abs(value)), a
        assert (a.sign, bool(a)) == ((value > 0) - (value < 0), value != 0), a


def test_rounding_is_half_even() -> None:
    random = random_for("rounding")
    for _ in range(CASES):
        scale = some_scale(random)
        a = random.choice((tie(random, scale), some_amount(random)))
        assert fraction(round(a, scale)) == rounded(fraction(a), scale), (a, scale)


def test_division_rounds_once_half_even() -> None:
    random = random_for("division")
    for _ in range(CASES):
        scale, b = some_scale(random), some_amount(random) or ONE
        a = random.choice((tie(random, scale) * b, some_amount(random)))
        expected = rounded(fraction(a) / fraction(b), scale)
        assert fraction(divide(a, b, scale)) == expected, (a, b, scale)


def test_a_product_divided_rounds_once_half_even() -> None:
    random = random_for("multiply_divide")
    for _ in range(CASES):
        scale, b, c = some_scale(random), some_amount(random), some_amount(random) or ONE
        a = random.choice((tie(random, scale) * c, some_amount(random)))
        expected = rounded(fraction(a) * fraction(b) / fraction(c), scale)
        assert fraction(multiply_divide(a, b, c, scale)) == expected, (a, b, c, scale)


def test_text_reads_back_as_the_same_amount() -> None:
    random = random_for("text")
    for _ in range(CASES):
        a = some_amount(random)
        text = str(a)
        assert Amount.parse(text) == a
        assert Fraction(text) == fraction(a)
        whole, _, decimals = text.lstrip("-").partition(".")
        assert whole == "0" or not whole.startswith("0"), text
        assert not decimals.endswith("0"), text


@pytest.mark.parametrize(
    ("value", "scale", "text"),
    [
        ("0.5", 0, "0"),
        ("1.5", 0, "2"),
        ("2.5", 0, "2"),
        ("-0.5", 0, "0"),
        ("-1.5", 0, "-2"),
        ("-2.5", 0, "-2"),
        ("2.50000000000000000000000000000000001", 0, "3"),
        ("2.49999999999999999999999999999999999", 0, "2"),
        ("0.125", 2, "0.12"),
        ("0.135", 2, "0.14"),
        ("9.995", 2, "10"),
        ("1.5", 8, "1.5"),
    ],
)
def test_ties_go_to_the_even_digit(value: str, scale: int, text: str) -> None:
    assert str(round(Amount.parse(value), scale)) == text


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("0", "0"),
        ("-0", "0"),
        ("-0.000", "0"),
        ("007", "7"),
        ("-007.500", "-7.5"),
        ("100", "100"),
        ("-0.001", "-0.001"),
        ("0.10", "0.1"),
    ],
)
def test_text_is_canonical_whatever_was_read(text: str, canonical: str) -> None:
    assert str(Amount.parse(text)) == canonical


@pytest.mark.parametrize(
    "text",
    [
        *("", "-", ".", "1.", ".5", "+1", "--1", "1e5", "0x10", "1_000", "1,5", "1.2.3"),
        *(" 1", "1 ", "1\n", "nan", "Infinity", "٣"),
    ],
)
def test_text_that_is_no_plain_decimal_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a decimal"):
        Amount.parse(text)


def test_equal_numbers_are_equal_values_however_they_were_made() -> None:
    made = {
        Amount(15, 1),
        Amount(1500, 3),
        Amount.parse("1.50"),
        Amount.from_wire(150_000_000, 8),
        Amount(3) * Amount(5, 1),
        divide(Amount(3), Amount(2), 18),
    }
    assert made == {Amount(15, 1)}


def test_every_zero_is_the_same_zero() -> None:
    assert {Amount(0, 18), Amount(5, 2) - Amount(5, 2), -ZERO, Amount.parse("-0.00")} == {ZERO}


def test_a_scale_is_the_number_of_decimals_in_the_text() -> None:
    assert [Amount(mantissa, 4).scale for mantissa in (0, 10_000, 1000, 100, 10, 1)] == [
        *(0, 0, 1, 2, 3, 4)
    ]


def test_a_negative_scale_is_refused() -> None:
    with pytest.raises(ValueError, match="-1 decimals"):
        Amount(5, -1)


def test_division_by_zero_is_an_error() -> None:
    with pytest.raises(ZeroDivisionError):
        divide(ONE, ZERO, 18)
    with pytest.raises(ZeroDivisionError):
        multiply_divide(ONE, ONE, ZERO, 18)


def test_an_amount_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        ONE.mantissa = 2  # type: ignore[misc]


def test_an_amount_survives_copying_and_pickling() -> None:
    amount = Amount.parse("-12.5")
    assert copy.deepcopy(amount) == amount
    assert pickle.loads(pickle.dumps(amount)) == amount


def test_an_amount_shows_its_text() -> None:
    assert repr(Amount.parse("1.50")) == "Amount('1.5')"


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("1e-8", "0.00000001"),
        ("1E+5", "100000"),
        ("-2.50e1", "-25"),
        ("12.5e-1", "1.25"),
        ("0e999", "0"),
        ("65000.12", "65000.12"),
        ("1e-36", "0." + "0" * 35 + "1"),
        ("1." + "0" * 60, "1"),
        (str(2**128 - 1), str(2**128 - 1)),
        (f"-{2**128 - 1}e-36", "-340." + str(2**128 - 1)[3:]),
    ],
)
def test_outside_text_may_carry_an_exponent(text: str, canonical: str) -> None:
    assert str(parse_amount(text, "price")) == canonical


@pytest.mark.parametrize(
    "text",
    [
        *("", "-", ".5", "5.", "+1", "1e", "e5", "1e5.0", "1e+-5", "1e99999", "0x10", "1_0"),
        *("NaN", "inf", "-Infinity", "sNaN", " 1", "1\n", "1 000", "1" * 201),
    ],
)
def test_outside_text_that_is_no_number_is_refused_by_name(text: str) -> None:
    with pytest.raises(ValueError, match=r"^price: .* is not a decimal number$"):
        parse_amount(text, "price")


def test_an_outside_number_that_is_not_text_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"^price: 1\.5 is not decimal text$"):
        parse_amount(1.5, "price")  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["1e-37", "0." + "0" * 36 + "1", "1e-9999"])
def test_more_decimals_than_the_books_take_are_refused_by_name(text: str) -> None:
    with pytest.raises(ValueError, match=r"^fee: \d+ decimals, at most 36 are accepted$"):
        parse_amount(text, "fee")


@pytest.mark.parametrize("text", [str(2**128), f"-{2**128}", "1e39", "1e9999", f"{2**128}e-18"])
def test_larger_numbers_than_the_books_take_are_refused_by_name(text: str) -> None:
    with pytest.raises(ValueError, match=r"^quantity: too large"):
        parse_amount(text, "quantity")


def test_wire_amounts_are_bounded_the_same_way() -> None:
    largest = Amount.from_wire(-(2**127), 36)
    assert bounded(largest, "quantity") is largest
    with pytest.raises(ValueError, match=r"^quantity: 37 decimals"):
        bounded(Amount.from_wire(1, 37), "quantity")
