"""Transfers: at once, in two steps, with a position, and from one book to another."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pm.books import reference_store
from pm.books.opening import BookError
from pm.client import Client, Position
from pm.client.capital import Capital, CapitalError
from pm.client.transfers import Moved, Transfers
from pm.decimals import Amount
from pm.reference.record_reader import read_instrument
from pm.reference.snapshot import Reference
from pm.reference.toml_source import load_reference
from pm.verify import verify_book
from tests.client.conftest import OpenBook
from tests.client.facts import BTC, ETH, BookWriter
from tests.servers import AnyServer

INSTRUMENTS = Path(__file__).resolve().parents[2] / "config" / "instruments.toml"
BTC_IN_USD = "kraken.coin.BTC"
BTC_ELSEWHERE = "coinbase.coin.BTC-USDT"
WITH_POSITION: dict[str, Any] = {"strategy": 7, "instrument": BTC}


@pytest.fixture
def books(server: AnyServer, open_book: OpenBook) -> Iterator[list[BookWriter]]:
    """The books main and second, proven after the test."""
    elsewhere = read_instrument(
        {"id": BTC_ELSEWHERE, "kind": "spot", "base": "BTC", "quote": "USDT"}, {}
    )
    reference_store.merge(server.client(), load_reference(INSTRUMENTS))
    reference_store.merge(server.client(), Reference.build(0, [elsewhere]))
    yield [open_book("main"), open_book("second")]
    for name in ("main", "second"):
        assert verify_book(server.client(decode=False), name).differences == []


@pytest.fixture
def transfers(server: AnyServer, books: list[BookWriter]) -> Iterator[Transfers]:
    """Transfers of books of which main has 1000 USDT and 3 BTC of strategy 7 that cost 300."""
    with Capital.open(server.url) as capital:
        capital.deposit("1000", "USDT", venue="binance")
        capital.deposit("3", "BTC", venue="binance", cost="300", **WITH_POSITION)
        yield capital.transfers


def total(client: Client, location: str, token: str = "USDT", book: str = "main") -> str:
    """The total of a balance, "0" where there is none."""
    found = client.balance(location, token, book=book)
    return "0" if found is None else str(found.total)


def position(client: Client, instrument: str = BTC, book: str = "main") -> Position:
    """Strategy 7's position."""
    found = client.position(instrument, 7, book=book)
    assert found is not None
    return found


def held(client: Client, instrument: str = BTC, book: str = "main") -> tuple[str, str, str]:
    """Quantity, cost and transfer cost of a position."""
    found = position(client, instrument, book)
    return str(found.quantity), str(found.cost), str(found.transfer_cost)


def in_flight(client: Client, token: str = "USDT") -> str:
    """What the book main says is under way."""
    return str(client.head("main").in_flight.get(token, "0"))


def states(client: Client) -> list[tuple[int, str]]:
    """Where both books stand."""
    return [(head.seq, head.digest) for head in (client.head("main"), client.head("second"))]


def words(done: Moved) -> list[tuple[str, str]]:
    """The book and the result of each step."""
    return [(step.book, step.result) for step in done.steps]


def test_an_amount_moves_at_once_less_what_gets_lost(transfers: Transfers, client: Client) -> None:
    done = transfers.whole("100", "USDT", "binance", "kraken", arrived="99")
    assert words(done) == [("main", "applied")]
    assert (done.transfer.status, str(done.transfer.fee)) == ("arrived", "1")
    assert (total(client, "binance"), total(client, "kraken")) == ("900", "99")
    assert in_flight(client) == "0"


def test_a_transfer_made_again_under_its_id_counts_once(
    transfers: Transfers, client: Client
) -> None:
    for expected in ("applied", "duplicate"):
        done = transfers.whole("100", "USDT", "binance", "kraken", transfer_id="T1")
        assert words(done) == [("main", expected)]
    assert (total(client, "binance"), total(client, "kraken")) == ("900", "100")


def test_a_position_moves_at_its_cost_and_its_loss_is_a_cost(
    transfers: Transfers, client: Client
) -> None:
    transfers.whole(
        *("1", "BTC", "binance", "coinbase"),
        **{"arrived": "0.99", "to_instrument": BTC_ELSEWHERE, **WITH_POSITION},
    )
    assert held(client) == ("2", "200", "1")
    assert held(client, BTC_ELSEWHERE) == ("0.99", "99", "0")
    assert (total(client, "binance", "BTC"), total(client, "coinbase", "BTC")) == ("2", "0.99")


def test_a_position_that_moves_within_its_instrument_keeps_its_cost(
    transfers: Transfers, client: Client
) -> None:
    transfers.whole("1", "BTC", "binance", "fund-2", **WITH_POSITION)
    assert held(client) == ("3", "300", "0")
    assert position(client).location == "fund-2"


def test_a_rate_turns_the_cost_into_another_settlement_token(
    transfers: Transfers, client: Client
) -> None:
    transfers.whole(
        *("1", "BTC", "binance", "kraken"),
        **{"to_instrument": BTC_IN_USD, "rate": "1.25", **WITH_POSITION},
    )
    assert held(client, BTC_IN_USD) == ("1", "125", "0")


def test_what_was_sent_is_in_flight_until_it_arrives(transfers: Transfers, client: Client) -> None:
    sent = transfers.send("100", "USDT", "binance", "kraken", transfer_id="T1")
    assert (sent.transfer.status, sent.transfer.to_location) == ("in_flight", "kraken")
    assert (total(client, "binance"), in_flight(client)) == ("900", "100")
    assert [record.transfer_id for record in transfers.in_flight()] == ["T1"]
    done = transfers.arrive("T1", "98.5")
    assert (done.transfer.status, str(done.transfer.fee)) == ("arrived", "1.5")
    assert (total(client, "kraken"), in_flight(client)) == ("98.5", "0")
    assert transfers.in_flight() == ()


def test_what_is_sent_without_a_goal_arrives_where_it_is_told(
    transfers: Transfers, client: Client
) -> None:
    transfers.send("100", "USDT", "binance", transfer_id="T1")
    with pytest.raises(CapitalError, match="say where it arrived"):
        transfers.arrive("T1")
    transfers.arrive("T1", to_location="kraken")
    assert total(client, "kraken") == "100"


def test_what_failed_is_back_at_its_cost(transfers: Transfers, client: Client) -> None:
    transfers.send("1", "BTC", "binance", "kraken", transfer_id="T1", **WITH_POSITION)
    assert held(client) == ("2", "200", "0")
    assert words(transfers.fail("T1")) == [("main", "applied")]
    assert words(transfers.fail("T1")) == [("main", "duplicate")]
    assert held(client) == ("3", "300", "0")
    assert (total(client, "binance", "BTC"), in_flight(client, "BTC")) == ("3", "0")


def test_a_position_arrives_in_a_second_step(transfers: Transfers, client: Client) -> None:
    transfers.send("1", "BTC", "binance", "coinbase", transfer_id="T1", **WITH_POSITION)
    transfers.arrive("T1", "0.9", to_instrument=BTC_ELSEWHERE)
    assert held(client) == ("2", "200", "10")
    assert held(client, BTC_ELSEWHERE) == ("0.9", "90", "0")


def test_the_longest_under_way_is_listed_first(transfers: Transfers) -> None:
    for name in ("T2", "T1", "T3"):
        transfers.send("1", "USDT", "binance", "kraken", transfer_id=name)
    transfers.arrive("T1")
    listed = transfers.in_flight()
    assert [(record.book, record.transfer_id) for record in listed] == [
        ("main", "T2"),
        ("main", "T3"),
    ]
    assert transfers.in_flight("second") == ()


def test_an_amount_goes_to_another_book(transfers: Transfers, client: Client) -> None:
    done = transfers.whole("100", "USDT", "binance", "kraken", arrived="99", to_book="second")
    assert words(done) == [("main", "applied"), ("second", "applied"), ("main", "applied")]
    assert (done.transfer.status, done.transfer.to_book) == ("arrived", "second")
    assert (total(client, "binance"), total(client, "kraken")) == ("900", "0")
    assert total(client, "kraken", book="second") == "99"
    assert in_flight(client) == "0"


def test_a_position_goes_to_another_book_with_its_cost(
    transfers: Transfers, client: Client
) -> None:
    transfers.whole(
        *("1", "BTC", "binance", "kraken"),
        **{"arrived": "0.99", "to_instrument": BTC_IN_USD, "rate": "2", **WITH_POSITION},
        to_book="second",
    )
    assert held(client) == ("2", "200", "1")
    assert held(client, BTC_IN_USD, "second") == ("0.99", "198", "0")
    assert total(client, "kraken", "BTC", "second") == "0.99"


def test_a_cost_that_does_not_divide_loses_nothing_on_the_way(
    transfers: Transfers, client: Client
) -> None:
    transfers.whole(
        *("0.7", "BTC", "binance", "kraken"), arrived="0.6", to_book="second", **WITH_POSITION
    )
    here, there = position(client), position(client, book="second")
    assert str(here.cost + here.transfer_cost + there.cost) == "300"
    assert str(here.transfer_cost) == "10"


def test_the_way_to_another_book_can_be_made_in_steps(transfers: Transfers, client: Client) -> None:
    transfers.send(
        *("1", "BTC", "binance", "kraken"), to_book="second", transfer_id="T1", **WITH_POSITION
    )
    assert in_flight(client, "BTC") == "1"
    done = transfers.arrive("T1", "0.99")
    assert words(done) == [("second", "applied"), ("main", "applied")]
    assert held(client, book="second") == ("0.99", "99", "0")


def test_a_way_to_another_book_that_is_done_again_changes_nothing(
    transfers: Transfers, client: Client
) -> None:
    def go() -> Moved:
        return transfers.whole(
            *("100", "USDT", "binance", "kraken"),
            arrived="99",
            to_book="second",
            transfer_id="T1",
        )

    go()
    before = total(client, "binance"), total(client, "kraken", book="second")
    assert {result for _, result in words(go())} == {"duplicate"}
    assert (total(client, "binance"), total(client, "kraken", book="second")) == before


def test_what_had_arrived_there_before_it_was_told_here_is_told_by_a_repetition(
    transfers: Transfers, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Cut(Exception):
        """Stands for the end of the process."""

    def cut(step: str) -> None:
        if step == "transfer_after_arrived":
            raise Cut

    transfers.send("100", "USDT", "binance", "kraken", to_book="second", transfer_id="T1")
    monkeypatch.setattr("pm.client.transfers.crash_point", cut)
    with pytest.raises(Cut):
        transfers.arrive("T1", "99")
    monkeypatch.undo()
    assert (in_flight(client), total(client, "kraken", book="second")) == ("100", "99")

    before = states(client)
    with pytest.raises(CapitalError, match="but it has arrived in book second"):
        transfers.fail("T1")
    assert states(client) == before
    with pytest.raises(CapitalError, match="in book second it has arrived as 99 at kraken"):
        transfers.arrive("T1", "98")
    assert in_flight(client) == "100"
    assert words(transfers.arrive("T1", "99")) == [("second", "duplicate"), ("main", "applied")]
    assert (in_flight(client), total(client, "kraken", book="second")) == ("0", "99")


def test_a_transfer_to_another_book_that_failed_is_back(
    transfers: Transfers, client: Client
) -> None:
    transfers.send("100", "USDT", "binance", "kraken", to_book="second", transfer_id="T1")
    transfers.fail("T1")
    assert (total(client, "binance"), in_flight(client)) == ("1000", "0")
    with pytest.raises(CapitalError, match="and failed"):
        transfers.arrive("T1")


Call = Callable[[Transfers], Any]


def _move(*changed: str, **more: Any) -> Call:
    amount, token, start, end = (*changed, *("1", "USDT", "binance", "kraken")[len(changed) :])
    return lambda transfers: transfers.whole(amount, token, start, end, **more)


BAD: tuple[tuple[Call, str], ...] = (
    (_move("0"), "amount: must be more than 0, not 0"),
    (_move("-1"), "amount: must be more than 0, not -1"),
    (_move("1", "USDT", "binance", "binance"), "from and to are the same, binance"),
    (_move("1", "BTC", "binance", "binance", **WITH_POSITION), "from and to are the same"),
    (_move(arrived="1.01"), "1.01 would arrive of 1 that was sent"),
    (_move(transfer_id="x" * 129), "is longer than 128 characters"),
    (_move(instrument=BTC), "strategy_id: is missing beside instrument"),
    (_move(**WITH_POSITION), "binance.coin.BTCUSDT is a position in BTC, not in USDT"),
    (
        _move("1", "BTC", to_instrument=ETH, **WITH_POSITION),
        "binance.coin.ETHUSDT is a position in ETH, not in BTC",
    ),
    (_move("1", "BTC", to_instrument="kraken.coin.NO", **WITH_POSITION), "is not in the reference"),
    (
        _move("1", "BTC", to_instrument=BTC_IN_USD, **WITH_POSITION),
        "settled in USDT becomes one in USD: a rate is missing",
    ),
    (_move(to_book="main"), "main is the book it comes from"),
    (
        _move("4", "BTC", to_book="second", **WITH_POSITION),
        "strategy 7 holds 3 of binance.coin.BTCUSDT in book main, not 4",
    ),
    (lambda t: t.send("0", "USDT", "binance"), "amount: must be more than 0"),
    (lambda t: t.send("1", "USDT", "binance", to_book="main"), "main is the book it comes from"),
    (lambda t: t.arrive("T9"), "no book knows a transfer T9"),
    (lambda t: t.arrive("T9", book="second"), "book second knows no transfer T9"),
    (lambda t: t.fail("T9"), "no book knows a transfer T9"),
    (lambda t: t.find(""), "transfer_id: must not be empty"),
)


@pytest.mark.parametrize(("call", "said"), BAD)
def test_what_is_wrong_is_said_in_one_line_and_changes_nothing(
    transfers: Transfers, client: Client, call: Call, said: str
) -> None:
    before = states(client)
    with pytest.raises(CapitalError) as error:
        call(transfers)
    assert said in str(error.value)
    assert "\n" not in str(error.value)
    assert states(client) == before


def test_a_goal_that_does_not_exist_is_said_before_anything_leaves(
    transfers: Transfers, client: Client
) -> None:
    before = states(client)
    with pytest.raises(BookError, match="book third does not exist"):
        transfers.whole("1", "USDT", "binance", "kraken", to_book="third")
    assert states(client) == before


ENDED: tuple[tuple[Call, str], ...] = (
    (_move("2", transfer_id="DONE"), "transfer DONE took 1 USDT from binance, and arrived as 1"),
    (_move("1", "USDT", "bitget", transfer_id="DONE"), "there is a transfer of this id"),
    (_move("1", "USDT", "binance", "bitget", transfer_id="DONE"), "and arrived as 1 at kraken"),
    (_move("1", arrived="0.5", transfer_id="DONE"), "and arrived as 1 at kraken"),
    (_move(transfer_id="FAILED"), "and failed"),
    (_move(transfer_id="SENT"), "and is in flight"),
    (_move(to_book="second", transfer_id="SENT"), "there is a transfer of this id"),
    (lambda t: t.send("2", "USDT", "binance", transfer_id="SENT"), "took 1 USDT from binance"),
    (lambda t: t.send("1", "USDT", "binance", transfer_id="FAILED"), "and failed"),
    (lambda t: t.arrive("SENT", "1.5"), "1.5 would arrive of 1 that was sent"),
    (lambda t: t.arrive("SENT", "0"), "arrived: must be more than 0"),
    (lambda t: t.arrive("FAILED"), "and failed"),
    (lambda t: t.arrive("DONE", "0.5"), "and arrived as 1 at kraken"),
    (lambda t: t.arrive("DONE", to_location="bitget"), "and arrived as 1 at kraken"),
    (lambda t: t.send("1", "USDT", "binance", transfer_id="DONE"), "of this id"),
    (lambda t: t.arrive("DONE"), "and arrived as 1 at kraken"),
    (_move(transfer_id="THERE"), "of this id"),
    (lambda t: t.fail("DONE"), "and arrived as 1 at kraken"),
)


@pytest.mark.parametrize(("call", "said"), ENDED)
def test_what_contradicts_a_transfer_is_said_and_changes_nothing(
    transfers: Transfers, client: Client, call: Call, said: str
) -> None:
    transfers.whole("1", "USDT", "binance", "kraken", transfer_id="DONE")
    transfers.send("1", "USDT", "binance", "kraken", transfer_id="SENT")
    transfers.send("1", "USDT", "binance", "kraken", transfer_id="FAILED")
    transfers.send("1", "USDT", "binance", "kraken", transfer_id="THERE")
    transfers.arrive("THERE")
    transfers.fail("FAILED")
    before = states(client)
    with pytest.raises(CapitalError) as error:
        call(transfers)
    assert said in str(error.value)
    assert states(client) == before


def test_an_id_the_other_book_has_used_is_refused_at_the_start(
    transfers: Transfers, client: Client, server: AnyServer
) -> None:
    with Capital.open(server.url, book="second") as other:
        other.transfers.whole("1", "USDT", "kraken", "bitget", transfer_id="T1")
    before = states(client)
    with pytest.raises(CapitalError, match="book second has a transfer T1 of its own"):
        transfers.whole("1", "USDT", "binance", "kraken", to_book="second", transfer_id="T1")
    assert states(client) == before


def test_an_id_two_books_know_needs_its_book(transfers: Transfers, server: AnyServer) -> None:
    transfers.send("1", "USDT", "binance", "kraken", transfer_id="T1")
    with Capital.open(server.url, book="second") as other:
        other.transfers.send("2", "USDT", "kraken", "bitget", transfer_id="T1")
    with pytest.raises(CapitalError, match="several books know a transfer T1: main, second"):
        transfers.arrive("T1")
    assert transfers.find("T1", "second").amount == Amount(2)
    assert words(transfers.arrive("T1", book="second")) == [("second", "applied")]


def test_a_part_without_cost_stays_in_its_book(transfers: Transfers, client: Client) -> None:
    transfers.send("4", "BTC", "binance", "kraken", transfer_id="T1", **WITH_POSITION)
    transfers.arrive("T1")
    assert held(client) == ("3", "300", "0")
    assert total(client, "kraken", "BTC") == "4"
