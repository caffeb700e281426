"""Positions and balances: what fills, fees, deposits and openings of each kind do to them."""

from typing import Any

import pytest

from tests.pure.rules_events import (
    EQUITY,
    INVERSE,
    OPTION,
    PERPETUAL,
    SPOT,
    Journal,
    changes,
    contribution,
    figures,
    legs,
)

HELD = ("quantity", "cost", "avg_cost_basis", "realized_pnl")
TRIP = ("trip_realized_pnl", "trip_fee_value")


def paid(amount: str, token: str = "USDT", kind: str = "trading") -> list[list[str]]:
    return [[token, amount, kind]]


def test_a_first_fill_opens_a_position_that_never_existed() -> None:
    journal = Journal()

    (change,) = changes(journal.fill("2", "100"))

    assert (change["type"], change["old"]) == ("position_opened", None)
    assert figures(change["new"], *HELD) == ["2", "200", "100", "0"]


def test_the_types_of_change_follow_the_quantity() -> None:
    journal = Journal()
    fills = [("1", "100"), ("1", "110"), ("-1.5", "120"), ("-0.5", "120"), ("-1", "90")]

    found = [changes(journal.fill(*fill))[0]["type"] for fill in fills]

    assert found == [
        "position_opened",
        "position_modified",
        "position_modified",
        "position_closed",
        "position_opened",
    ]


def test_a_closed_position_has_no_cost_and_no_average() -> None:
    journal = Journal()
    journal.fill("2", "100")

    (change,) = changes(journal.fill("-2", "110"))

    assert figures(change["new"], *HELD) == ["0", "0", None, "20"]
    assert journal.position()["avg_cost_basis"] == ""


def test_a_long_position_flipped_short_parts_its_fee_two_to_three() -> None:
    journal = Journal()
    journal.fill("2", "100")

    entry = journal.fill("-5", "110", fees=paid("5"))

    closed, opened = changes(entry)
    assert (closed["type"], opened["type"]) == ("position_closed", "position_opened")
    assert figures(closed["new"], *HELD, *TRIP) == ["0", "0", None, "20", "20", "2"]
    assert closed["new"]["fees_paid"] == {"USDT": "2"}
    assert opened["old"] == closed["new"]
    assert figures(opened["new"], *HELD, *TRIP) == ["-3", "-330", "110", "20", "0", "3"]
    assert opened["new"]["fees_paid"] == {"USDT": "5"}
    assert closed["new"]["total_trades"] == opened["new"]["total_trades"] == "2"
    assert legs(entry) == [["-5", "-550"]]
    assert contribution(entry)["trip"] == "won"


def test_a_short_position_flipped_long_parts_its_fee_likewise() -> None:
    journal = Journal()
    journal.fill("-2", "100")

    closed, opened = changes(journal.fill("5", "90", fees=paid("5")))

    assert figures(closed["new"], *HELD, *TRIP) == ["0", "0", None, "20", "20", "2"]
    assert figures(opened["new"], *HELD, *TRIP) == ["3", "270", "90", "20", "0", "3"]


def test_a_fee_in_the_base_token_is_parted_by_quantity_and_valued_at_the_price() -> None:
    journal = Journal()
    journal.fill("1", "100")

    entry = journal.fill("-3", "110", fees=paid("0.003", "BTC"))

    closed, opened = changes(entry)
    assert legs(entry) == [["-3", "-330"], ["-0.003", "-0.33"]]
    assert closed["new"]["fees_paid"] == {"BTC": "0.001"}
    assert figures(closed["new"], *TRIP) == ["10", "0.11"]
    assert figures(opened["new"], *HELD, *TRIP) == ["-2.003", "-220.33", "110", "10", "0", "0.22"]


def test_a_fee_in_a_third_token_leaves_the_outcome_of_the_trip_unknown() -> None:
    journal = Journal()
    journal.fill("1", "100")

    entry = journal.fill("-3", "110", fees=paid("1", "BNB"))

    closed, opened = changes(entry)
    assert closed["new"]["fees_unvalued"] == {"BNB": "0.333333333333333333"}
    assert opened["new"]["fees_unvalued"] == {"BNB": "1"}
    assert closed["new"]["fee_value"] == opened["new"]["fee_value"] == "0"
    assert contribution(entry)["trip"] == "unknown"


def test_zero_reached_exactly_by_the_fill_leaves_its_fees_with_what_was_closed() -> None:
    journal = Journal()
    journal.fill("1", "100")

    closed, opened = changes(journal.fill("-1", "110", fees=paid("0.01", "BTC")))

    assert figures(closed["new"], *HELD, *TRIP) == ["0", "0", None, "10", "10", "1.1"]
    assert figures(opened["new"], *HELD, *TRIP) == ["-0.01", "-1.1", "110", "10", "0", "0"]


def test_zero_crossed_by_the_fee_leg_leaves_all_fees_with_what_was_closed() -> None:
    journal = Journal()
    journal.fill("1", "100")

    entry = journal.fill("-0.995", "110", fees=paid("0.01", "BTC"))

    closed, opened = changes(entry)
    assert figures(closed["new"], *HELD, *TRIP) == ["0", "0", None, "10", "10", "1.1"]
    assert figures(opened["new"], *HELD, *TRIP) == ["-0.005", "-0.55", "110", "10", "0", "0"]
    assert contribution(entry)["realized_pnl"] == "10"


def test_a_fill_that_crosses_zero_and_comes_back_to_it_by_a_rebate_only_closes() -> None:
    journal = Journal()
    journal.fill("1", "100")

    (change,) = changes(journal.fill("-1.01", "110", fees=paid("-0.01", "BTC")))

    assert change["type"] == "position_closed"
    assert figures(change["new"], *HELD) == ["0", "0", None, "10"]


def test_a_buy_with_a_base_fee_nets_to_the_cash_it_made() -> None:
    journal = Journal()

    bought = journal.fill("1", "100", fees=paid("0.001", "BTC"))

    assert legs(bought) == [["1", "100"], ["-0.001", "-0.1"]]
    assert figures(journal.position(), *HELD) == ["0.999", "99.9", "100", "0"]

    sold = journal.fill("-0.999", "110")

    assert figures(journal.position(), "realized_pnl", "fee_value") == ["9.99", "0.1"]
    assert (journal.total("BTC"), journal.total("USDT")) == ("0", "9.89")
    assert contribution(sold)["trip"] == "won"


def test_gas_in_the_base_token_is_a_fee_but_no_leg() -> None:
    journal = Journal()

    entry = journal.fill("1", "100", fees=paid("0.01", "BTC", "gas"))

    assert legs(entry) == [["1", "100"]]
    assert figures(journal.position(), "fees_paid", "fee_value") == ['{"BTC":"0.01"}', "1"]
    assert journal.total("BTC") == "0.99"


@pytest.mark.parametrize("terms", [PERPETUAL, OPTION, EQUITY | {"base": "BTC"}])
def test_a_base_fee_of_anything_but_spot_is_no_leg(terms: dict[str, Any]) -> None:
    entry = Journal().fill("1", "100", terms=terms, fees=paid("0.01", "BTC"))

    assert len(legs(entry)) == 1
    assert contribution(entry)["fee_value"] == "1"  # the price alone, without the multiplier


def test_a_rebate_in_the_base_token_adds_to_the_position() -> None:
    journal = Journal()

    entry = journal.fill("1", "100", fees=paid("-0.001", "BTC"))

    assert legs(entry) == [["1", "100"], ["0.001", "0.1"]]
    assert figures(journal.position(), "quantity", "fee_value") == ["1.001", "-0.1"]


def test_a_fee_of_an_inverse_instrument_is_valued_only_in_its_coin() -> None:
    journal = Journal()

    journal.fill("100", "50000", terms=INVERSE, fees=[["BTC", "0.001", "trading"]])
    journal.fill("100", "50000", terms=INVERSE, fees=[["USD", "3", "trading"]])

    held = journal.position(INVERSE)
    assert figures(held, "fee_value", "fees_unvalued") == ["0.001", '{"USD":"3"}']


def test_a_fee_in_the_base_of_an_inverse_instrument_settled_otherwise_has_no_value() -> None:
    journal = Journal()
    terms = INVERSE | {"settlement": "USDC"}

    journal.fill("100", "50000", terms=terms, fees=[["BTC", "0.001", "trading"]])

    held = journal.position(terms)
    assert figures(held, "fee_value", "fees_unvalued") == ["0", '{"BTC":"0.001"}']


def test_a_stated_amount_is_the_notional_and_prices_the_base_fee() -> None:
    entry = Journal().fill("3", "33", quote_amount="100", fees=paid("0.3", "BTC"))

    assert legs(entry) == [["3", "100"], ["-0.3", "-9.9999999999999999999"]]


def test_an_inverse_position_realizes_coin() -> None:
    journal = Journal()

    journal.fill("1000", "50000", terms=INVERSE)
    assert figures(journal.position(INVERSE), *HELD) == ["1000", "-0.2", "50000", "0"]

    sold = journal.fill("-1000", "40000", terms=INVERSE)

    assert legs(sold) == [["-1000", "0.25"]]
    assert figures(journal.position(INVERSE), *HELD) == ["0", "0", "", "-0.05"]
    assert journal.total("BTC") == "-0.05"


@pytest.mark.parametrize(
    ("terms", "balances"),
    [
        (SPOT, {"BTC": "2", "USDT": "-201"}),
        (EQUITY, {"ACME": "2", "USD": "-200", "USDT": "-1"}),
        (OPTION, {"USDT": "-20001"}),
        (PERPETUAL, {"USDT": "-1"}),
        (PERPETUAL | {"instrument_kind": "future"}, {"USDT": "-1"}),
        (INVERSE, {"USDT": "-1"}),
    ],
)
def test_a_buy_settles_by_the_kind_of_instrument(
    terms: dict[str, Any], balances: dict[str, str]
) -> None:
    journal = Journal()

    journal.fill("2", "100", terms=terms, fees=paid("1"))

    listed = journal.hash("balances").keys() - {"."}
    assert {key.split(":")[1]: journal.hash(f"balance:{key}")["total"] for key in listed} == (
        balances
    )


def test_a_perpetual_settles_what_it_realizes() -> None:
    journal = Journal()
    journal.fill("2", "100", terms=PERPETUAL)

    journal.fill("-1", "110", terms=PERPETUAL, fees=paid("0.5"))

    assert journal.total("USDT") == "9.5"


def test_balances_change_in_the_order_base_quote_settlement_fees() -> None:
    entry = Journal().fill(
        "1",
        "100",
        terms=SPOT | {"settlement": "EUR"},
        fees=[["ZZZ", "1", "gas"], ["AAA", "1", "trading"], ["USDT", "1", "trading"]],
    )

    assert [row["token"] for row in changes(entry, "balance")] == ["BTC", "USDT", "ZZZ", "AAA"]


def test_movements_of_a_token_are_one_change_and_none_when_they_cancel() -> None:
    journal = Journal()

    entry = journal.fill("-1", "100", fees=paid("100"))

    (change,) = changes(entry, "balance")
    assert change == {
        "type": "balance_changed",
        "location": "binance",
        "chain_id": "0",
        "token": "BTC",
        "old": None,
        "new": {"available": "-1", "reserved": "0", "total": "-1"},
    }


def test_strategies_keep_positions_of_their_own_in_one_instrument() -> None:
    journal = Journal()

    journal.fill("1", "100", strategy="7")
    journal.fill("-3", "100", strategy="8")

    assert journal.position(strategy="7")["quantity"] == "1"
    assert journal.position(strategy="8")["quantity"] == "-3"
    assert journal.total("BTC") == "-2"


def test_what_is_left_within_dust_ends_the_trip_and_stays_in_the_books() -> None:
    journal = Journal()
    terms = SPOT | {"dust": "0.01"}
    journal.fill("1", "100", terms=terms)

    entry = journal.fill("-0.995", "110", terms=terms)

    assert changes(entry)[0]["type"] == "position_modified"
    assert contribution(entry)["trip"] == "won"
    assert figures(journal.position(), "quantity", *TRIP) == ["0.005", "9.95", "0"]
    assert "7:binance.coin.BTCUSDT" in journal.hash("positions")


def test_a_fill_on_top_of_dust_begins_a_trip_of_its_own() -> None:
    journal = Journal()
    terms = SPOT | {"dust": "0.01"}
    journal.fill("1", "100", terms=terms)
    journal.fill("-0.995", "110", terms=terms)

    again = journal.fill("1", "100", terms=terms, fees=paid("1"))

    new = changes(again)[0]["new"]
    assert figures(new, *TRIP) == ["0", "1"]
    assert new["first_trade_time"] == new["last_update_time"]
    assert "trip" not in contribution(again)


def test_a_quantity_of_exactly_dust_is_flat_for_trips() -> None:
    journal = Journal()
    terms = SPOT | {"dust": "0.01"}
    journal.fill("1", "100", terms=terms)

    closing = journal.fill("-0.99", "110", terms=terms)
    again = journal.fill("1", "100", terms=terms)

    assert contribution(closing)["trip"] == "won"
    assert figures(changes(again)[0]["new"], *TRIP) == ["0", "0"]


def test_zero_crossed_from_a_dust_remainder_closes_no_trip() -> None:
    journal = Journal()
    terms = SPOT | {"dust": "0.01"}
    opened = journal.fill("1", "100", terms=terms)
    journal.fill("-0.995", "110", terms=terms)

    entry = journal.fill("-1.005", "120", terms=terms)

    closed, opened_again = changes(entry)
    assert "trip" not in contribution(entry)
    assert closed["new"]["first_trade_time"] == changes(opened)[0]["new"]["first_trade_time"]
    assert figures(closed["new"], *TRIP) == ["10.05", "0"]
    assert figures(opened_again["new"], "quantity", *TRIP) == ["-1", "0", "0"]


def test_a_trip_that_ends_even_is_lost_and_fees_decide_it() -> None:
    journal = Journal()
    journal.fill("1", "100")
    even = journal.fill("-1", "100")
    journal.fill("1", "100", fees=paid("6"))
    costly = journal.fill("-1", "110", fees=paid("4"))

    assert contribution(even)["trip"] == "lost"
    assert contribution(costly)["trip"] == "lost"
    assert figures(journal.position(), *TRIP) == ["10", "10"]


def test_a_deposit_without_a_basis_is_a_balance_and_selling_it_makes_a_short_position() -> None:
    journal = Journal()
    deposited = journal.deposit("BTC", "3", instrument=None, strategy=None)

    assert (changes(deposited), deposited.contribution) == ([], "")

    journal.fill("-1", "100")

    assert figures(journal.position(), *HELD) == ["-1", "-100", "100", "0"]
    assert journal.total("BTC") == "2"


def test_a_deposit_with_a_basis_is_a_leg_but_no_trade() -> None:
    journal = Journal()

    entry = journal.deposit("BTC", "3", cost="300")

    assert legs(entry) == [["3", "300"]]
    assert figures(journal.position(), *HELD, "total_trades") == ["3", "300", "100", "0", "0"]
    assert journal.total("BTC") == "3"
    assert figures(contribution(entry), "quantity", "notional") == ["3", "300"]
    assert "trade_count" not in contribution(entry)

    sold = journal.fill("-3", "110")

    assert contribution(sold)["realized_pnl"] == "30"


def test_an_opening_of_a_position_alone_moves_no_balance() -> None:
    journal = Journal()

    entry = journal.event("opening", terms=PERPETUAL, quantity="-4", cost="-440")

    assert changes(entry, "balance") == []
    assert figures(journal.position(PERPETUAL), *HELD) == ["-4", "-440", "110", "0"]


def test_an_opening_that_closes_something_realizes_it_without_being_a_trade() -> None:
    journal = Journal()
    journal.fill("-1", "100")

    entry = journal.deposit("BTC", "1", cost="90")

    assert contribution(entry) == {
        "strategy": "7",
        "day": "2023-11-14",
        "venue": "binance",
        "instrument": "binance.coin.BTCUSDT",
        "base": "BTC",
        "quote": "USDT",
        "settlement": "USDT",
        "quantity": "1",
        "notional": "90",
        "realized_pnl": "10",
        "trip": "won",
    }


def test_a_stranded_pair_of_venues_keeps_one_position_per_venue() -> None:
    journal = Journal()
    other = SPOT | {"instrument": "kraken.coin.BTCUSDT", "venue": "kraken", "location": "kraken"}

    journal.fill("1", "100")
    journal.fill("-0.6", "102", terms=other)

    assert (journal.total("BTC"), journal.total("BTC", "kraken")) == ("1", "-0.6")
    assert (journal.total("USDT"), journal.total("USDT", "kraken")) == ("-100", "61.2")
