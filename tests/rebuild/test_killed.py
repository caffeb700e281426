"""A rebuild killed at any step leaves a book as it was or as it must be, and the next is right."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import redis

from pm import keys
from pm.history import History
from pm.rebuild import rebuild_book
from pm.verify import verify_book
from tests.cli.site import clean_environment
from tests.rebuild.lived import BOOK, LIMITS, lived
from tests.servers import ServerProcess
from tests.shelf import Shelf, trimmed
from tests.state.books import contents

STEPS = (
    "rebuild_folded",
    "rebuild_shadow_written",
    "rebuild_compared",
    "rebuild_restored",
    "rebuild_switched",
    "rebuild_listed",
)
CHILD = Path(__file__).with_name("rebuild_child.py")


def _killed(server: ServerProcess, shelf: Shelf, folder: Path, step: str) -> None:
    stored = folder / "entries.json"
    stored.write_text(shelf.text())
    command = [sys.executable, str(CHILD), server.url, str(stored)]
    environment = clean_environment(PM_TEST_CRASH_AT=step)
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == -9, ended.stderr


def _shadows(client: redis.Redis) -> list[bytes]:
    return list(client.scan_iter(match=keys.shadow(BOOK, "*")))


@pytest.mark.parametrize("step", STEPS)
def test_beside_a_live_book(valkey_server: ServerProcess, tmp_path: Path, step: str) -> None:
    client = lived(valkey_server, 90, 120)
    shelf = Shelf.of(client, BOOK, 70)
    trimmed(client, BOOK, 70)
    history = History(client, shelf)
    client.hset(keys.book(BOOK), "applied", "1")

    _killed(valkey_server, shelf, tmp_path, step)

    is_healed = step in ("rebuild_switched", "rebuild_listed")
    assert verify_book(client, BOOK, history=history).is_whole == is_healed
    done = rebuild_book(client, BOOK, history, LIMITS)
    assert len(done.healed.shown) == (0 if is_healed else 1)
    assert verify_book(client, BOOK, history=history).differences == []
    assert _shadows(client) == []


@pytest.mark.parametrize("step", STEPS)
def test_into_an_empty_server(valkey_server: ServerProcess, tmp_path: Path, step: str) -> None:
    client = lived(valkey_server, 91, 120, marks=False)
    shelf = Shelf.of(client, BOOK)
    client.flushdb()
    history = History(client, shelf)
    rebuild_book(client, BOOK, history, LIMITS)
    undisturbed = contents(client)
    client.flushdb()

    _killed(valkey_server, shelf, tmp_path, step)

    is_there = step in ("rebuild_switched", "rebuild_listed")
    assert bool(client.exists(keys.book(BOOK))) == is_there
    done = rebuild_book(client, BOOK, history, LIMITS)
    assert done.is_switched
    assert client.zrange(keys.books(), 0, -1) == [BOOK.encode()]
    assert contents(client) == undisturbed
