"""Verifying from a checkpoint: only what came after is folded, and everything is still compared."""

from __future__ import annotations

from pathlib import Path

import pytest
import redis

from pm import keys
from pm.checkpoints import Checkpoints
from pm.fold import from_checkpoint
from pm.history import History
from pm.verify import Report, verify_book
from tests.random_books import RandomLife
from tests.servers import AnyServer
from tests.shelf import trimmed
from tests.state.books import BOOK, LaneFeed, from_texts, opened, random_batches


def _fed(server: AnyServer, seed: int, count: int) -> tuple[redis.Redis, list[str]]:
    client = opened(server, generation_size=50)
    texts = RandomLife(seed, generation_size=50).take(count)
    LaneFeed(client, from_texts(texts)).feed(random_batches(seed))
    return client, texts


def _verify(client: redis.Redis, checkpoints: Checkpoints) -> Report:
    history = History(client)
    start = from_checkpoint(history, checkpoints, BOOK)
    report = verify_book(client, BOOK, history=history, start=start)
    if report.checkpoint is not None:
        checkpoints.write(report.checkpoint)
    return report


@pytest.mark.parametrize("seed", [31, 32])
def test_only_the_entries_after_it_are_folded(
    valkey_server: AnyServer, tmp_path: Path, seed: int
) -> None:
    checkpoints = Checkpoints(tmp_path, 1)
    client = opened(valkey_server, generation_size=50)
    feed = LaneFeed(client, from_texts(RandomLife(seed, generation_size=50).take(240)))
    done = 1
    for _ in range(4):
        for _ in range(6):
            feed.apply(10)
        report = _verify(client, checkpoints)
        assert report.differences == [], f"seed {seed}"
        assert (report.start_seq, report.entries) == (
            0 if done == 1 else done,
            report.seq - report.start_seq,
        )
        done = report.seq
    assert verify_book(client, BOOK).digest == report.digest


def test_a_damaged_key_that_nothing_touched_since_is_found(
    valkey_server: AnyServer, tmp_path: Path
) -> None:
    client, _ = _fed(valkey_server, 33, 200)
    checkpoints = Checkpoints(tmp_path, 1)
    assert _verify(client, checkpoints).is_whole
    balance = next(client.scan_iter(match=keys.balance(BOOK, "*", "*"))).decode()
    client.hset(balance, "total", "999")

    report = _verify(client, checkpoints)

    assert report.start_seq == report.seq
    assert report.checkpoint is None
    assert ["total: is '999'" in line for line in report.differences] == [True]


def test_a_checkpoint_of_another_history_is_named_and_not_used(
    valkey_server: AnyServer, tmp_path: Path
) -> None:
    client, _ = _fed(valkey_server, 34, 60)
    checkpoints = Checkpoints(tmp_path, 1)
    assert _verify(client, checkpoints).is_whole
    client.flushall()
    client, _ = _fed(valkey_server, 35, 60)

    report = _verify(client, checkpoints)

    assert (report.start_seq, report.differences) == (0, [])
    assert "the journal's digest there is" in checkpoints.damaged[0]


def test_a_journal_that_begins_after_the_checkpoint_is_enough(
    valkey_server: AnyServer, tmp_path: Path
) -> None:
    client = opened(valkey_server, generation_size=50)
    feed = LaneFeed(client, from_texts(RandomLife(37, generation_size=50).take(120)))
    checkpoints = Checkpoints(tmp_path, 1)
    for _ in range(6):
        feed.apply(10)
    assert _verify(client, checkpoints).is_whole
    for _ in range(6):
        feed.apply(10)
    trimmed(client, BOOK, 61)

    report = _verify(client, checkpoints)

    assert (report.start_seq, report.seq, report.differences) == (61, 121, [])
    trimmed(client, BOOK, 62)
    checkpoints.listed(BOOK)[-1].path.unlink()
    assert "entries 1 to 62 are archived" in _verify(client, checkpoints).differences[0]


def test_a_missing_entry_and_garbage_are_differences_and_no_crash(
    valkey_server: AnyServer,
) -> None:
    client, _ = _fed(valkey_server, 36, 60)
    client.xdel(keys.journal(BOOK), "40-0")
    assert verify_book(client, BOOK).differences == ["journal: entry 40 is missing, 41 follows"]
    client.delete(keys.journal(BOOK))
    client.xadd(keys.journal(BOOK), {"facts": b"\xff\xfe"}, id="1-0")
    assert "is not text" in verify_book(client, BOOK).differences[0]
