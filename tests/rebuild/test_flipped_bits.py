"""A bit that flips in the server's own files is never taken for what was written.

Either the server refuses its files, or proof and rebuild name what is wrong and rebuild heals what
the journal still tells, or the bit changed nothing of the book.
"""

from __future__ import annotations

import random
import shutil
import time
from pathlib import Path

import pytest
import redis

from pm import keys
from pm.books.opening import BookError
from pm.rebuild import RebuildRefused
from pm.rules.expected import NOT_FOLDED
from pm.verify import verify_book
from tests.rebuild.lived import BOOK, lived, rebuilt
from tests.servers import ServerProcess, StartServer
from tests.state.books import Contents, contents

EVENTS = 60
NOT_PROVEN = ("lanes", "quarantine", "executions")
"""Not part of what a journal decides, or kept as it came."""


def _proven(client: redis.Redis) -> Contents:
    shown: Contents = {}
    told = client.hget(keys.book(BOOK), "generation") or b""
    generation = int(told) if told.isdigit() else 0
    for key, (kind, value) in contents(client).items():
        name = key.removeprefix(keys.of_book(BOOK, ""))
        if name in NOT_PROVEN or _is_outworn(name, generation):
            continue
        if kind == "hash":
            ignored = {field.encode() for field in NOT_FOLDED.get(name.partition(":")[0], ())}
            value = {field: text for field, text in value.items() if field not in ignored}
        # The sentinel only keeps a set from being empty, and so gone.
        shown[key] = kind, value - {b"."} if kind == "set" else value
    return shown


def _is_outworn(name: str, generation: int) -> bool:
    """Whether ids of a generation before the last two are kept there: nothing asks for them."""
    kind, _, number = name.partition(":")
    return kind == "seen" and number.isdecimal() and int(number) < generation - 1


def _rewritten(client: redis.Redis) -> None:
    client.bgrewriteaof()
    while client.info("persistence")["aof_rewrite_in_progress"]:
        time.sleep(0.01)


def _flip(folder: Path, choose: random.Random) -> str:
    files = [path for path in sorted(folder.iterdir()) if path.stat().st_size]
    path = choose.choices(files, [path.stat().st_size for path in files])[0]
    content = bytearray(path.read_bytes())
    place, bit = choose.randrange(len(content)), choose.randrange(8)
    content[place] ^= 1 << bit
    path.write_bytes(content)
    return f"{path.name} byte {place} bit {bit}"


def _sweep(server: ServerProcess, seed: int, flips: int, is_rewritten: bool) -> dict[str, int]:
    client = lived(server, seed, EVENTS, generation_size=20, marks=False)
    if is_rewritten:
        _rewritten(client)
    wanted = _proven(client)
    server.stop()
    folder, saved = server.data_dir / "appendonlydir", server.data_dir / "saved"
    shutil.copytree(folder, saved)
    choose, ends = random.Random(seed), {"refused": 0, "named": 0, "harmless": 0}
    for _ in range(flips):
        shutil.rmtree(folder)
        shutil.copytree(saved, folder)
        where = f"seed {seed}: {_flip(folder, choose)}"
        try:
            server.start()
        except RuntimeError:
            ends["refused"] += 1
            continue
        ends[_judged(server.client(decode=False), wanted, where)] += 1
        server.close_clients()
        server.kill()
    shutil.rmtree(folder)
    shutil.copytree(saved, folder)
    server.start()
    return ends


def _judged(client: redis.Redis, wanted: Contents, where: str) -> str:
    found = _proven(client)
    if found == wanted:
        return "harmless"
    # Proof asks for every key there must be; what is there beside them, a rebuild finds.
    if client.exists(keys.book(BOOK)) and not wanted.items() <= found.items():
        assert not _is_proven(client), where
    try:
        done = rebuilt(client)
    except RebuildRefused:
        return "named"
    if not wanted.items() <= found.items():
        assert done.healed or not done.live_seq or done.live_seq < done.fold.seq, where
    # A name that is no key of any kind may be left over: nothing reads it.
    assert {key: held for key, held in _proven(client).items() if key in wanted} == wanted, where
    return "named"


def _is_proven(client: redis.Redis) -> bool:
    try:
        return verify_book(client, BOOK).is_whole
    except BookError:
        return False


OPTIONS = {"aof-load-truncated": "no"}


@pytest.mark.parametrize(("seed", "is_rewritten"), [(95, False), (96, True)])
def test_a_flipped_bit_is_refused_or_named_or_changes_nothing(
    start_server: StartServer, seed: int, is_rewritten: bool
) -> None:
    server = start_server(appendfsync="no", options=OPTIONS)
    assert isinstance(server, ServerProcess)
    ends = _sweep(server, seed, 20, is_rewritten)
    assert sum(ends.values()) == 20
    assert ends["refused"] + ends["named"] > 5, ends  # the rest fell into the functions' text


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["valkey", "redis"])
@pytest.mark.parametrize("seed", range(200, 204))
def test_many_bits(start_server: StartServer, engine: str, seed: int) -> None:
    server = start_server(engine, appendfsync="no", options=OPTIONS)
    assert isinstance(server, ServerProcess)
    _sweep(server, seed, 150, is_rewritten=seed % 4 == 3)
