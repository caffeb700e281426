"""The books as they were: what a query answers about the past is what it answered then."""

from __future__ import annotations

import asyncio
import json
import random
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from pm import keys
from pm.books import journal
from pm.books.opening import BookError
from pm.checkpoints import Checkpoint, Checkpoints
from pm.client import AsyncClient, Client
from pm.client.as_of import PastUnknown
from pm.client.past_books import PastSummary
from pm.fold import Fold
from pm.history import History
from pm.marks import store
from pm.marks.mark import Mark
from pm.settings import Settings
from tests.random_books import RandomLife
from tests.servers import ServerProcess
from tests.state import facts
from tests.state.books import BOOK, LaneFeed, from_texts, opened
from tests.valuation.desk import BTC, START, A, Desk

SECOND = 10**9


def _answers(source: Any) -> dict[str, Any]:
    """What may be asked of the present and of the past alike."""
    strategies = source.strategies()
    summary = source.portfolio_summary()
    names = list(PastSummary.__dataclass_fields__)
    return {
        "positions": source.positions("all"),
        "open": source.positions(),
        "balances": source.balances(),
        "strategies": {
            each: source.strategy_portfolio(each, positions="all") for each in strategies
        },
        "summary": {
            name: getattr(summary, name)
            for name in names
            if name not in ("inception_time", "last_update_time")
        },
    }


def _with_checkpoints(server: ServerProcess, folder: Path, seqs: list[int]) -> Settings:
    settings = Settings(
        data=folder,
        storage={"checkpoint_interval_entries": 1},  # type: ignore[arg-type]
    )
    fold = Fold(BOOK)
    for seq in seqs:
        fold.follow(History(server.client(decode=False)), through=seq)
        Checkpoints.of(settings).write(fold.checkpoint())
    return settings


@pytest.mark.parametrize("seed", [41, 42])
def test_every_answer_is_what_it_was(
    valkey_server: ServerProcess, tmp_path: Path, seed: int
) -> None:
    raw = opened(valkey_server, generation_size=50)
    feed = LaneFeed(raw, from_texts(RandomLife(seed).take(200)))
    choose = random.Random(seed)
    told: dict[int, dict[str, Any]] = {}
    with Client.open(valkey_server.url) as client:
        while feed.done < len(feed.events):
            feed.apply(choose.choice((1, 5, 17, 40)))
            told[client.head().seq] = _answers(client)
        for seq, answers in told.items():
            assert _answers(client.as_of(seq)) == answers, f"seed {seed}, seq {seq}"
    settings = _with_checkpoints(valkey_server, tmp_path, choose.sample(range(2, 200), 5).copy())
    with Client.open(valkey_server.url, settings) as client:
        for seq, answers in told.items():
            assert _answers(client.as_of(seq)) == answers, f"seed {seed}, seq {seq}, checkpoints"


@pytest.mark.parametrize("seed", [43, 44])
def test_a_time_is_the_longest_prefix_received_by_then(
    valkey_server: ServerProcess, tmp_path: Path, seed: int
) -> None:
    raw = opened(valkey_server)
    LaneFeed(raw, from_texts(RandomLife(seed).take(150))).feed(iter([50] * 9))
    received = [
        int(json.loads(entry["facts"]).get("received_at", "0")) for entry in journal.read(raw, BOOK)
    ]
    choose = random.Random(seed)
    settings = _with_checkpoints(valkey_server, tmp_path, [30, 60, 90])
    with (
        Client.open(valkey_server.url) as client,
        Client.open(valkey_server.url, settings) as checkpointed,
    ):
        for time_ns in choose.sample([one for one in received if one], 20):
            seq = next((n for n, one in enumerate(received) if one > time_ns), len(received))
            assert client.as_of(time_ns).seqs == {BOOK: seq}, f"seed {seed}, time {time_ns}"
            assert checkpointed.as_of(time_ns).seqs == {BOOK: seq}
            assert client.as_of(seq).positions() == client.as_of(time_ns).positions()


def test_a_position_is_valued_at_the_last_mark_by_then_or_not_at_all(
    valkey_server: ServerProcess,
) -> None:
    desk = Desk.opened(valkey_server)
    desk.fill(BTC, "2", "100")
    prices = ["110", "90"]
    for minute, price in enumerate(prices, start=1):
        time = START + minute * 60 * SECOND
        store.record(desk.client, [Mark(BTC, "USDT", A(price), time, "test", "mark", time)])
    with Client.open(valkey_server.url) as client:
        seq = client.head().seq

        def at(seconds: int) -> tuple[Any, ...]:
            then = client.as_of(START + seconds * SECOND)
            (position,) = then.positions()
            total = then.strategy_portfolio(position.strategy_id).unrealized_pnl.get("USDT")
            return position.mark, position.unrealized_pnl, position.is_stale, total

        assert client.as_of(seq).positions()[0].unrealized_pnl is None
        assert at(59) == (None, None, False, None)
        assert at(60) == (A("110"), A("20"), False, A("20"))
        assert at(119) == (A("110"), A("20"), False, A("20"))
        assert at(120 + 301) == (A("90"), A("-20"), True, A("-20"))
        assert client.as_of(START + 59 * SECOND).portfolio_summary().total_pnl is None
        store.record_split(desk.client, BTC, "S1", START + 130 * SECOND, A("2"), A("1"))
        assert at(129) == (A("90"), A("-20"), False, A("-20"))
        assert at(131) == (None, None, False, None)


def test_what_cannot_be_told_is_said(valkey_server: ServerProcess) -> None:
    raw = opened(valkey_server)
    events = facts.placed(*(facts.fill(f"O{number}", "1") for number in range(9)))
    LaneFeed(raw, events).feed([9])
    with Client.open(valkey_server.url) as client:
        for seq in (0, 11):
            with pytest.raises(PastUnknown, match=f"has entries 1 to 10, not {seq}"):
                client.as_of(seq)
        with pytest.raises(BookError, match="book other does not exist"):
            client.as_of(3, book="other")
        with pytest.raises(BookError, match="book other does not exist"):
            client.as_of(3).positions(book="other")
        raw.xdel(keys.journal(BOOK), "4-0")
        assert client.as_of(3).seqs == {BOOK: 3}
        with pytest.raises(PastUnknown, match="entry 4 is missing, 5 follows"):
            client.as_of(7)
    with (
        Client.open(valkey_server.url, book=BOOK, books=[BOOK, "second"]) as client,
        pytest.raises(PastUnknown, match="name the book"),
    ):
        client.as_of(3)


def test_a_checkpoint_that_lies_is_not_believed(
    valkey_server: ServerProcess, tmp_path: Path
) -> None:
    raw = opened(valkey_server)
    LaneFeed(raw, from_texts(RandomLife(45).take(60))).feed(iter([20] * 9))
    settings = _with_checkpoints(valkey_server, tmp_path, [20])
    fold = Fold(BOOK)
    fold.follow(History(raw), through=40)
    fold.book.state.digest = "f" * 40
    Checkpoints.of(settings).write(Checkpoint(BOOK, fold.received_at, fold.book.state))
    with Client.open(valkey_server.url, settings) as client, Client.open(valkey_server.url) as bare:
        assert client.as_of(50).positions() == bare.as_of(50).positions()


def test_asyncio_answers_alike(valkey_server: ServerProcess) -> None:
    raw = opened(valkey_server)
    LaneFeed(raw, from_texts(RandomLife(46).take(60))).feed(iter([20] * 9))

    async def ask() -> None:
        async with AsyncClient.open(valkey_server.url) as waiting:
            then = await waiting.as_of(30)
            with Client.open(valkey_server.url) as client:
                assert _answers(then) == _answers(client.as_of(30))
            moment = datetime(2040, 1, 1, tzinfo=UTC)
            assert (await waiting.as_of(moment)).seqs == {BOOK: 61}
            assert (await waiting.as_of(int(moment.timestamp()) * SECOND)).seqs == {BOOK: 61}

    asyncio.run(ask())
