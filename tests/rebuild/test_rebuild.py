"""A rebuilt book is the book, byte for byte, wherever its journal lies and whatever was damaged."""

from __future__ import annotations

import random
import threading
import time

import pytest
import redis

from pm import keys
from pm.books import opening
from pm.history import History
from pm.rebuild import RebuildRefused, rebuild_book, rebuilding
from pm.rules.expected import NOT_FOLDED
from pm.verify import verify_book
from tests.random_books import RandomLife
from tests.rebuild.lived import BOOK, LIMITS, goes_on, lived, mark_some, rebuilt
from tests.servers import AnyServer, ServerProcess
from tests.shelf import Shelf, trimmed
from tests.state.books import Contents, LaneFeed, assert_verified, from_texts, opened
from tests.state.books import contents as all_contents


def contents(client: redis.Redis) -> Contents:
    """All there is of the book but what waits to be swept, and the lane: they are fed without."""
    held = all_contents(client)
    held.pop(keys.lane(BOOK, keys.DEFAULT_LANE), None)
    told = client.hget(keys.book(BOOK), "generation") or b"0"
    generation = int(told) if told.isdigit() else 0
    swept = {keys.seen(BOOK, number) for number in range(generation - 1)}
    return {
        key: (kind, value)
        for key, (kind, value) in held.items()
        if key not in swept and not (":trace:" in key and value.get(b"status") == b"archived")
    }


def _without_marks(held: Contents) -> Contents:
    """The contents without what no journal decides."""
    shown: Contents = {}
    for key, (kind, value) in held.items():
        name = key.removeprefix(f"pm:{{{BOOK}}}:")
        if kind == "hash":
            ignored = {field.encode() for field in NOT_FOLDED.get(name.partition(":")[0], ())}
            value = {field: text for field, text in value.items() if field not in ignored}
        shown[key] = kind, value
    return shown


@pytest.mark.parametrize("seed", [51, 52, 53])
def test_a_right_book_is_the_same_afterwards_to_the_last_byte(server: AnyServer, seed: int) -> None:
    client = lived(server, seed, 250)
    before = contents(client)

    done = rebuilt(client)

    assert (done.is_switched, done.healed.shown) == (True, [])
    assert contents(client) == before, f"seed {seed}"


@pytest.mark.parametrize("seed", range(60, 64))
def test_any_cut_between_archive_and_journal_gives_the_same(
    valkey_server: ServerProcess, seed: int
) -> None:
    client = lived(valkey_server, seed, 250)
    before = contents(client)
    cut = random.Random(seed).randrange(1, 251)
    shelf = Shelf.of(client, BOOK, cut)
    trimmed(client, BOOK, cut - random.Random(seed).randrange(0, 5))

    done = rebuilt(client, shelf)

    assert done.healed.shown == [], f"seed {seed}, cut {cut}"
    after = contents(client)
    assert {key: held for key, held in after.items() if key != keys.journal(BOOK)} == {
        key: held for key, held in before.items() if key != keys.journal(BOOK)
    }


def _moved(source: redis.Redis, target: redis.Redis, shelf: Shelf) -> None:
    done = rebuild_book(target, BOOK, History(target, shelf), LIMITS)
    assert (done.is_switched, done.live_seq) == (True, 0)
    assert done.restored.entries > 0


@pytest.mark.parametrize("seed", [70, 71])
@pytest.mark.parametrize("to_redis", [True, False])
def test_an_empty_server_gets_the_book_and_goes_on_like_the_first(
    valkey_server: ServerProcess, redis_server: AnyServer, seed: int, to_redis: bool
) -> None:
    first, second = (valkey_server, redis_server) if to_redis else (redis_server, valkey_server)
    life = RandomLife(seed, generation_size=50)
    texts = life.take(200)
    source = opened(first, generation_size=50)
    goes_on(source, texts, seed)
    target = second.client(decode=False)
    opened(second, generation_size=50)
    target.flushdb()
    shelf = Shelf.of(source, BOOK)
    _moved(source, target, shelf)

    before, after = contents(source), contents(target)
    settled, journal = keys.quarantine(BOOK), keys.journal(BOOK)
    apart = {keys.lanes(BOOK), settled, journal}
    assert after[journal][1] == before[journal][1][1:], "the first entry tells no time"
    same = {key: held for key, held in before.items() if key not in apart}
    assert {key: held for key, held in after.items() if key not in apart} == same, f"seed {seed}"
    assert dict(after[settled][1]).items() <= dict(before[settled][1]).items()

    further = life.take(100)
    for client in (source, target):
        goes_on(client, [*texts, *further], seed)
        mark_some(client, seed)
    assert verify_book(target, BOOK, history=History(target, shelf)).differences == []
    left, right = contents(source), contents(target)
    assert {key: held for key, held in left.items() if key not in apart} == {
        key: held for key, held in right.items() if key not in apart
    }, f"seed {seed}"


DAMAGES = (
    ("HSET", "position:{position}", "cost", "1"),
    ("HDEL", "position:{position}", "fees_paid"),
    ("DEL", "position:{position}"),
    ("SET", "position:{position}", "no hash"),
    ("HSET", "balance:{balance}", "total", "abc"),
    ("ZREM", "positions", "{position}"),
    ("ZREM", "closed", "{position}"),
    ("ZADD", "balances", "0", "nowhere:USDT"),
    ("HSET", "position:99:binance.coin.NEW", "quantity", "1"),
    ("SADD", "seen:future", "more"),
    ("DEL", "seen:future"),
    ("HSET", "book", "applied", "77"),
    ("HSET", "book", "realized_pnl", "{}"),
    ("HSET", "strategy:7", "market_value", '{"USDT":"5"}'),
    ("HSET", "book", "unmarked", "40"),
    ("HSET", "book", "seq", "77"),
    ("HSET", "book", "seq", "seven"),
    ("HSET", "book", "generation", "x"),
    ("DEL", "book"),
)


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: " ".join(damage))
def test_a_damaged_state_is_named_and_healed(
    valkey_server: ServerProcess, damage: tuple[str, ...]
) -> None:
    client = lived(valkey_server, 80, 200)
    before = contents(client)
    some = {
        "position": sorted(k for k in before if ":position:7:" in k)[0].partition(":position:")[2],
        "balance": sorted(k for k in before if ":balance:" in k)[0].partition(":balance:")[2],
    }
    command, name, *rest = (
        part if part.startswith(("{}", '{"')) else part.format(**some) for part in damage
    )
    client.execute_command(command, keys.of_book(BOOK, name), *rest)
    is_harmless = contents(client) == before

    done = rebuilt(client)

    after = contents(client)
    is_marks_lost = command in ("DEL", "SET")
    if is_marks_lost:
        assert _without_marks(after) == _without_marks(before)
    else:
        moved = {b"valuation", b"valuation_torn"}
        book = keys.book(BOOK)
        for held in (after, before):
            held[book] = ("hash", {k: v for k, v in held[book][1].items() if k not in moved})
        assert after == before
    if not is_harmless and (command, name) != ("DEL", "book"):
        assert any(name in line for line in done.healed.shown), done.healed.shown
    assert_verified(client)


def test_a_look_names_and_changes_nothing(valkey_server: ServerProcess) -> None:
    client = lived(valkey_server, 81, 200)
    assert rebuilt(client, looks_only=True).healed.shown == []
    client.hset(keys.book(BOOK), "applied", "3")
    before = contents(client)

    done = rebuilt(client, looks_only=True)

    assert ["book applied: is '3'" in line for line in done.healed.shown] == [True]
    assert not done.is_switched
    assert contents(client) == before


@pytest.mark.parametrize("field", ["facts", "legs", "changes", "digest", "result", "order"])
def test_a_changed_journal_switches_nothing_and_is_named(
    valkey_server: ServerProcess, field: str
) -> None:
    client = lived(valkey_server, 82, 120)
    seq = _change_entry(client, 60, field)
    before = contents(client)

    with pytest.raises(RebuildRefused, match=rf"journal ({seq}|{seq + 1})\b"):
        rebuilt(client)

    assert contents(client) == before


def _change_entry(client: redis.Redis, start: int, field: str) -> int:
    """Rewrite a field of the first entry from `start` on that has it, as only damage could."""
    name, changed = field.encode(), 0
    entries = client.xrange(keys.journal(BOOK))
    client.delete(keys.journal(BOOK))
    for entry, fields in entries:
        seq = int(entry.partition(b"-")[0])
        text = fields[name]
        if not changed and seq >= start and len(text) > 2:
            fields[name] = text[:-2] + bytes([text[-2] ^ 1]) + text[-1:]
            changed = seq
        client.xadd(keys.journal(BOOK), fields, id=entry)
    assert changed
    return changed


def test_a_book_of_another_history_is_not_replaced(valkey_server: ServerProcess) -> None:
    client = lived(valkey_server, 83, 120)
    client.hset(keys.book(BOOK), "digest", "0" * 40)
    before = contents(client)

    with pytest.raises(RebuildRefused, match=f"at seq 121 its digest is {'0' * 40}"):
        rebuilt(client)

    assert contents(client) == before
    last = client.xrevrange(keys.journal(BOOK), count=1)[0][1][b"digest"].decode()
    with pytest.raises(RebuildRefused, match=f"--accept-digest {last}"):
        rebuilt(client, accepted_digest="1" * 40)
    done = rebuilt(client, accepted_digest=last)
    assert ["book digest: is '000" in line for line in done.healed.shown] == [True]
    assert_verified(client)


def test_a_journal_that_lost_its_end_does_not_take_the_book_back(
    valkey_server: ServerProcess,
) -> None:
    client = lived(valkey_server, 84, 120)
    client.xdel(keys.journal(BOOK), "121-0")
    before = contents(client)

    with pytest.raises(RebuildRefused, match="ends at seq 120"):
        rebuilt(client)

    assert contents(client) == before


def test_a_torn_book_is_brought_up_to_its_journal(valkey_server: ServerProcess) -> None:
    life = RandomLife(85, generation_size=50)
    client = lived(valkey_server, 85, 0, marks=False)
    goes_on(client, first := life.take(60), 85)
    torn = client.hgetall(keys.book(BOOK))
    goes_on(client, [*first, *life.take(20)], 85)
    whole = contents(client)
    client.delete(keys.book(BOOK))
    client.hset(keys.book(BOOK), mapping=torn)

    done = rebuilt(client)

    assert (done.live_seq, done.fold.seq) == (61, 81)
    assert _without_marks(contents(client)) == _without_marks(whole)
    assert_verified(client)


def test_a_server_behind_its_archive_is_brought_up_to_it(valkey_server: ServerProcess) -> None:
    life = RandomLife(86, generation_size=50)
    client = lived(valkey_server, 86, 0, marks=False)
    goes_on(client, first := life.take(60), 86)
    taken = {key: client.dump(key) for key in client.scan_iter(count=1000)}
    goes_on(client, [*first, *life.take(30)], 86)
    shelf, whole = Shelf.of(client, BOOK), contents(client)
    client.flushdb()
    for key, dumped in taken.items():
        client.restore(key, 0, dumped)

    done = rebuilt(client, shelf)

    assert done.restored.entries == 30
    apart = {keys.quarantine(BOOK), keys.lanes(BOOK)}
    left, right = _without_marks(contents(client)), _without_marks(whole)
    assert {k: v for k, v in left.items() if k not in apart} == {
        k: v for k, v in right.items() if k not in apart
    }


def test_an_archive_that_ends_before_the_book_is_compared_with_its_past(
    valkey_server: ServerProcess,
) -> None:
    client = lived(valkey_server, 87, 100)
    before = contents(client)
    shelf = Shelf.of(client, BOOK, 40)

    done = rebuild_book(client, BOOK, History(None, shelf), LIMITS)

    assert (done.is_switched, done.fold.seq, done.live_seq) == (False, 40, 101)
    assert contents(client) == before


def test_a_book_that_moves_on_is_followed(
    valkey_server: ServerProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = lived(valkey_server, 88, 0)
    life = RandomLife(88, generation_size=50)
    goes_on(client, told := life.take(60), 88)
    steps = iter([20, 1, 19, 20])

    def moves(step: str) -> None:
        if step == "rebuild_compared" and (more := next(steps, None)):
            told.extend(life.take(more))
            goes_on(client, told, 88)
            if more == 19:
                mark_some(client, 89)

    monkeypatch.setattr(rebuilding, "crash_point", moves)
    done = rebuilt(client)

    assert (done.rounds, done.fold.seq, done.healed.shown) == (5, 121, [])
    assert_verified(client)
    held = contents(client)
    rebuilt(client)
    assert contents(client) == held


def test_a_book_is_switched_while_it_trades(valkey_server: ServerProcess) -> None:
    client = lived(valkey_server, 89, 0, marks=False)
    life = RandomLife(89, generation_size=50)
    goes_on(client, told := life.take(150), 89)
    further = life.take(200)
    ended = threading.Event()

    def trade() -> None:
        own = valkey_server.client(decode=False)
        feed = LaneFeed(own, from_texts([*told, *further]))
        feed.applier.generation = int(own.hget(keys.book(BOOK), "generation"))
        while feed.done < len(feed.events):
            feed.apply(3)
            time.sleep(0.01)
        ended.set()

    trading = threading.Thread(target=trade)
    trading.start()
    seqs = []
    while not ended.is_set():
        done = rebuilt(client)
        assert (done.is_switched, done.healed.shown) == (True, [])
        seqs.append(done.fold.seq)
    trading.join()
    assert seqs[0] < 351
    assert_verified(client)
    assert opening.head(client, BOOK).seq == 351


@pytest.mark.parametrize("seed", [97, 98])
def test_two_rebuilds_at_once_do_no_harm(valkey_server: ServerProcess, seed: int) -> None:
    client = lived(valkey_server, seed, 120)
    before = contents(client)
    for key in before:
        if ":position:" in key or ":balance:" in key:
            client.hset(key, "seq", "1")
    ends: list[str] = []

    def run() -> None:
        own = valkey_server.client(decode=False)
        try:
            ends.append(str(rebuilt(own).is_switched))
        except RebuildRefused as error:
            ends.append(str(error))

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    refused = "book main is not rebuilt: another rebuild of it is at work"
    assert len(ends) == 3
    assert set(ends) <= {"True", refused}
    rebuilt(client)
    assert contents(client) == before, ends
