"""Rows and contributions as values."""

from __future__ import annotations

import json

import pytest

from pm.attribution.rows import Row, by_place, contribution_row, contributions, parse_day
from pm.decimals import Amount
from tests.attribution.told_books import ToldBook, random_book

FEE = [["USDT", "1", "trading"], ["BNB", "0.5", "gas"]]


def test_a_stored_row_is_the_sum_of_the_contributions_of_its_day() -> None:
    book = random_book(4, 600)
    told = [
        contribution_row("main", part)
        for entry in book.entries
        for part in contributions(entry.contribution)
    ]
    stored = [
        row
        for key, held in book.book.expected_state().items()
        if key.startswith("attribution:") and isinstance(held, dict)
        for row in parse_day("main", key.split(":")[1], key.split(":")[2], held)
    ]
    for strategy in ("7", "8", "9"):
        assert by_place(row for row in told if row.strategy == strategy) == by_place(
            row for row in stored if row.strategy == strategy
        )
    assert sum(row.trade_count for row in stored) > 50


def test_a_row_knows_its_place_and_every_figure() -> None:
    book = ToldBook()
    book.fill("2025-03-01T10:00:00", "2", "100", fees=FEE, order="binance:A", decided_at="1")
    [row] = parse_day("main", "7", "2025-03-01", book.state("attribution:7:2025-03-01"))

    assert (row.venue, row.instrument) == ("binance", "binance.coin.BTCUSDT")
    assert (row.quantity, row.notional, row.volume) == (Amount(2), Amount(200), Amount(200))
    assert row.fees_unvalued == {"BNB": Amount(5, 1)}
    assert (row.orders_filled, row.latency_orders) == (1, 1)


def test_a_contribution_counts_its_trip_and_order_once() -> None:
    told = {"strategy": "7", "day": "2025-03-01", "venue": "v", "instrument": "-"}
    row = contribution_row("main", told | {"trip": "won", "order": "rejected"})

    assert (row.trips_won, row.orders_rejected, row.trade_count) == (1, 1, 0)


def test_a_damaged_row_is_named() -> None:
    stored = {"v:i": json.dumps({"volume": "abc"}), "seq": "5"}
    with pytest.raises(ValueError, match=r"attribution of strategy 7 on 2025-03-01, v:i: not a"):
        parse_day("main", "7", "2025-03-01", stored)


def test_a_figure_nobody_knows_is_not_ignored() -> None:
    with pytest.raises(ValueError, match="unknown figure rebates"):
        parse_day("main", "7", "2025-03-01", {"v:i": '{"rebates":"1"}'})


def test_sums_by_place_leave_out_what_is_zero() -> None:
    place = {"book": "main", "strategy": "7", "day": "2025-03-01", "venue": "v", "instrument": "i"}
    rows = [Row(**place, carry=Amount(1)), Row(**place, carry=Amount(-1))]  # type: ignore[arg-type]
    assert by_place(rows) == {}
