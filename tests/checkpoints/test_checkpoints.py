"""Checkpoints: what is read back is what was written, or it is named and not used."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from pm.checkpoints import Checkpoint, Checkpoints
from pm.rules.book import Book
from tests.cli.site import clean_environment
from tests.random_books import RandomLife

OPENED = '{"kind":"opened","name":"main","schema":"2","generation_size":"50"}'


def _book(events: int, seed: int = 1) -> Book:
    book = Book()
    for text in (OPENED, *RandomLife(seed, generation_size=50).take(events - 1)):
        book.apply(text)
    return book


def _checkpoint(events: int) -> Checkpoint:
    return Checkpoint("main", events * 1000, _book(events).state)


def _kept(checkpoints: Checkpoints) -> list[int]:
    return [listed.seq for listed in checkpoints.listed("main")]


def test_what_was_written_is_read_back(tmp_path: Path) -> None:
    book = _book(200)
    checkpoints = Checkpoints(tmp_path, 50)
    checkpoints.write(Checkpoint("main", 5, book.state))

    found = next(checkpoints.newest_first("main", seq=1000), None)

    assert found is not None
    assert (found.seq, found.digest, found.received_at) == (200, book.state.digest, 5)
    read = Book()
    read.state = found.state
    assert read.expected_state() == book.expected_state()


def test_the_nearest_is_at_or_before_what_is_asked(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path, 10)
    for events in (20, 40, 60):
        checkpoints.write(_checkpoint(events))

    def at(seq: int) -> int | None:
        found = next(checkpoints.newest_first("main", seq=seq), None)
        return None if found is None else found.seq

    def then(time_ns: int) -> int | None:
        found = next(checkpoints.newest_first("main", time_ns=time_ns), None)
        return None if found is None else found.seq

    assert [at(19), at(20), at(59), at(99)] == [None, 20, 40, 60]
    assert [then(19_999), then(20_000), then(59_999), then(99_000)] == [None, 20, 40, 60]
    assert next(checkpoints.newest_first("other", seq=99), None) is None


def test_many_near_each_other_do_not_pile_up(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path, 40)
    for events in range(5, 126, 5):
        checkpoints.write(_checkpoint(events))

    assert _kept(checkpoints) == [40, 80, 120, 125]


@pytest.mark.parametrize("seed", range(6))
def test_a_damaged_one_is_named_and_the_one_before_is_used(tmp_path: Path, seed: int) -> None:
    checkpoints = Checkpoints(tmp_path, 10)
    checkpoints.write(_checkpoint(20))
    path = checkpoints.write(_checkpoint(40))
    whole, choose = path.read_bytes(), random.Random(seed)
    for _ in range(40):
        damaged = bytearray(whole)
        # Bytes 4 to 9 of a gzip file are a date and labels that change nothing of the content.
        place = choose.randrange(10, len(whole))
        if choose.random() < 0.2:
            del damaged[place:]
        else:
            damaged[place] ^= 1 << choose.randrange(8)
        path.write_bytes(damaged)
        reading = Checkpoints(tmp_path, 10)
        found = next(reading.newest_first("main", seq=99), None)
        if found is not None and found.seq == 40:  # a bit that gzip itself has no use for
            assert found.state.digest == _book(40).state.digest
            continue
        assert found is not None, f"seed {seed}"
        assert found.seq == 20
        assert [path.name in reason for reason in reading.damaged] == [True], reading.damaged


def test_a_file_under_another_name_is_not_what_it_says(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path, 10)
    path = checkpoints.write(_checkpoint(20))
    path.rename(path.with_name("00000000000000000030-5.jsonl.gz"))

    assert next(checkpoints.newest_first("main", seq=99), None) is None
    assert "at seq 20" in checkpoints.damaged[0]


WRITER = """
import sys
import threading
from pathlib import Path
from pm.checkpoints import Checkpoint, Checkpoints
from tests.checkpoints.test_checkpoints import _checkpoint
Checkpoints(Path(sys.argv[1]), 10).write(_checkpoint(40))
"""


@pytest.mark.parametrize("step", ["written", "synced", "renamed"])
def test_a_writer_killed_on_the_way_leaves_a_whole_one_or_none(tmp_path: Path, step: str) -> None:
    Checkpoints(tmp_path, 10).write(_checkpoint(20))
    environment = clean_environment(PM_TEST_CRASH_AT=f"checkpoint_{step}")
    command = [sys.executable, "-c", WRITER, str(tmp_path)]
    assert subprocess.run(command, env=environment, check=False).returncode == -9

    reading = Checkpoints(tmp_path, 10)
    found = next(reading.newest_first("main", seq=99), None)
    assert found is not None
    assert found.seq == (40 if step == "renamed" else 20)
    assert reading.damaged == []
    reading.write(_checkpoint(40))
    assert _kept(reading) == [20, 40]


def test_writers_at_once_take_turns(tmp_path: Path) -> None:
    checkpoint = _checkpoint(60)
    barrier, failed = threading.Barrier(4), []

    def write() -> None:
        barrier.wait()
        try:
            for _ in range(5):
                Checkpoints(tmp_path, 10).write(checkpoint)
        except OSError as error:
            failed.append(error)

    writers = [threading.Thread(target=write) for _ in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert failed == []
    found = next(Checkpoints(tmp_path, 10).newest_first("main", seq=60), None)
    assert found is not None
    assert found.digest == checkpoint.digest


def test_the_same_state_gives_the_same_file(tmp_path: Path) -> None:
    first = Checkpoints(tmp_path / "1", 10).write(_checkpoint(60))
    second = Checkpoints(tmp_path / "2", 10).write(_checkpoint(60))
    assert first.read_bytes() == second.read_bytes()
