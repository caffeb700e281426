"""Exposures added up: netted by instrument, by group, by asset, and what is uncovered."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pm.decimals import ONE, ZERO, Amount
from pm.risk.exposure import Exposure
from pm.risk.exposure_totals import (
    AssetExposure,
    Concentration,
    ExposureTotals,
    InstrumentExposure,
    asset_totals,
    concentration,
    exposure_totals,
    uncovered_amounts,
)

RATES = {"USD": ONE, "EUR": Amount.parse("1.1"), "USDT": Amount.parse("0.999")}


def held(
    instrument: str, amount: str | None, token: str = "USD", weight: str = "1", group: int = 0
) -> InstrumentExposure:
    part = Exposure(None, token, "price") if amount is None else of(amount, token)
    return InstrumentExposure(instrument, part, Amount.parse(weight), group)


def of(amount: str, token: str = "USD") -> Exposure:
    return Exposure(Amount.parse(amount), token)


def texts(amounts: dict[str, Amount]) -> dict[str, str]:
    return {name: str(value) for name, value in amounts.items()}


def totals(*parts: InstrumentExposure, equity: str | None = "1000") -> ExposureTotals:
    return exposure_totals(parts, RATES, None if equity is None else Amount.parse(equity))


def test_strategies_on_opposite_sides_of_an_instrument_are_netted() -> None:
    summed = totals(held("A", "300"), held("A", "-200"), held("B", "-400"))

    assert texts(dict(summed.by_instrument)) == {"A": "100", "B": "-400"}
    assert str(summed.gross) == "500"
    assert str(summed.net) == "-300"
    assert str(summed.leverage) == "0.5"
    assert summed.concentration == Concentration("B", Amount.parse("0.4"))
    assert summed.uncovered == ()


def test_other_tokens_are_converted_exactly() -> None:
    summed = totals(held("A", "100.000000000000000001", "EUR"), held("B", "-100", "USDT"))

    assert str(summed.gross) == "209.9000000000000000011"
    assert str(summed.net) == "10.1000000000000000011"


def test_risk_weights_apply_to_the_size_of_what_is_netted() -> None:
    summed = totals(
        held("A", "300", weight="0.5"),
        held("A", "-100", weight="0.5"),
        held("B", "-400", weight="2"),
    )

    assert str(summed.risk_weighted) == "900"


def test_a_group_is_the_size_of_its_net_and_the_ungrouped_are_in_none() -> None:
    summed = totals(
        held("A", "300", group=1),
        held("B", "-500", group=1),
        held("C", "70", group=2),
        held("D", "1000"),
        held("E", "-1000"),
    )

    assert {group: str(size) for group, size in summed.by_group.items()} == {1: "200", 2: "70"}


@pytest.mark.parametrize("equity", [None, "0", "-1"])
def test_without_positive_equity_there_is_no_ratio_to_it(equity: str | None) -> None:
    summed = totals(held("A", "-300"), equity=equity)

    assert summed.leverage is None
    assert summed.concentration == Concentration("A", None)


def test_a_ratio_is_rounded_half_even_at_18_decimals() -> None:
    assert str(totals(held("A", "200"), equity="300").leverage) == "0.666666666666666667"


def test_nothing_held_is_no_exposure() -> None:
    for summed in (totals(), totals(held("A", "5"), held("A", "-5"))):
        assert (summed.gross, summed.net, summed.risk_weighted) == (ZERO, ZERO, ZERO)
        assert summed.leverage == ZERO
        assert summed.concentration is None


def test_the_first_by_name_of_equal_exposures_is_the_concentration() -> None:
    largest = concentration({"B": Amount(-5), "A": Amount(5), "C": Amount(1)}, Amount(10))

    assert largest == Concentration("A", Amount.parse("0.5"))


def test_an_unknown_exposure_or_one_without_a_rate_is_uncovered_and_in_no_sum() -> None:
    summed = totals(
        held("A", "100"),
        held("B", None, group=1),
        held("C", "-30", "GBP", group=1),
        held("D", "12", "GBP"),
    )

    assert (str(summed.gross), str(summed.net), str(summed.risk_weighted)) == ("100",) * 3
    assert summed.by_group == {}
    assert [(entry.name, entry.reason) for entry in summed.uncovered] == [
        ("B", "no price"),
        ("C", "no rate for GBP"),
        ("D", "no rate for GBP"),
    ]
    assert texts(uncovered_amounts(summed.uncovered)) == {"GBP": "42"}


@pytest.mark.parametrize("parts", [("100", None), (None, "100"), (None, None), (None, "0")])
def test_an_instrument_is_unknown_if_any_position_in_it_is(
    parts: tuple[str | None, str | None],
) -> None:
    summed = totals(*(held("A", part) for part in parts))

    assert summed.by_instrument == {}
    assert [(entry.name, entry.exposure.amount, entry.reason) for entry in summed.uncovered] == [
        ("A", None, "no price")
    ]


def test_where_all_is_uncovered_the_sums_are_unknown() -> None:
    summed = totals(held("A", "0"), held("B", None), held("C", "12", "GBP"))

    assert (summed.gross, summed.net, summed.risk_weighted) == (None, None, None)
    assert (summed.leverage, summed.concentration) == (None, None)
    assert len(summed.uncovered) == 2


def test_nothing_held_needs_no_rate() -> None:
    assert totals(held("A", "0", "GBP")).uncovered == ()


@pytest.mark.parametrize(
    "other",
    [held("A", "1", "EUR"), held("A", "1", weight="2"), held("A", "1", group=3)],
)
def test_positions_that_disagree_about_their_instrument_are_refused(
    other: InstrumentExposure,
) -> None:
    with pytest.raises(ValueError, match=r"^A: positions differ in token, risk weight"):
        totals(held("A", "1"), other)


def test_a_short_future_takes_the_spot_balance_off_its_asset() -> None:
    rates = {**RATES, "BTC": Amount(50_000)}

    by_asset = asset_totals(
        [
            AssetExposure("BTC", of("2", "BTC")),
            AssetExposure("BTC", of("-60000", "USDT")),
            AssetExposure("USD", of("123", "USD")),
            AssetExposure("USDC", of("10", "USD")),
            AssetExposure("USDC", of("5", "EUR")),
            AssetExposure("EUR", of("-7", "EUR")),
        ],
        rates,
        "USD",
        {"USDC", "USDT"},
    )

    assert texts(dict(by_asset.assets)) == {"BTC": "40060", "EUR": "-7.7"}
    assert texts(dict(by_asset.stablecoins)) == {"USDC": "15.5"}
    assert by_asset.uncovered == ()


def test_what_is_uncovered_of_an_asset_leaves_the_rest_of_it() -> None:
    by_asset = asset_totals(
        [
            AssetExposure("BTC", of("2", "WBTC")),
            AssetExposure("BTC", of("100")),
            AssetExposure("BTC", Exposure(None, "USD", "delta")),
        ],
        RATES,
        "USD",
    )

    assert texts(dict(by_asset.assets)) == {"BTC": "100"}
    assert [entry.reason for entry in by_asset.uncovered] == ["no delta", "no rate for WBTC"]
    assert texts(uncovered_amounts(by_asset.uncovered)) == {"WBTC": "2"}


def _part(name: str, amount: int | None, token: str) -> InstrumentExposure:
    number = ord(name)
    known = Exposure(None, token, "price") if amount is None else Exposure(Amount(amount, 3), token)
    return InstrumentExposure(name, known, Amount(number, 2), number % 3)


@st.composite
def portfolios(draw: st.DrawFn) -> list[InstrumentExposure]:
    token = {name: draw(st.sampled_from(["USD", "EUR", "USDT", "GBP"])) for name in "ABCDEF"}
    positions = draw(
        st.lists(
            st.tuples(
                st.sampled_from("ABCDEF"), st.one_of(st.none(), st.integers(-(10**9), 10**9))
            ),
            max_size=20,
        )
    )
    return [_part(name, amount, token[name]) for name, amount in positions]


@settings(max_examples=150, deadline=None)
@given(parts=portfolios())
def test_gross_is_never_below_the_size_of_net_nor_a_group_above_gross(
    parts: list[InstrumentExposure],
) -> None:
    summed = exposure_totals(parts, RATES, Amount(1000))

    if summed.gross is None or summed.net is None:
        assert summed.uncovered
        assert not any(summed.by_instrument.values())
        return
    assert summed.gross >= abs(summed.net)
    assert summed.gross == sum(map(abs, summed.by_instrument.values()), ZERO)
    assert all(size <= summed.gross for size in summed.by_group.values())
    covered = {entry.name for entry in summed.uncovered} | set(summed.by_instrument)
    assert covered == {part.instrument for part in parts}


@settings(max_examples=100, deadline=None)
@given(parts=portfolios(), seed=st.integers(0, 2**32))
def test_the_order_of_positions_does_not_matter(parts: list[InstrumentExposure], seed: int) -> None:
    shuffled = list(parts)
    Random(seed).shuffle(shuffled)

    again = exposure_totals(shuffled, RATES, Amount(1000))

    assert again == exposure_totals(parts, RATES, Amount(1000))
    assert list(again.by_instrument) == sorted(again.by_instrument)


@settings(max_examples=100, deadline=None)
@given(parts=portfolios(), factor=st.integers(1, 1000))
def test_twice_the_positions_are_twice_the_exposure(
    parts: list[InstrumentExposure], factor: int
) -> None:
    times = Amount(factor)
    scaled = [
        InstrumentExposure(
            part.instrument,
            Exposure(part.exposure.amount * times, part.exposure.token),
            part.risk_weight,
            part.group,
        )
        for part in parts
        if part.exposure.amount is not None
    ]
    known = [part for part in parts if part.exposure.amount is not None]

    one, many = exposure_totals(known, RATES, None), exposure_totals(scaled, RATES, None)

    figures = ("gross", "net", "risk_weighted")
    for before, after in ((getattr(one, name), getattr(many, name)) for name in figures):
        assert after == (None if before is None else before * times)
