"""What a risk manager and a treasury write: reserved, released, deposited, withdrawn, allocated."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from pm import keys
from pm.books import reference_store
from pm.books.opening import BookError
from pm.client import Client
from pm.client.capital import Capital, CapitalError, InsufficientBalance, Unanswered
from pm.connect import ServerError
from pm.decimals import Amount
from pm.reference.record_reader import read_venue
from pm.reference.snapshot import Reference
from pm.reference.toml_source import load_reference
from pm.settings import BooksSettings, Settings
from tests.client.conftest import OpenBook
from tests.client.facts import BTC, ETH, BookWriter, fill
from tests.reply_dropper import ReplyDropper
from tests.servers import AnyServer, ServerProcess

INSTRUMENTS = Path(__file__).resolve().parents[2] / "config" / "instruments.toml"
LONG_ORDER = "x" * 128


@pytest.fixture
def capital(server: AnyServer, book: BookWriter) -> Iterator[Capital]:
    """Writes into the book main, where 1000 USDT lie at binance."""
    reference_store.merge(server.client(), load_reference(INSTRUMENTS))
    with Capital.open(server.url) as opened:
        opened.deposit("1000", "USDT", venue="binance", event_id="D1")
        yield opened


def figures(client: Client, token: str = "USDT", location: str = "binance") -> tuple[str, ...]:
    """Available, reserved and total of a balance, as text."""
    balance = client.balance(location, token)
    assert balance is not None
    return str(balance.available), str(balance.reserved), str(balance.total)


def state(client: Client) -> tuple[int, str]:
    """Where the book stands; it differs after any event."""
    head = client.head()
    return head.seq, head.digest


def test_a_reservation_holds_back_a_balance(capital: Capital, client: Client) -> None:
    done = capital.reserve("O1", "binance", "USDT", "200.50", strategy=7)
    assert (done.book, done.location, done.token) == ("main", "binance", "USDT")
    assert (done.amount, done.result, done.already) == (Amount.parse("200.5"), "applied", False)
    assert done.seq == client.head().seq
    assert figures(client) == ("799.5", "200.5", "1000")


def test_more_than_is_available_is_declined_with_both_amounts(
    capital: Capital, client: Client
) -> None:
    capital.reserve("O1", "binance", "USDT", 200)
    with pytest.raises(InsufficientBalance) as declined:
        capital.reserve("O2", "binance", "USDT", Amount(900))
    assert (str(declined.value.requested), str(declined.value.available)) == ("900", "800")
    assert (declined.value.location, declined.value.token) == ("binance", "USDT")
    told = "insufficient balance: 900 USDT asked at binance, 800 available"
    assert str(declined.value) == told
    assert figures(client) == ("800", "200", "1000")
    assert client.head().counts["declined"] == 1


def test_a_declined_reservation_may_be_tried_again(capital: Capital, client: Client) -> None:
    with pytest.raises(InsufficientBalance):
        capital.reserve("O1", "binance", "USDT", "1200")
    capital.deposit("200", "USDT", venue="binance")
    assert not capital.reserve("O1", "binance", "USDT", "1200").already
    assert figures(client) == ("0", "1200", "1200")


def test_all_that_is_available_can_be_reserved(capital: Capital, client: Client) -> None:
    capital.reserve("O1", "binance", "USDT", "1000")
    assert figures(client) == ("0", "1000", "1000")


@pytest.mark.parametrize("order", ["O1", "a/b:c d", LONG_ORDER, 12345])
def test_a_reservation_made_again_counts_once(
    capital: Capital, client: Client, order: str | int
) -> None:
    first = capital.reserve(order, "binance", "USDT", "200", quantity="2")
    again = capital.reserve(order, "binance", "USDT", "200", quantity="2")
    assert (again.result, again.already, again.event_id) == ("duplicate", True, first.event_id)
    assert figures(client) == ("800", "200", "1000")


def test_the_id_of_a_reservation_can_be_given_to_repeat_it(
    capital: Capital, client: Client
) -> None:
    first = capital.reserve("a/b", "binance", "USDT", "200")
    assert first.event_id.startswith("reserve/binance/")
    again = capital.reserve("a/b", "binance", "USDT", "200", event_id=first.event_id)
    assert again.already
    assert figures(client) == ("800", "200", "1000")


def test_orders_whose_names_run_together_reserve_apart(capital: Capital, client: Client) -> None:
    capital.reserve("c", "a/b", "USDT", "1", location="binance")
    assert not capital.reserve("b/c", "a", "USDT", "1", location="binance").already
    assert figures(client) == ("998", "2", "1000")


def test_an_id_of_its_own_reserves_more_for_the_same_order(
    capital: Capital, client: Client
) -> None:
    capital.reserve("O1", "binance", "USDT", "200")
    assert not capital.reserve("O1", "binance", "USDT", "50", event_id="R2").already
    assert capital.reserve("O1", "binance", "USDT", "50", event_id="R2").already
    assert capital.reserve("O1", "binance", "USDT", "200").already
    assert figures(client) == ("750", "250", "1000")


def test_a_repetition_that_asks_for_more_is_not_taken_for_done(
    capital: Capital, client: Client
) -> None:
    capital.reserve("O1", "binance", "USDT", "200")
    with pytest.raises(CapitalError, match="has reserved 200 USDT at binance, not 300"):
        capital.reserve("O1", "binance", "USDT", "300")
    assert figures(client) == ("800", "200", "1000")


def test_a_repetition_after_a_release_is_not_taken_for_done(
    capital: Capital, client: Client
) -> None:
    capital.reserve("O1", "binance", "USDT", "200")
    capital.release("O1", "binance", "USDT")
    with pytest.raises(CapitalError, match="nothing of it is left"):
        capital.reserve("O1", "binance", "USDT", "200")
    assert figures(client) == ("1000", "0", "1000")


def test_a_reservation_shrinks_as_its_order_fills(
    capital: Capital, client: Client, book: BookWriter
) -> None:
    capital.reserve("O1", "binance", "USDT", "200", strategy=7, quantity="2")
    book.apply(fill(1, "1", "95", fees=[]))
    assert figures(client) == ("805", "100", "905")
    assert capital.reserve("O1", "binance", "USDT", "200", quantity="2").already


def test_an_order_that_has_ended_reserves_no_more(
    capital: Capital, client: Client, book: BookWriter
) -> None:
    book.apply(fill(1, "1", "95", fees=[]))
    with pytest.raises(CapitalError, match="order O1 of binance has ended") as declined:
        capital.reserve("O1", "binance", "USDT", "10", strategy=7, quantity="1")
    assert not isinstance(declined.value, InsufficientBalance)
    assert figures(client) == ("905", "0", "905")


def test_another_strategys_order_is_refused(capital: Capital, client: Client) -> None:
    capital.reserve("O1", "binance", "USDT", "1", strategy=7)
    with pytest.raises(CapitalError, match="the order belongs to another strategy"):
        capital.reserve("O1", "binance", "USDT", "1", strategy=8, event_id="R2")
    assert figures(client) == ("999", "1", "1000")


def test_a_balance_is_named_by_its_account_or_its_location(
    capital: Capital, client: Client
) -> None:
    capital.deposit("5", "ETH", venue="uniswapv3", account="fund-2", event_id="D2")
    capital.reserve("O1", "uniswapv3", "ETH", "1", account="fund-2")
    capital.reserve("O2", "uniswapv3", "ETH", "1", location="fund-2.ethereum")
    assert figures(client, "ETH", "fund-2.ethereum") == ("3", "2", "5")


def test_what_is_known_of_a_venue_meanwhile_is_learnt_when_a_balance_is_not_found(
    capital: Capital, client: Client, server: AnyServer
) -> None:
    capital.reserve("O1", "binance", "USDT", "1")
    venue = read_venue({"id": "gmx", "chain_id": 42161})
    reference_store.merge(server.client(), Reference.build(0, (), (), [venue]))
    with Capital.open(server.url) as treasury:
        treasury.deposit("5", "ETH", venue="gmx")
    capital.reserve("O1", "gmx", "ETH", "2")
    assert figures(client, "ETH", "arbitrum") == ("3", "2", "5")


def test_a_release_gives_back_all_that_is_left(capital: Capital, client: Client) -> None:
    capital.reserve("O1", "binance", "USDT", "200")
    done = capital.release("O1", "binance", "USDT")
    assert (str(done.amount), done.result) == ("200", "applied")
    assert figures(client) == ("1000", "0", "1000")


def test_a_release_gives_back_a_part_but_never_more_than_is_left(
    capital: Capital, client: Client
) -> None:
    capital.reserve("O1", "binance", "USDT", "200")
    assert str(capital.release("O1", "binance", "USDT", "50").amount) == "50"
    assert figures(client) == ("850", "150", "1000")
    assert str(capital.release("O1", "binance", "USDT", "500").amount) == "150"
    assert figures(client) == ("1000", "0", "1000")


def test_a_release_of_nothing_gives_back_nothing(capital: Capital, client: Client) -> None:
    done = capital.release("O1", "binance", "USDT")
    assert (str(done.amount), done.result) == ("0", "noted")
    assert figures(client) == ("1000", "0", "1000")


def test_a_release_made_again_under_its_id_tells_what_it_gave_back(
    capital: Capital, client: Client
) -> None:
    capital.reserve("O1", "binance", "USDT", "200")
    first = capital.release("O1", "binance", "USDT", "50", event_id="L1")
    again = capital.release("O1", "binance", "USDT", "50", event_id="L1")
    assert (str(first.amount), str(again.amount)) == ("50", "50")
    assert (first.already, again.already) == (False, True)
    assert figures(client) == ("850", "150", "1000")


def test_a_deposit_and_a_withdrawal_count_once_by_their_ids(
    capital: Capital, client: Client
) -> None:
    assert capital.deposit("1000", "USDT", venue="binance", event_id="D1").already
    assert not capital.withdraw("300.25", "USDT", venue="binance", event_id="W1").already
    assert capital.withdraw("300.25", "USDT", venue="binance", event_id="W1").already
    assert figures(client) == ("699.75", "0", "699.75")


def test_without_an_id_each_deposit_counts_and_tells_the_one_it_made_up(
    capital: Capital, client: Client
) -> None:
    first = capital.deposit("1", "USDT", venue="binance")
    second = capital.deposit("1", "USDT", venue="binance")
    assert first.event_id != second.event_id
    assert capital.deposit("1", "USDT", venue="binance", event_id=first.event_id).already
    assert figures(client) == ("1002", "0", "1002")


def test_a_position_comes_with_a_deposit_and_goes_with_a_withdrawal(
    capital: Capital, client: Client
) -> None:
    place = {"venue": "binance", "strategy": 7, "instrument": BTC}
    capital.deposit("3", "BTC", cost="300", **place)
    capital.withdraw("1", "BTC", **place)
    position = client.position(BTC, 7)
    assert position is not None
    assert (str(position.quantity), str(position.cost)) == ("2", "200")
    assert not position.realized_pnl
    assert figures(client, "BTC") == ("2", "0", "2")


def test_capital_is_allocated_and_taken_back(capital: Capital, client: Client) -> None:
    capital.allocate(7, "500", "USDT")
    done = capital.allocate(7, "-120", "USDT")
    assert str(capital.allocated(7, "USDT")) == "380"
    assert capital.allocate(7, "-120", "USDT", event_id=done.event_id).already
    assert str(capital.allocated(7, "USDT")) == "380"
    assert str(capital.allocated(8, "USDT")) == "0"
    assert figures(client) == ("1000", "0", "1000")


def test_the_entry_of_an_event_is_found_also_when_it_counted_before(
    capital: Capital, client: Client, book: BookWriter
) -> None:
    first = capital.withdraw("1", "USDT", venue="binance", event_id="W1")
    book.fills(300)
    again = capital.withdraw("1", "USDT", venue="binance", event_id="W1")
    entry = capital.entry(again)
    assert entry is not None
    assert (entry.seq, entry.facts["amount"]) == (first.seq, "1")


Call = Callable[[Capital], Any]
BTC_HELD = {"venue": "binance", "strategy": 7, "instrument": BTC}
BAD: tuple[tuple[Call, str], ...] = (
    (lambda c: c.reserve("O1", "binance", "USDT", "0"), "amount: must be more than 0, not 0"),
    (lambda c: c.reserve("O1", "binance", "USDT", "-5"), "amount: must be more than 0, not -5"),
    (lambda c: c.reserve("O1", "binance", "USDT", "x"), "amount: 'x' is not a decimal number"),
    (lambda c: c.reserve("O1", "binance", "USDT", 0.5), "amount: must be a whole number or"),
    (lambda c: c.reserve("", "binance", "USDT", "5"), "order_id: must not be empty"),
    (lambda c: c.reserve("O1", "binance", "USDT", "5", strategy=-1), "strategy_id: must be 0 to"),
    (lambda c: c.reserve("O1", "binance", "USDT", "5", quantity="0"), "quantity: must be more"),
    (
        lambda c: c.reserve("O1", "binance", "USDT", "5", location="a", account="b"),
        "account: is part of a location, which is given too",
    ),
    (lambda c: c.release("O1", "binance", "USDT", "0"), "amount: must be more than 0, not 0"),
    (lambda c: c.deposit("-5", "USDT", venue="binance"), "deposit: amount: must be more than 0"),
    (lambda c: c.deposit("5", "USDT"), "deposit: location: is missing"),
    (
        lambda c: c.deposit("5", "BTC", cost="1", venue="binance"),
        "deposit: strategy_id: is missing",
    ),
    (
        lambda c: c.deposit("5", "BTC", cost="1", **{**BTC_HELD, "instrument": "binance.coin.NO"}),
        "binance.coin.NO is not in the reference",
    ),
    (
        lambda c: c.deposit("5", "BTC", cost="1", **{**BTC_HELD, "instrument": ETH}),
        "binance.coin.ETHUSDT is a position in ETH, not in BTC",
    ),
    (lambda c: c.deposit("1", "USDT", location="x.ethereum", event_id=""), "event_id: must not be"),
    (lambda c: c.withdraw("0", "USDT", venue="binance"), "withdrawal: amount: must be more than 0"),
    (
        lambda c: c.withdraw("5", "BTC", **{**BTC_HELD, "instrument": ETH}),
        "binance.coin.ETHUSDT is a position in ETH, not in BTC",
    ),
    (lambda c: c.allocate(7, "0", "USDT"), "allocation: amount: must not be 0"),
    (lambda c: c.allocate(70_000, "1", "USDT"), "strategy_id: must be 0 to 65535"),
)


@pytest.mark.parametrize(("call", "said"), BAD)
def test_what_is_wrong_is_said_in_one_line_and_changes_nothing(
    capital: Capital, client: Client, call: Call, said: str
) -> None:
    before = state(client)
    with pytest.raises(CapitalError) as error:
        call(capital)
    assert said in str(error.value)
    assert "\n" not in str(error.value)
    assert state(client) == before


def test_a_book_that_does_not_exist_is_named(capital: Capital) -> None:
    with pytest.raises(BookError, match="book second does not exist"):
        capital.reserve("O1", "binance", "USDT", "1", book="second")


def test_the_book_is_the_named_one_else_the_strategys_else_the_home_book(
    server: AnyServer, open_book: OpenBook
) -> None:
    for name in ("main", "second", "third"):
        open_book(name)
    settings = Settings(books=BooksSettings(strategies={"8": "second"}))
    with Capital.open(server.url, settings) as capital:
        for name in ("main", "second", "third"):
            capital.deposit("10", "USDT", venue="binance", book=name)
        found = [
            capital.reserve("O1", "binance", "USDT", "1", event_id=f"R{number}", **more).book
            for number, more in enumerate(
                ({}, {"strategy": 7}, {"strategy": 8}, {"strategy": 8, "book": "third"})
            )
        ]
    assert found == ["main", "main", "second", "third"]


def test_one_client_serves_threads_and_asyncio(capital: Capital, client: Client) -> None:
    def reserve(number: int) -> str:
        return str(capital.reserve(f"O{number}", "binance", "USDT", "10").amount)

    async def together() -> list[str]:
        return await asyncio.gather(*(asyncio.to_thread(reserve, n) for n in range(20, 30)))

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(reserve, range(20))) == ["10"] * 20
    assert asyncio.run(together()) == ["10"] * 10
    assert figures(client) == ("700", "300", "1000")


@pytest.fixture
def lossy(
    valkey_server: ServerProcess, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[bytes], Capital]]:
    """Makes a client that does not hear the first answer to a request with these bytes in it."""
    proxies: list[ReplyDropper] = []
    opened: list[Capital] = []
    BookWriter(valkey_server.client())

    def make(marker: bytes) -> Capital:
        def drops(request: bytes) -> bool:
            return marker in request and proxies[0].dropped == 0

        folder = valkey_server.socket_path.parent
        proxies.append(ReplyDropper(folder / "proxy.sock", valkey_server.socket_path, drops))
        opened.append(Capital.open(proxies[0].url))
        return opened[0]

    yield make
    for capital in opened:
        capital.close()
    for proxy in proxies:
        assert proxy.dropped == 1
        proxy.close()
        (valkey_server.socket_path.parent / "proxy.sock").unlink()


def test_a_reply_that_got_lost_is_asked_for_again_and_counts_once(
    lossy: Callable[[bytes], Capital], valkey_server: ServerProcess
) -> None:
    capital = lossy(b'"kind":"reserve"')
    capital.deposit("1000", "USDT", venue="binance")
    assert capital.reserve("O1", "binance", "USDT", "200").already
    with Client.open(valkey_server.url) as client:
        assert figures(client) == ("800", "200", "1000")


def test_a_release_whose_reply_got_lost_tells_what_it_gave_back(
    lossy: Callable[[bytes], Capital], valkey_server: ServerProcess
) -> None:
    capital = lossy(b'"kind":"release"')
    capital.deposit("1000", "USDT", venue="binance")
    capital.reserve("O1", "binance", "USDT", "200")
    assert str(capital.release("O1", "binance", "USDT", "50").amount) == "50"
    with Client.open(valkey_server.url) as client:
        assert figures(client) == ("850", "150", "1000")


def test_a_server_that_is_gone_leaves_the_id_to_repeat_the_call_under(
    start_server: Callable[..., AnyServer],
) -> None:
    server = start_server()
    BookWriter(server.client())
    with Capital.open(server.url) as capital:
        capital.deposit("1000", "USDT", venue="binance")
        capital.reserve("O1", "binance", "USDT", "1")
        server.kill()
        with pytest.raises(Unanswered, match="repeat it as reserve/binance/O2") as error:
            capital.reserve("O2", "binance", "USDT", "200")
        assert error.value.event_id == "reserve/binance/O2/binance/USDT"
        with pytest.raises(ServerError):
            capital.deposit("1", "USDT", venue="binance")
        server.restart()
        assert not capital.reserve("O2", "binance", "USDT", "200").already


def test_a_reservation_is_one_call_of_the_server(capital: Capital, server: AnyServer) -> None:
    capital.reserve("O1", "binance", "USDT", "1")
    watched = server.client()
    before = watched.info("commandstats")
    capital.reserve("O2", "binance", "USDT", "1", strategy=7, quantity="2")
    after: Any = watched.info("commandstats")
    # INFO itself is counted with the answer to the one before.
    asked = {
        name: stats["calls"] - before.get(name, {"calls": 0})["calls"]
        for name, stats in after.items()
    }
    assert asked["cmdstat_fcall"] == 1
    assert not asked.get("cmdstat_multi")
    assert not asked.get("cmdstat_xrevrange")


def test_the_books_are_still_proven(capital: Capital, server: AnyServer) -> None:
    from pm.verify import verify_book

    capital.reserve("O1", "binance", "USDT", "200", quantity="3")
    capital.release("O1", "binance", "USDT", "1")
    capital.allocate(7, "5", "USDT")
    capital.withdraw("5", "USDT", venue="binance")
    raw = server.client(decode=False)
    assert raw.exists(keys.order("main", "binance:O1"))
    report = verify_book(raw, "main")
    assert report.differences == []
