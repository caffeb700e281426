"""Charts and the page: well-formed, self-contained, and honest about what is unknown."""

from __future__ import annotations

import re
from dataclasses import replace
from fractions import Fraction
from xml.etree import ElementTree

import pytest

from pm.attribution import svg
from pm.attribution.answer import PerformanceAttribution
from pm.attribution.axis import axis_of, compact, pixels
from pm.attribution.money import Money
from pm.attribution.page import NO_PARTS, SEVERAL_TOKENS, page
from pm.days import midnight_ns
from pm.decimals import Amount
from tests.attribution.desk import Desk
from tests.attribution.told_books import ToldBook
from tests.pure.rules_events import INVERSE, SPOT

NOW = "2025-03-02T20:00:00"
DAY = midnight_ns("2025-03-01")
HOUR_NS = 3_600_000_000_000


def parsed(drawn: str) -> ElementTree.Element:
    """The elements of a chart; ParseError if it is not well-formed."""
    return ElementTree.fromstring(drawn)


def titles(drawn: str) -> list[str]:
    return [str(element.text) for element in parsed(drawn).iter("title")]


@pytest.fixture
def found(desk: Desk) -> PerformanceAttribution:
    """Two venues, two days, every rate known."""
    book = ToldBook()
    fee = [["USDT", "1", "trading"]]
    book.fill("2025-03-01T10:00:00", "2", "100", fees=fee)
    book.fill("2025-03-02T10:00:00", "-1", "120", fees=fee, venue="a<b>&c")
    desk.put(book)
    desk.mark(SPOT["instrument"], "USDT", "110", "2025-03-01T23:59:00")
    desk.mark(SPOT["instrument"], "USDT", "115", NOW)
    desk.mark("USDT", "USD", "1", NOW)
    return desk.performance(NOW)


@pytest.mark.parametrize(
    ("values", "ticks"),
    [
        ((0, 10), ["0", "2", "4", "6", "8", "10"]),
        ((3, 97), ["0", "20", "40", "60", "80", "100"]),
        ((-5, 12), ["−5", "0", "5", "10", "15"]),
        ((7, 7), ["0", "2", "4", "6", "8"]),
    ],
)
def test_an_axis_has_few_round_ticks_around_its_values(
    values: tuple[int, int], ticks: list[str]
) -> None:
    axis = axis_of([Fraction(value) for value in values], 100, 0, with_zero=True)
    assert [compact(tick) for tick in axis.ticks] == ticks
    assert axis.low <= min(values) <= max(values) <= axis.high


def test_a_flat_line_gets_room_above_and_below() -> None:
    axis = axis_of([Fraction(100)] * 3, 100, 0, with_zero=False)
    assert axis.low < 100 < axis.high


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Fraction(1500), "1.5k"),
        (Fraction(-2_500_000), "−2.5M"),
        (Fraction(1, 1000), "0.001"),
        (Fraction(10**20), "1e20"),
        (Fraction(999), "999"),
    ],
)
def test_labels_are_short(value: Fraction, text: str) -> None:
    assert compact(value) == text


def test_pixels_have_one_decimal_and_their_sign() -> None:
    assert [pixels(Fraction(1, 3)), pixels(Fraction(-1, 4)), pixels(Fraction(12))] == [
        "0.3",
        "-0.2",
        "12.0",
    ]


def test_a_line_goes_through_every_point_and_tells_its_value() -> None:
    drawn = svg.line([(DAY, Amount(100)), (DAY + HOUR_NS, Amount.parse("101.25"))], "Equity")
    path = parsed(drawn).find("path[@class='line']")
    assert path is not None
    assert path.attrib["d"].count("L") == 1
    assert titles(drawn) == ["2025-03-01T00:00:00Z: 100", "2025-03-01T01:00:00Z: 101.25"]


def test_a_single_point_is_drawn() -> None:
    assert parsed(svg.line([(DAY, Amount(100))], "Equity")).attrib["aria-label"] == "Equity"


def test_gains_stand_above_the_line_and_losses_hang_below() -> None:
    drawn = parsed(svg.columns([("Mon", Amount(5)), ("Tue", Amount(-5))], "P&L"))
    gain, loss = drawn.findall("rect")
    assert (gain.attrib["class"], loss.attrib["class"]) == ("gain", "loss")
    bottom = Fraction(gain.attrib["y"]) + Fraction(gain.attrib["height"])
    assert bottom == Fraction(loss.attrib["y"])


def test_an_unknown_day_is_marked_and_not_drawn_as_zero() -> None:
    drawn = svg.columns([("Mon", Amount(5)), ("Tue", None)], "P&L")
    assert len(parsed(drawn).findall("rect")) == 1
    assert "Tue: unknown" in titles(drawn)


def test_bars_of_nothing_but_losses_reach_to_the_left() -> None:
    drawn = parsed(svg.bars([("a", Amount(-5)), ("b", Amount(-10))], "P&L"))
    small, large = drawn.findall("rect")
    assert Fraction(large.attrib["width"]) == 2 * Fraction(small.attrib["width"])


def test_a_long_name_keeps_both_ends() -> None:
    drawn = svg.bars([("0x" + "1" * 30 + "abcdefgh", Amount(5))], "P&L")
    assert "0x111111111…abcdefgh" in drawn


def test_the_page_loads_nothing_and_runs_nothing(found: PerformanceAttribution) -> None:
    shown = page(found)
    assert not re.search(r"<script|<link|<img|src=|url\(|@import|https?:", shown)
    assert "prefers-color-scheme:dark" in shown
    assert "@media print" in shown


def test_the_page_says_what_it_shows(found: PerformanceAttribution) -> None:
    shown = page(found)
    assert "<h1>Strategy 7: performance</h1>" in shown
    assert "2025-03-01T00:00:00Z to 2025-03-03T00:00:00Z (UTC), book main" in shown
    assert "P&amp;L by venue, USD" in shown
    assert "Net P&amp;L by day (UTC), USD" in shown
    assert "no equity points in the range" in shown


def test_names_cannot_break_out_of_the_page(found: PerformanceAttribution) -> None:
    shown = page(found)
    assert "a<b>" not in shown
    assert "a&lt;b&gt;&amp;c" in shown
    for drawn in re.findall(r"<svg.*?</svg>", shown, re.DOTALL):
        parsed(drawn)


def test_an_equity_curve_is_drawn_where_there_is_one(found: PerformanceAttribution) -> None:
    curve = ((DAY, Amount(100), Amount(0)), (DAY + HOUR_NS, Amount(90), Amount.parse("-0.1")))
    shown = page(replace(found, equity_curve=curve))
    assert "Equity, USD" in shown
    assert "2025-03-01T01:00:00Z: -10" in shown


def test_several_tokens_without_rates_share_no_scale(desk: Desk) -> None:
    book = ToldBook()
    for terms in (SPOT, INVERSE):
        book.fill("2025-03-02T10:00:00", "1", "100", terms=terms)
        book.fill("2025-03-02T10:00:01", "-1", "110", terms=terms)
    desk.put(book)
    assert page(desk.performance(NOW)).count(SEVERAL_TOKENS) == 3


def test_a_single_token_is_drawn_in_itself_without_a_rate(desk: Desk) -> None:
    book = ToldBook()
    book.fill("2025-03-02T10:00:00", "1", "100")
    book.fill("2025-03-02T10:00:01", "-1", "110")
    desk.put(book)
    assert "P&amp;L by venue, USDT" in page(desk.performance(NOW))


def test_an_empty_range_says_so(found: PerformanceAttribution) -> None:
    empty = replace(found, venue_attribution={}, token_pair_attribution={}, daily=())
    assert page(empty).count(NO_PARTS) == 2


def test_a_long_list_of_reasons_is_cut(found: PerformanceAttribution) -> None:
    many = tuple(f"no price of {number}" for number in range(50))
    assert "and 30 more" in page(replace(found, missing=many))


def test_a_figure_without_a_value_is_called_unknown(found: PerformanceAttribution) -> None:
    shown = page(replace(found, net_pnl=Money({"USDT": None}, None)))
    assert "unknown USDT" in shown
