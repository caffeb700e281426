"""A book against its journal: what was damaged is a break with the entry it parted at."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import redis

from pm import keys
from pm.breaks.kept import Breaks
from pm.breaks.record import Break
from pm.checkpoints import Checkpoints
from pm.history import History
from pm.reconcile.inside import InsideReport, reconcile_inside
from pm.reconcile.runs import Runs
from tests.random_books import RandomLife
from tests.servers import AnyServer
from tests.state.books import BOOK, LaneFeed, from_texts, opened, random_batches


class Site:
    """A random book that is reconciled now and then."""

    def __init__(self, server: AnyServer, folder: Path, seed: int = 5) -> None:
        self.client: redis.Redis = opened(server)
        self.history = History(self.client)
        self.checkpoints = Checkpoints(folder, 40)
        self.life = RandomLife(seed)
        self.events: list[Any] = []
        self.now_ns = 0

    def live(self, count: int) -> None:
        self.events += from_texts(self.life.take(count))
        LaneFeed(self.client, self.events).feed(random_batches(1))

    def reconcile(self, *, full: bool = False) -> InsideReport:
        self.now_ns += 1
        return reconcile_inside(
            self.client, self.history, self.checkpoints, BOOK, now_ns=self.now_ns, full=full
        )

    def breaks(self) -> list[Break]:
        return Breaks(self.client, BOOK).listed(only_open=True)

    def positions(self) -> list[tuple[str, int]]:
        """Keys of positions, those last touched first."""
        found = []
        for name in self.client.scan_iter(match=keys.of_book(BOOK, "position:*")):
            seq = self.client.hget(name, "seq")
            found.append((name.decode(), int(seq)))
        return sorted(found, key=lambda each: -each[1])


@pytest.fixture
def site(server: AnyServer, tmp_path: Path) -> Site:
    made = Site(server, tmp_path)
    made.live(60)
    assert made.reconcile().proof.is_whole
    made.live(60)
    return made


def test_a_right_book_has_no_breaks_and_each_run_starts_where_the_last_ended(site: Site) -> None:
    seq = site.reconcile().proof.seq
    site.live(20)
    report = site.reconcile()
    assert (report.proof.start_seq, report.proof.is_whole) == (seq, True)
    assert report.proof.entries == report.proof.seq - seq
    assert site.breaks() == []
    told = Runs(site.client, BOOK).last()
    assert told["seq"] == told["right_at"] == str(report.proof.seq)
    assert (told["runs"], told["differences"], told["open_breaks"]) == ("3", "0", "0")
    assert told["at"] == str(site.now_ns)


def test_a_field_changed_by_hand_is_told_with_the_last_entry_that_wrote_it(site: Site) -> None:
    key, seq = site.positions()[-1]
    right = site.client.hget(key, "realized_pnl")
    site.client.hset(key, "realized_pnl", "123456789.5")
    site.reconcile()
    found = {kept.subject: kept for kept in site.breaks()}
    name = key.partition("}:")[2]
    kept = found[f"{name} realized_pnl"]
    assert (kept.kind, kept.ours, kept.theirs) == ("state", "123456789.5", right.decode())
    assert (kept.first_book, kept.first_seq) == (BOOK, seq)
    entry = site.client.xrange(keys.journal(BOOK), f"{seq}-0", f"{seq}-0")[0][1]
    assert kept.first_event.startswith(entry[b"event"].decode())

    site.client.hset(key, "realized_pnl", right)
    assert site.reconcile().outcome.resolved == len(found)
    assert site.breaks() == []


@pytest.mark.parametrize("with_checkpoints", [True, False])
def test_a_key_put_back_to_an_older_state_parted_at_the_next_entry_that_touched_it(
    site: Site, with_checkpoints: bool
) -> None:
    key, _ = site.positions()[0]
    old = site.client.dump(key)
    old_seq = int(site.client.hget(key, "seq"))
    for _ in range(6):
        site.live(40)
        site.reconcile()
    assert len(site.checkpoints.listed(BOOK)) > 3
    if not with_checkpoints:
        for listed in site.checkpoints.listed(BOOK):
            listed.path.unlink()
    strategy, _, instrument = key.partition("position:")[2].partition(":")
    wanted = f'"strategy_id":"{strategy}","instrument":"{instrument}"'.encode()
    touched = [
        int(entry.partition(b"-")[0])
        for entry, fields in site.client.xrange(keys.journal(BOOK), f"({old_seq}-0")
        if wanted in fields[b"changes"]
    ]
    site.client.restore(key, 0, old, replace=True)
    site.reconcile()
    parted = {kept.first_seq for kept in site.breaks() if kept.subject.startswith("position:")}
    assert parted == {touched[0]}


def _delete(client: redis.Redis, key: str) -> None:
    client.delete(key)


def _make_a_list(client: redis.Redis, key: str) -> None:
    client.delete(key)
    client.rpush(key, "x")


@pytest.mark.parametrize("damage", [_delete, _make_a_list])
def test_a_key_that_is_gone_parted_at_the_first_entry_that_made_it(
    site: Site, damage: Callable[[redis.Redis, str], None]
) -> None:
    key, _ = site.positions()[0]
    held = site.client.dump(key)
    name = key.partition("}:position:")[2]
    made = next(
        int(entry.partition(b"-")[0])
        for entry, fields in site.client.xrange(keys.journal(BOOK))
        if f'"strategy_id":"{name.partition(":")[0]}","instrument":"{name.partition(":")[2]}"'
        in fields[b"changes"].decode()
    )
    damage(site.client, key)
    site.reconcile()
    about = [kept for kept in site.breaks() if kept.subject.startswith(f"position:{name}")]
    assert {kept.first_seq for kept in about} == {made}
    if damage is _delete:
        assert [(kept.subject, kept.detail) for kept in about] == [
            (f"position:{name}", "is missing")
        ]
    site.client.restore(key, 0, held, replace=True)
    site.reconcile()
    assert site.breaks() == []


def test_a_member_that_is_not_due_is_told_with_its_own_record(site: Site) -> None:
    key, seq = next(
        each for each in site.positions() if site.client.hget(each[0], "quantity") != b"0"
    )
    name = key.partition("}:position:")[2]
    site.client.zadd(keys.closed(BOOK), {name: 0})
    site.reconcile()
    (kept,) = site.breaks()
    assert (kept.subject, kept.detail) == (f"closed {name}", "")
    assert kept.first_seq == seq


def test_an_entry_that_was_changed_stays_a_break_until_it_was_looked_at_again(site: Site) -> None:
    seq = site.reconcile().proof.seq
    stream, place = keys.journal(BOOK), f"{seq - 30}-0"
    whole = site.client.xrange(stream)
    _rewrite(site.client, stream, whole, place, b"reason", b"forged")
    assert site.reconcile().proof.is_whole, "what is before the checkpoint is not looked at"
    site.reconcile(full=True)
    found = {kept.subject: kept for kept in site.breaks()}
    assert found[f"journal {seq - 30} reason"].first_seq == seq - 30
    site.live(10)
    site.reconcile()
    assert {kept.subject for kept in site.breaks()} == found.keys(), "a short run proves nothing"
    right = whole[seq - 31][1][b"reason"]
    _rewrite(site.client, stream, site.client.xrange(stream), place, b"reason", right)
    assert site.reconcile(full=True).proof.is_whole
    assert site.breaks() == []


def _rewrite(
    client: redis.Redis, stream: str, entries: Any, place: str, field: bytes, value: bytes
) -> None:
    pipeline = client.pipeline()
    pipeline.delete(stream)
    for entry, fields in entries:
        changed = {**fields, field: value} if entry == place.encode() else fields
        pipeline.xadd(stream, changed, id=entry)
    pipeline.execute()


def test_a_missing_entry_ends_what_can_be_said_and_resolves_nothing(site: Site) -> None:
    key, _ = site.positions()[0]
    site.client.hset(key, "cost", "1")
    site.reconcile()
    before = {kept.subject for kept in site.breaks()}
    assert before
    seq = int(site.client.hget(keys.book(BOOK), "seq"))
    site.client.xdel(keys.journal(BOOK), f"{seq - 3}-0")
    site.reconcile()
    found = {kept.subject: kept for kept in site.breaks()}
    assert before < found.keys()
    (gap,) = [kept for kept in found.values() if kept.kind == "journal"]
    assert (gap.first_seq, gap.detail) == (
        seq - 3,
        f"entry {seq - 3} is missing, {seq - 2} follows",
    )
