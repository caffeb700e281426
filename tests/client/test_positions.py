"""Positions as they are asked for: one, netted over strategies, listed."""

from __future__ import annotations

import pytest

from pm.books.opening import BookError
from pm.client import Client, NettedPosition, to_json
from pm.decimals import ZERO, Amount
from pm.reference.record_reader import read_instrument
from pm.reference.records import CryptoMetadata
from pm.reference.snapshot import Reference
from pm.valuation.marking import FixedSlices, NewMark, set_marks
from tests.client.conftest import OpenBook
from tests.client.facts import BTC, ETH, EXECUTED_AT, BookWriter, fill, on_ethereum

BTC_RECORD = read_instrument(
    {
        "id": BTC,
        "kind": "spot",
        "base": "BTC",
        "quote": "USDT",
        "risk_weight": "0.5",
        "correlation_group": 3,
    },
    {},
)


def test_a_position_tells_what_the_book_holds(client: Client, book: BookWriter) -> None:
    book.apply(fill(1, "2", "100"), fill(2, "-0.5", "110", fees=[["BNB", "0.1", "trading"]]))
    assert to_json(client.position(BTC, "7")) == {
        "instrument_id": BTC,
        "instrument_kind": "spot",
        "chain_id": 0,
        "location": "binance",
        "strategy_id": 7,
        "base": "BTC",
        "quote": "USDT",
        "settlement": "USDT",
        "multiplier": "1",
        "inverse": False,
        "dust": "0",
        "quantity": "1.5",
        "avg_cost_basis": "100",
        "cost": "150",
        "mark": None,
        "mark_time": None,
        "is_stale": False,
        "market_value": None,
        "unrealized_pnl": None,
        "exposure": None,
        "first_trade_time": EXECUTED_AT + 1,
        "last_update_time": EXECUTED_AT + 2,
        "total_trades": 2,
        "realized_pnl": "5",
        "fees_paid": {"BNB": "0.1", "USDT": "5"},
        "fee_value": "5",
        "fees_unvalued": {"BNB": "0.1"},
        "carry": "0",
        "transfer_cost": "0",
        "net_pnl": None,
        "trip_realized_pnl": "5",
        "trip_fee_value": "5",
        "trip_carry": "0",
        "asset_metadata": None,
        "risk_weight": None,
        "correlation_group": None,
        "live": None,
        "book": "main",
        "seq": 3,
    }


def test_a_position_nobody_had_is_none(client: Client, book: BookWriter) -> None:
    book.apply(fill(1, "2", "100"))
    assert client.position(BTC, "8") is None
    assert client.position(ETH, "7") is None
    assert client.position(ETH) is None


def test_a_strategy_may_be_given_as_a_number(client: Client, book: BookWriter) -> None:
    book.apply(fill(1, "2", "100"))
    assert client.position(BTC, 7) == client.position(BTC, "7")


def test_a_flat_position_has_no_average_and_a_net_result(client: Client, book: BookWriter) -> None:
    book.apply(fill(1, "2", "100"), fill(2, "-2", "110"))
    position = client.position(BTC, "7")
    assert position is not None
    assert position.avg_cost_basis is None
    assert position.net_pnl == Amount(10)  # 20 won, 5 and 5 paid


def test_a_flat_position_with_a_fee_of_unknown_value_has_no_net_result(
    client: Client, book: BookWriter
) -> None:
    book.apply(fill(1, "2", "100", fees=[["BNB", "1", "trading"]]), fill(2, "-2", "110"))
    position = client.position(BTC, "7")
    assert position is not None
    assert position.net_pnl is None


def test_reference_data_adds_metadata_and_risk_figures(client: Client, book: BookWriter) -> None:
    book.apply(fill(1, "2", "100"))
    informed = Client(client.server, reference=Reference.build(1, [BTC_RECORD]))
    position = informed.position(BTC, "7")
    assert position is not None
    assert position.asset_metadata == CryptoMetadata(decimals=8, is_stablecoin=False)
    assert position.risk_weight == Amount(5, 1)
    assert position.correlation_group == 3
    told = to_json(position)["asset_metadata"]
    assert told == {"type": "crypto", "decimals": 8, "is_stablecoin": False}


def test_opposing_strategies_net_without_an_average(client: Client, book: BookWriter) -> None:
    book.apply(fill(1, "10", "100", fees=[]), fill(2, "-4", "110", strategy="8", fees=[]))
    netted = client.position(BTC)
    assert netted is not None
    assert (netted.quantity, netted.cost) == (Amount(6), Amount(560))
    assert netted.avg_cost_basis is None
    assert str(netted.break_even) == "93.333333333333333333"
    assert (netted.long_quantity, netted.long_avg_cost_basis) == (Amount(10), Amount(100))
    assert (netted.short_quantity, netted.short_avg_cost_basis) == (Amount(-4), Amount(110))
    assert [position.strategy_id for position in netted.positions] == ["7", "8"]
    assert (netted.seqs, netted.is_exact) == ({"main": 3}, True)


def test_a_netted_position_has_the_mark_of_its_open_positions(
    client: Client, book: BookWriter
) -> None:
    book.apply(
        fill(1, "1", "100"),
        fill(2, "-3", "110", strategy="8"),
        fill(3, "1", "100", strategy="9"),
        fill(4, "-1", "100", strategy="9"),
    )
    book_marks(client, NewMark(f"7:{BTC}", "105", "20", "0"), NewMark(f"8:{BTC}", "105", "10", "1"))
    netted = client.position(BTC)
    assert netted is not None
    assert (netted.mark, netted.mark_time, netted.is_stale) == (Amount(105), 10, True)
    assert (netted.unmarked, netted.unrealized_pnl) == (0, Amount(20))


@pytest.mark.parametrize("other", ["106", ""])
def test_a_netted_position_of_several_marks_has_none(
    client: Client, book: BookWriter, other: str
) -> None:
    book.apply(fill(1, "1", "100"), fill(2, "-3", "110", strategy="8"))
    time = "10" if other else ""
    book_marks(client, NewMark(f"7:{BTC}", "105", "10", "1"), NewMark(f"8:{BTC}", other, time, "0"))
    netted = client.position(BTC)
    assert netted is not None
    assert (netted.mark, netted.mark_time, netted.is_stale) == (None, None, False)


def book_marks(client: Client, *marks: NewMark) -> None:
    """Value positions of the book main at these marks."""
    assert set_marks(client.server, "main", marks, FixedSlices()).positions > 0


def test_strategies_of_one_side_net_to_their_average(client: Client, book: BookWriter) -> None:
    book.apply(fill(1, "1", "100"), fill(2, "3", "120", strategy="8"))
    netted = client.position(BTC)
    assert netted is not None
    assert netted.avg_cost_basis == netted.break_even == netted.long_avg_cost_basis == Amount(115)
    assert (netted.short_quantity, netted.short_avg_cost_basis) == (ZERO, None)
    assert netted.fees_paid == {"USDT": Amount(10)}
    assert netted.net_pnl is None


def test_legs_that_cancel_out_have_neither_average_nor_break_even(
    client: Client, book: BookWriter
) -> None:
    book.apply(fill(1, "1", "100"), fill(2, "-1", "120", strategy="8"))
    netted = client.position(BTC)
    assert netted is not None
    assert (netted.quantity, netted.break_even, netted.net_pnl) == (ZERO, None, None)


def test_closed_legs_net_to_a_net_result(client: Client, book: BookWriter) -> None:
    sides = [("1", "100", "7"), ("-1", "120", "7"), ("1", "100", "8"), ("-1", "90", "8")]
    book.apply(
        *(fill(n, quantity, price, strategy=of) for n, (quantity, price, of) in enumerate(sides, 1))
    )
    netted = client.position(BTC)
    assert netted is not None
    assert netted.realized_pnl == Amount(10)
    assert netted.net_pnl == Amount(-10)
    assert netted.first_trade_time is None


def test_an_inverse_instrument_nets_to_the_harmonic_mean(client: Client, book: BookWriter) -> None:
    terms = {
        "instrument": "deribit.perp.BTCUSD",
        "instrument_kind": "perpetual",
        "base": "BTC",
        "quote": "USD",
        "settlement": "BTC",
        "multiplier": "10",
        "inverse": "1",
        "fees": [],
    }
    book.apply(fill(1, "1000", "50000", **terms), fill(2, "1000", "40000", strategy="8", **terms))
    netted = client.position("deribit.perp.BTCUSD")
    assert netted is not None
    assert str(netted.avg_cost_basis) == "44444.444444444444444444"


def test_positions_are_listed_by_state_and_strategy(client: Client, book: BookWriter) -> None:
    book.apply(
        fill(1, "1", "100"),
        fill(2, "1", "50", instrument=ETH, base="ETH"),
        fill(3, "-1", "50", instrument=ETH, base="ETH"),
        fill(4, "1", "100", strategy="70"),
    )

    def names(**query: str) -> set[tuple[str, str]]:
        listed = client.positions(query.pop("state", "open"), **query)  # type: ignore[arg-type]
        return {(position.strategy_id, position.instrument_id) for position in listed}

    assert names() == {("7", BTC), ("70", BTC)}
    assert names(state="closed") == {("7", ETH)}
    assert names(state="all") == {("7", BTC), ("7", ETH), ("70", BTC)}
    assert names(strategy="7") == {("7", BTC)}
    assert names(state="all", strategy="7") == {("7", BTC), ("7", ETH)}
    assert names(strategy="9") == set()


def test_a_list_of_thousands_comes_in_chunks(client: Client, book: BookWriter) -> None:
    count = 1203
    for start in range(0, count, 100):
        book.apply(
            *(
                fill(n + 1, "1", "100", instrument=f"binance.coin.X{n}")
                for n in range(start, min(start + 100, count))
            )
        )
    listed = client.positions()
    assert len({position.instrument_id for position in listed}) == count
    assert (listed.seqs, listed.is_exact) == ({"main": count + 1}, True)


def test_an_empty_book_lists_nothing(client: Client, book: BookWriter) -> None:
    assert client.positions("all").items == ()


def test_a_list_from_a_book_that_does_not_exist_is_refused(client: Client) -> None:
    with pytest.raises(BookError, match="book main does not exist"):
        client.positions()


def test_a_client_of_several_books_spans_them(client: Client, open_book: OpenBook) -> None:
    open_book("one").apply(fill(1, "1", "100"))
    open_book("two").apply(fill(1, "-3", "110", strategy="8"))
    books_of = {"7": "one", "8": "two"}
    reader = Client(client.server, book="one", books=["one", "two"], book_of=books_of.__getitem__)
    netted = reader.position(BTC)
    assert isinstance(netted, NettedPosition)
    assert netted.quantity == Amount(-2)
    assert netted.seqs == {"one": 2, "two": 2}
    short = reader.position(BTC, "8")
    assert short is not None
    assert short.book == "two"
    assert [position.book for position in reader.positions()] == ["one", "two"]
    assert [position.book for position in reader.positions(book="two")] == ["two"]


def test_on_chain_positions_carry_their_chain(client: Client, book: BookWriter) -> None:
    book.apply(on_ethereum(1, "1", "2000"))
    position = client.position("ethereum.pool.0x1", "8")
    assert position is not None
    assert position.chain_id == "1"
