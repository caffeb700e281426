"""What goes to the archive, in what files, and what is then taken from Redis."""

from __future__ import annotations

import os
import random
import signal
import socket
import time
from pathlib import Path
from typing import Any

import pytest

from pm import keys
from pm.archive import ArchiveBusy, ArchiveError, layout
from pm.archive.archiving import KEPT_ENTRIES
from pm.archive.locking import locked
from pm.archive.trimming import ENTRIES_A_TRIM
from pm.days import DAY_NS, midnight_ns
from pm.settings import RedisSettings
from tests.archive.site import NOW_NS, ROWS_A_FILE, Site, made, put
from tests.attribution.told_books import ToldBook
from tests.conftest import StartServer
from tests.servers import ServerProcess


@pytest.fixture
def site(valkey_server: ServerProcess, tmp_path: Path) -> Site:
    return made(valkey_server, tmp_path)


def dated_book(*days: int) -> ToldBook:
    """A fill on each of these days of March 2025."""
    book = ToldBook()
    for day in days:
        book.fill(f"2025-03-{day:02d}T12:00:00", "1", "100")
    return book


def at(day: int) -> int:
    return midnight_ns(f"2025-03-{day:02d}") + DAY_NS // 2


def test_any_cut_reads_as_the_whole_did(valkey_server: ServerProcess, tmp_path: Path) -> None:
    for seed in range(6):
        drawn = random.Random(seed)
        valkey_server.client().flushdb()
        site = made(valkey_server, tmp_path / str(seed), seed=seed)
        for _ in range(3):
            site.run(through=drawn.randint(1, 200), kept=drawn.randint(1, 150))
            after = drawn.randint(0, 199)
            through = drawn.randint(after, 200)
            assert site.history() == site.entries
            assert site.history(after, through) == site.entries[after:through]
        assert site.hot_seqs()[-1] == 200


def test_a_file_holds_entries_of_one_day_without_holes(site: Site) -> None:
    site.run(all_but=1)

    seq, latest = 0, 0
    for record in site.archive.manifest("main").files:
        assert record.first_seq == seq + 1
        assert record.entries == record.last_seq - seq <= ROWS_A_FILE
        assert layout.day_of_receipt(record.last_received_at) == layout.day_of(record.path)
        assert latest <= (record.first_received_at or 0) <= (record.last_received_at or 0)
        seq, latest = record.last_seq, record.last_received_at or 0
    assert seq == 199
    assert (
        len({layout.day_of(path.relative_to(site.folder).as_posix()) for path in site.files()}) > 1
    )


def test_whole_days_older_than_the_retention_go(
    valkey_server: ServerProcess, tmp_path: Path
) -> None:
    site = put(valkey_server, tmp_path, dated_book(1, 2, 3, 4), hot_data_retention_days=10)

    assert site.run(now_ns=at(12)).archived_through == 2
    assert site.run(now_ns=at(12)).entries == 0
    assert site.run(now_ns=at(13)).archived_through == 3
    assert [layout.day_of(record.path) for record in site.archive.manifest("main").files] == [
        "2025-03-01",
        "2025-03-02",
    ]


def test_the_newest_entries_stay_in_redis_as_well(
    valkey_server: ServerProcess, tmp_path: Path
) -> None:
    site = put(valkey_server, tmp_path, dated_book(1, 2, 3, 4))

    done = site.run()

    assert KEPT_ENTRIES > 5
    assert (done.archived_through, done.trimmed_entries) == (5, 0)
    assert site.hot_seqs() == [1, 2, 3, 4, 5]


def test_entries_received_before_their_predecessors_belong_to_the_running_day(
    valkey_server: ServerProcess, tmp_path: Path
) -> None:
    site = put(valkey_server, tmp_path, dated_book(2, 4, 3, 5))
    site.run(before_ns=at(5))

    files = site.archive.manifest("main").files
    assert [(layout.day_of(file.path), file.entries) for file in files] == [
        ("2025-03-02", 2),
        ("2025-03-04", 2),
    ]
    assert site.archive.first_received("main", at(3)) == 3
    assert site.archive.first_received("main", 0) == 1
    assert site.archive.first_received("main", at(5)) is None


def test_a_clock_far_ahead_does_not_keep_later_entries_for_ever(
    valkey_server: ServerProcess, tmp_path: Path
) -> None:
    told = dated_book(1, 2)
    told.fill("2099-01-01T00:00:00", "1", "100")
    told.fill("2025-03-03T12:00:00", "1", "100")
    site = put(valkey_server, tmp_path, told, hot_data_retention_days=10)

    assert site.run(now_ns=at(20)).archived_through == 5
    days = [layout.day_of(record.path) for record in site.archive.manifest("main").files]
    assert days == ["2025-03-01", "2025-03-02", "2025-03-03"]
    assert site.history() == site.entries


def test_what_the_valuation_has_not_seen_stays(site: Site) -> None:
    site.client.hset(keys.valuation("main"), "fees_seen", "120")
    site.run(all_but=1)

    assert site.hot_seqs()[0] == 121
    assert site.head()["trimmed_through"] == "120"
    assert site.head()["archived_through"] == "199"


def test_many_entries_are_trimmed_in_steps(
    valkey_server: ServerProcess, tmp_path: Path, monkeypatch: Any
) -> None:
    steps: list[str] = []
    monkeypatch.setattr("pm.archive.trimming.ENTRIES_A_TRIM", 50)
    monkeypatch.setattr("pm.archive.trimming.crash_point", steps.append)
    made(valkey_server, tmp_path).run(all_but=1)
    assert steps == ["archive_journal_trimmed"] * 4 + ["archive_lane_trimmed"]
    assert ENTRIES_A_TRIM > 50


def test_a_torn_book_is_archived_up_to_its_state(site: Site) -> None:
    site.client.hset(keys.book("main"), "seq", "150")
    assert site.run(all_but=0).archived_through == 150
    assert site.hot_seqs()[0] == 150


@pytest.mark.parametrize("field", ["facts", "legs", "digest", "reason", "rules"])
def test_an_entry_that_breaks_the_chain_is_named_and_nothing_from_it_on_goes(
    site: Site, field: str
) -> None:
    changed = {**site.entries[99], field: site.entries[99][field].replace("1", "2") + " "}
    del changed["seq"]
    _replace(site, 100, changed)

    with pytest.raises(ArchiveError, match="book main: journal entry 100: its digest does not"):
        site.run(all_but=1)
    assert site.archive.last_seq("main") < 100
    assert site.hot_seqs() == list(range(1, 201))


def test_a_hole_in_the_journal_is_named(site: Site) -> None:
    site.client.xdel(keys.journal("main"), "100-0")
    with pytest.raises(ArchiveError, match="book main: journal entry 100: is missing, 101 follows"):
        site.run(all_but=1)
    assert site.hot_seqs()[0] == 1


def test_a_server_that_lost_entries_is_refused(site: Site) -> None:
    site.run(all_but=50)
    site.client.hset(keys.book("main"), "seq", "120")
    with pytest.raises(ArchiveError, match=r"stands at seq 120, but the archive in .* goes to 150"):
        site.run(all_but=1)


def test_the_archive_of_another_history_is_refused(
    valkey_server: ServerProcess, tmp_path: Path
) -> None:
    made(valkey_server, tmp_path).run(through=80, kept=200)
    valkey_server.client().flushdb()
    other = made(valkey_server, tmp_path, seed=8)
    with pytest.raises(ArchiveError, match=r"entry 80 .* is not the one in Redis"):
        other.run(all_but=1)
    assert len(other.hot_seqs()) == 200


def test_a_lost_archive_is_not_begun_anew(site: Site) -> None:
    site.run(all_but=50)
    (site.folder / layout.MANIFEST).unlink()
    before = site.files()
    with pytest.raises(ArchiveError, match="entries 1 to 150 are neither in Redis nor in"):
        site.run(all_but=1)
    assert site.files() == before


def test_a_second_archiver_says_so(site: Site) -> None:
    with (
        locked(site.settings.archive_path),
        pytest.raises(ArchiveBusy, match="another process is archiving there"),
    ):
        site.run(all_but=1)
    assert site.run(all_but=1).entries == 199


def test_nothing_goes_by_age_where_the_setting_keeps_it(
    valkey_server: ServerProcess, tmp_path: Path
) -> None:
    site = made(valkey_server, tmp_path, archive_completed_trades=False)
    assert site.run().entries == 0
    assert site.run(all_but=1).entries == 199


def test_what_was_refused_keeps_its_bytes(valkey_server: ServerProcess, tmp_path: Path) -> None:
    site = made(valkey_server, tmp_path)
    refused = [int(entry["seq"]) for entry in site.entries if entry["result"] == "refused"]
    assert len(refused) > 1
    for seq in refused[1:]:
        fields: Any = {
            "reason": "r",
            "detail": "",
            "facts": "{}",
            "raw": b"\xff\x00" + bytes([seq]),
        }
        site.client.xadd(keys.quarantine("main"), fields, id=f"{seq}-0")
    site.run(all_but=0)

    kept = dict(site.archive.raw("main", after=0, through=200))
    assert kept == {seq: b"\xff\x00" + bytes([seq]) for seq in refused[1:]}


@pytest.mark.parametrize("engine", ["valkey", "redis"])
def test_under_everysec_the_server_is_asked_to_sync_first(
    start_server: StartServer, tmp_path: Path, engine: str, monkeypatch: Any
) -> None:
    monkeypatch.setattr("pm.archive.durable_seq._FSYNC_EVERY_S", 0.02)
    server = start_server(engine, appendfsync="everysec")
    site = made(server, tmp_path)
    assert site.run(all_but=1).entries == 199
    assert site.history() == site.entries


def test_a_server_that_keeps_nothing_is_not_archived_unless_allowed(
    start_server: StartServer, tmp_path: Path
) -> None:
    site = made(start_server(options={"appendonly": "no"}), tmp_path)
    with pytest.raises(ArchiveError, match="keeps nothing on disk"):
        site.run(all_but=1)
    allowed = site.settings.model_copy(update={"redis": RedisSettings(allow_no_persistence=True)})
    site.settings = allowed
    assert site.run(all_but=1).entries == 199


def test_a_server_that_does_not_sync_in_time_is_not_archived(
    start_server: StartServer, tmp_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.setattr("pm.archive.durable_seq.FSYNC_WITHIN_MS", 50)
    site = made(start_server(appendfsync="no"), tmp_path)
    with pytest.raises(ArchiveError, match="did not sync its file"):
        site.run(all_but=1)
    assert site.hot_seqs()[0] == 1


def test_what_a_failover_could_lose_is_not_archived(
    start_server: StartServer, tmp_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.setattr("pm.archive.durable_seq.REPLICA_WITHIN_MS", 100)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    primary = start_server(options={"port": str(port), "repl-diskless-sync-delay": "0"})
    replica = start_server(options={"replicaof": f"127.0.0.1 {port}"})
    assert isinstance(replica, ServerProcess)
    site = made(primary, tmp_path)
    untyped: Any = replica.client()
    while not untyped.exists(keys.book("main")) or not site.client.wait(1, 1000):
        time.sleep(0.02)

    os.kill(replica.pid, signal.SIGSTOP)
    try:
        site.client.hset("pm:{main}:note", "n", "1")
        with pytest.raises(ArchiveError, match=r"no replica answered within 0\.1 s"):
            site.run(all_but=1)
        assert site.hot_seqs()[0] == 1
    finally:
        os.kill(replica.pid, signal.SIGCONT)
    monkeypatch.undo()
    assert site.run(all_but=1).entries == 199


@pytest.mark.parametrize("compression", ["lz4", "zstd", "snappy", "gzip", "none"])
def test_every_compression_is_read_back(
    valkey_server: ServerProcess, tmp_path: Path, compression: str
) -> None:
    site = made(valkey_server, tmp_path, archive_compression=compression)
    site.run(all_but=1, now_ns=NOW_NS)
    assert site.history() == site.entries


def _replace(site: Site, seq: int, fields: dict[str, str]) -> None:
    """Write the journal again with one entry changed."""
    site.client.delete(keys.journal("main"))
    for entry in site.entries:
        told: Any = {name: value for name, value in entry.items() if name != "seq"}
        if int(entry["seq"]) == seq:
            told = fields
        site.client.xadd(keys.journal("main"), told, id=f"{entry['seq']}-0")
