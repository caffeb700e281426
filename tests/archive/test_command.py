"""`pm archive` as it is called."""

from __future__ import annotations

from pathlib import Path

import pytest

from pm.archive.locking import locked
from tests.cli.site import EVENTS, INSTRUMENTS, Shell, fill, write_events
from tests.servers import ServerProcess


@pytest.fixture
def shell(valkey_server: ServerProcess, tmp_path: Path) -> Shell:
    """Commands on a server that was told some events."""
    made = Shell(tmp_path, "--data", str(tmp_path / ".pm"), "--redis", valkey_server.url)
    fills = [fill(number) for number in range(20)]
    events = write_events(tmp_path / "events.jsonl", *EVENTS, *fills)
    made.ok("ingest", events, "--instruments", INSTRUMENTS)
    return made


def seqs(shell: Shell, *options: str) -> list[int]:
    return [entry["seq"] for entry in shell.json("journal", *options)]


def test_what_was_received_today_stays(shell: Shell) -> None:
    assert shell.ok("archive") == "book main: nothing to archive\n"
    assert shell.ok("archive", "check") == f"there is no archive in {shell.path('.pm')}/archive\n"
    assert shell.json("archive", "list") == []


def test_archived_by_hand_listed_checked_and_read_on(shell: Shell) -> None:
    before = shell.json("journal")
    told = shell.ok("archive", "--all-but", "5")
    assert told.startswith(f"book main: archived {len(before) - 5} entries in 1 files (")
    assert f"took {len(before) - 5} journal entries, " in told

    assert shell.json("journal") == before
    assert seqs(shell, "--from", "3", "--count", "4") == [3, 4, 5, 6]
    assert len(shell.ok("journal").splitlines()) == 21
    assert len(shell.ok("watch", "--from", "1", "--count", "3").splitlines()) >= 3

    (listed,) = shell.json("archive", "list")
    assert (listed["first_seq"], listed["last_seq"]) == (1, len(before) - 5)
    assert shell.ok("archive", "list").splitlines()[1].split()[2:5] == [
        "1",
        str(len(before) - 5),
        str(len(before) - 5),
    ]
    (checked,) = shell.json("archive", "check", "--book", "main")
    assert (checked["faults"], checked["last_seq"]) == ([], len(before) - 5)
    assert checked["digest"] == before[-6]["digest"]


def test_what_is_archived_and_stays_in_redis_is_told(shell: Shell) -> None:
    told = shell.ok("archive", "--through", "10", "--keep", "20")
    last = seqs(shell)[-1]
    assert f"now through seq 10; took {last - 20} journal entries" in told
    assert f"from Redis; seqs {last - 19} to 10 stay there as well" in told


def test_events_are_ingested_and_attributed_beside_archiving(shell: Shell) -> None:
    shell.ok("archive", "--all-but", "1")
    more = write_events(shell.path("more.jsonl"), fill(100, side="sell"))
    assert shell.json("ingest", more)["applied"] == 1
    before = shell.json("attribution", "--strategy", "8")
    shell.ok("archive", "--all-but", "1")
    after = shell.json("attribution", "--strategy", "8")
    assert len(before["details"]) == 21
    assert after["details"] == before["details"]


def test_a_damaged_file_is_one_line_and_exit_code_1(shell: Shell) -> None:
    shell.ok("archive", "--all-but", "5")
    (path,) = shell.path(".pm").rglob("*.parquet")
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    told = f"pm: {path}: does not have the hash the manifest says: it was damaged"
    assert shell.refused("archive", "check") == told
    assert shell.refused("journal", "--from", "1") == told
    assert shell.refused("watch", "--from", "1") == told
    assert shell.refused("attribution", "--strategy", "8") == told


def test_without_the_archive_the_gap_is_named(shell: Shell) -> None:
    shell.ok("archive", "--all-but", "5")
    last = seqs(shell)[-1] - 5
    shell.path(".pm/archive").rename(shell.path("elsewhere"))
    told = f"pm: book main: journal entries 1 to {last} are archived and no archive is configured"
    assert shell.refused("journal", "--from", "1") == told
    assert shell.refused("attribution", "--strategy", "8") == told


def test_a_book_that_only_the_archive_has_is_not_begun_anew(
    shell: Shell, valkey_server: ServerProcess
) -> None:
    shell.ok("archive", "--all-but", "5")
    valkey_server.client().flushall()
    deposit = ("deposit", "1", "USDT", "--venue", "binance")
    line = shell.refused(*deposit)
    assert line.startswith("pm: book main is in the archive and not on the server")
    assert "is rebuilt at seq" in shell.ok("rebuild")
    shell.ok("reference", "load", INSTRUMENTS)
    assert "deposited 1 USDT" in shell.ok(*deposit)
    assert "is right" in shell.ok("verify")


def test_a_book_begun_anew_gives_way_to_the_archived_one_when_told(
    shell: Shell, valkey_server: ServerProcess
) -> None:
    """Begun where the archive was not seen, and by now longer than what is archived."""
    shell.ok("archive", "--through", "6")
    archive = shell.path(".pm") / "archive"
    archive.rename(shell.path("elsewhere"))
    valkey_server.client().flushall()
    fills = write_events(shell.path("anew.jsonl"), *(fill(number) for number in range(50, 70)))
    shell.ok("ingest", fills, "--instruments", INSTRUMENTS)
    shell.path("elsewhere").rename(archive)
    assert "book main is of another history" in shell.run("health").stdout
    assert "--from archive --set-aside`" in shell.refused("rebuild", "--from", "archive")

    (done,) = shell.json("rebuild", "--from", "archive", "--set-aside")

    assert (done["seq"], done["stood_at"]) == (6, 0)
    assert int(done["set_aside"]["seq"]) > 20
    kept = valkey_server.client().xlen(done["set_aside"]["prefix"] + "journal")
    assert kept == int(done["set_aside"]["seq"])
    assert "book main is of another history" not in shell.run("health").stdout
    shell.ok("reference", "load", INSTRUMENTS)
    shell.ok("ingest", fills)
    assert "is right" in shell.ok("verify")
    shell.ok("archive", "--all-but", "5")
    assert "is right" in shell.ok("verify")


def test_events_that_come_before_their_reference_data_wait_in_the_lane(
    shell: Shell, valkey_server: ServerProcess
) -> None:
    before = [entry["event"] for entry in shell.json("journal")].count("fill")
    shell.ok("archive", "--all-but", "0")
    valkey_server.client().flushall()
    shell.ok("rebuild")
    assert "deposited 1 USDT" in shell.ok("deposit", "1", "USDT", "--venue", "binance")
    more = write_events(shell.path("more.jsonl"), fill(90), fill(91))
    line = shell.refused("ingest", more)
    assert line.startswith("pm: reference data version 1 does not exist; newest 0: `pm reference")
    assert "waits in its lane, and is applied once that is done" in line
    shell.ok("reference", "load", INSTRUMENTS)
    told = shell.json("ingest", more)
    assert (told["applied"], told["duplicate"]) == (0, 2)
    assert "is right" in shell.ok("verify")
    results = [entry["result"] for entry in shell.json("journal") if entry["event"] == "fill"]
    assert (results.count("applied"), results.count("duplicate")) == (before + 2, 2)


def test_wrong_uses_are_one_line(shell: Shell) -> None:
    assert shell.refused("archive", "--book", "other") == "pm: book other does not exist"
    assert "other" in shell.refused("archive", "check", "--book", "other")
    assert "is no time" in shell.refused("archive", "--before", "soon", code=2)
    off = {"PM_STORAGE__ARCHIVE_COMPLETED_TRADES": "false"}
    assert "archive_completed_trades is false" in shell.refused("archive", **off)


def test_a_second_archiver_says_so_and_ends_well(shell: Shell) -> None:
    with locked(shell.path(".pm/archive")):
        done = shell.run("archive", "--all-but", "1")
    assert (done.exit_code, done.stdout) == (0, "")
    assert "another process is archiving there: nothing to do" in done.stderr
