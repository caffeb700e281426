"""Rebuild, proof and the past over a journal that lies in Parquet files, in Redis, or in both."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import redis

from pm import keys
from pm.archive.archiving import Extent, archive_book
from pm.client import Client
from pm.history.opening import open_history
from pm.rebuild import RebuildRefused, rebuild_book
from pm.rules.journal import FIELDS
from pm.settings import Settings
from pm.verify import verify_book
from tests.cli.site import EVENTS, Shell, clean_environment, write_events
from tests.random_books import RandomLife
from tests.rebuild.lived import BOOK, LIMITS, goes_on, lived
from tests.servers import AnyServer, ServerProcess
from tests.state.books import Contents, contents, opened


def _archived(client: redis.Redis, settings: Settings, through: int) -> None:
    client.config_set("appendfsync", "always")  # nothing is archived that the server may lose
    extent = Extent(through=through, kept_entries=1)
    archive_book(client, settings, BOOK, now_ns=time.time_ns(), extent=extent, rows_a_file=40)


def _state(client: redis.Redis) -> Contents:
    apart = (keys.journal(BOOK), keys.archive_head(BOOK), keys.lane(BOOK, keys.DEFAULT_LANE))
    generation = int(client.hget(keys.book(BOOK), "generation") or 0)
    swept = [keys.seen(BOOK, number) for number in range(generation - 1)]
    return {
        key: (kind, value)
        for key, (kind, value) in contents(client).items()
        if key not in (*apart, *swept)
        and not (":trace:" in key and value.get(b"status") == b"archived")
    }


@pytest.mark.parametrize("seed", [101, 102])
def test_a_book_archived_bit_by_bit_is_rebuilt_to_the_byte(
    valkey_server: ServerProcess, tmp_path: Path, seed: int
) -> None:
    settings = Settings(data=tmp_path)
    client = lived(valkey_server, seed, 200)
    before = _state(client)
    for cut in sorted(random.Random(seed).sample(range(20, 200), 3)):
        _archived(client, settings, cut)
        history = open_history(client, settings)
        done = rebuild_book(client, BOOK, history, LIMITS)
        assert (done.is_switched, done.healed.shown) == (True, []), f"seed {seed}, cut {cut}"
        assert _state(client) == before, f"seed {seed}, cut {cut}"
        assert verify_book(client, BOOK, history=history).differences == []


def test_the_past_is_the_same_wherever_it_lies(
    valkey_server: ServerProcess, tmp_path: Path
) -> None:
    settings = Settings(data=tmp_path)
    client = lived(valkey_server, 103, 150)
    with Client.open(valkey_server.url, settings) as asking:
        before = {seq: _told(asking.as_of(seq)) for seq in (2, 30, 77, 120, 151)}
    _archived(client, settings, 100)
    with Client.open(valkey_server.url, settings) as asking:
        assert {seq: _told(asking.as_of(seq)) for seq in before} == before


def _told(past: Any) -> tuple[Any, ...]:
    return tuple(past.positions("all")), tuple(past.balances()), past.portfolio_summary()


@pytest.mark.parametrize("to_redis", [True, False])
def test_commands_move_a_book_to_an_empty_server(
    valkey_server: ServerProcess, redis_server: AnyServer, tmp_path: Path, to_redis: bool
) -> None:
    first, second = (valkey_server, redis_server) if to_redis else (redis_server, valkey_server)
    settings = Settings(data=tmp_path)
    life = RandomLife(104, generation_size=50)
    source = opened(first, generation_size=50)
    goes_on(source, texts := life.take(150), 104)
    _archived(source, settings, 151)
    shell = Shell(tmp_path, "--data", str(tmp_path), "--redis", second.url)

    (done,) = shell.json("rebuild")

    assert (done["switched"], done["seq"], done["stood_at"]) == (True, 151, 0)
    target = second.client(decode=False)
    apart = (keys.quarantine(BOOK), keys.lanes(BOOK))
    left, right = _state(source), _state(target)
    assert {k: v for k, v in left.items() if k not in apart} == {
        k: v for k, v in right.items() if k not in apart
    }
    further = life.take(50)
    for client in (source, target):
        goes_on(client, [*texts, *further], 104)
    assert source.hget(keys.book(BOOK), "digest") == target.hget(keys.book(BOOK), "digest")
    (proven,) = shell.json("verify")
    assert proven["whole"]


def test_a_server_that_went_on_from_an_older_file_keeps_no_two_journals(
    valkey_server: ServerProcess, redis_server: AnyServer, tmp_path: Path
) -> None:
    """Its entries since cannot be replaced, so the archive's book must not stand on them."""
    settings = Settings(data=tmp_path)
    life = RandomLife(106, generation_size=50)
    texts = life.take(100)
    client, older = (opened(server, generation_size=50) for server in (valkey_server, redis_server))
    goes_on(client, texts, 106)
    _archived(client, settings, 101)
    goes_on(older, texts[:60], 106)
    goes_on(older, [*texts[:60], *texts[70:80]], 106)
    head: Any = client.hget(keys.book(BOOK), "digest")
    before = contents(older)
    history = replace(open_history(older, settings), client=None)

    for accepted in ("", head.decode()):
        with pytest.raises(RebuildRefused, match="the server's own journal has another entry 62: "):
            rebuild_book(older, BOOK, history, LIMITS, accepted_digest=accepted)

    assert contents(older) == before


def test_what_is_left_out_or_ends_early_is_told(
    valkey_server: ServerProcess, tmp_path: Path
) -> None:
    settings = Settings(data=tmp_path)
    client = lived(valkey_server, 109, 60)
    _archived(client, settings, 40)
    shell = Shell(tmp_path, "--data", str(tmp_path), "--redis", valkey_server.url)
    first = client.xrange(keys.journal(BOOK), count=1)[0][0].decode().partition("-")[0]
    assert f"entries 1 to {int(first) - 1} are archived and the archive was left out" in (
        shell.refused("rebuild", "--from", "hot")
    )
    told = shell.ok("rebuild", "--from", "archive")
    assert told.startswith("book main stands at seq 61, and the archive ends before: 40 journal")
    assert told.rstrip().endswith("; nothing was switched")
    client.flushdb()
    told = shell.refused("rebuild", "--from", "hot", "--book", BOOK)
    assert "no journal of it in Redis, and the archive was left out" in told


def test_counts_of_one_are_singular(valkey_server: ServerProcess, tmp_path: Path) -> None:
    shell = Shell(tmp_path, "--data", str(tmp_path), "--redis", valkey_server.url)
    unknown = {**EVENTS[1], "instrument": "binance.coin.NONEUSDT"}
    shell.ok("ingest", write_events(tmp_path / "events.jsonl", unknown))
    valkey_server.client().config_set("appendfsync", "always")
    shell.ok("archive", "--all-but", "0")
    valkey_server.client().flushdb()
    told = shell.ok("rebuild")
    assert "it was not on the server: " in told
    assert "and 1 refusal put back" in told
    assert " 1 journal entries" not in told


def _diverged(server: ServerProcess, settings: Settings) -> tuple[redis.Redis, Contents]:
    """A server with a book of its own since seq 61, and what the archived one is made of alone."""
    texts = RandomLife(107, generation_size=50).take(100)
    client = opened(server, generation_size=50)
    goes_on(client, texts, 107)
    _archived(client, settings, 101)
    client.flushdb()
    archive = replace(open_history(client, settings), client=None)
    rebuild_book(client, BOOK, archive, LIMITS)
    alone = contents(client)
    client.flushdb()
    opened(server, generation_size=50)
    goes_on(client, texts[:60], 107)
    goes_on(client, [*texts[:60], *texts[70:80]], 107)
    return client, alone


def test_a_book_of_another_history_is_replaced_whole_and_kept(
    valkey_server: ServerProcess, tmp_path: Path
) -> None:
    settings = Settings(data=tmp_path)
    client, alone = _diverged(valkey_server, settings)
    other = {k: v for k, v in contents(client).items() if k.startswith(keys.of_book(BOOK, ""))}
    shell = Shell(tmp_path, "--data", str(tmp_path), "--redis", valkey_server.url)
    way_out = "rebuild --book main --from archive"
    assert way_out in shell.refused("rebuild")
    assert f"{way_out} --set-aside`" in shell.refused("rebuild", "--from", "archive")
    command = ("rebuild", "--from", "archive", "--set-aside")
    client.set(keys.lease(BOOK), "somebody")
    assert "serves it: stop them first" in shell.refused(*command)
    client.delete(keys.lease(BOOK))

    told = shell.ok(*command)

    (prefix,) = {word.rstrip("*") for word in told.split() if word.startswith("pm:{main}:aside:")}
    after = contents(client)
    kept = {key: held for key, held in after.items() if key.startswith(prefix)}
    assert f"(seq 71, digest {other[keys.book(BOOK)][1][b'digest'].decode()[:12]}) is kept" in told
    own = keys.of_book(BOOK, "")
    assert {own + key.removeprefix(prefix): held for key, held in kept.items()} == other
    assert {key: held for key, held in after.items() if key not in kept} == alone
    assert verify_book(client, BOOK, history=open_history(client, settings)).is_whole
    assert "is kept" not in shell.ok(*command)


def test_killed_after_another_history_was_set_aside_the_next_rebuild_goes_on(
    valkey_server: ServerProcess, tmp_path: Path
) -> None:
    settings = Settings(data=tmp_path)
    client, alone = _diverged(valkey_server, settings)
    command = [sys.executable, "-m", "pm.cli.main", "--data", str(tmp_path)]
    command += ["--redis", valkey_server.url, "rebuild", "--from", "archive", "--set-aside"]
    environment = clean_environment(PM_TEST_CRASH_AT="rebuild_set_aside")
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == -9, ended.stderr
    assert not client.exists(keys.book(BOOK))
    Shell(tmp_path, "--data", str(tmp_path), "--redis", valkey_server.url).ok("rebuild")
    prefix = keys.aside(BOOK, "")
    assert {k: v for k, v in contents(client).items() if not k.startswith(prefix)} == alone


def test_a_journal_that_is_another_before_its_newest_entry_is_seen(
    valkey_server: ServerProcess, tmp_path: Path
) -> None:
    settings = Settings(data=tmp_path)
    client = lived(valkey_server, 108, 60)
    _archived(client, settings, 61)
    client.delete(keys.journal(BOOK))
    history = replace(open_history(client, settings), client=None)
    for stored in history.read(BOOK, after=40, through=61):
        fields: Any = {name: stored[name] for name in FIELDS}
        fields["digest"] = "0" * 40 if stored["seq"] == "45" else fields["digest"]
        client.xadd(keys.journal(BOOK), fields, id=f"{stored['seq']}-0")
    with pytest.raises(RebuildRefused, match="the server's own journal has another entry 45: "):
        rebuild_book(client, BOOK, history, LIMITS)
    done = rebuild_book(client, BOOK, history, LIMITS, sets_aside=True)
    assert (done.live_seq, done.is_switched) == (0, True)
    assert verify_book(client, BOOK, history=open_history(client, settings)).is_whole


def test_a_damaged_archive_is_one_line_and_changes_nothing(
    valkey_server: ServerProcess, tmp_path: Path
) -> None:
    settings = Settings(data=tmp_path)
    client = lived(valkey_server, 105, 120)
    _archived(client, settings, 100)
    file = sorted(settings.archive_path.rglob("*.parquet"))[0]
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 4
    file.write_bytes(content)
    before = contents(client)
    shell = Shell(tmp_path, "--data", str(tmp_path), "--redis", valkey_server.url)

    for command in (["rebuild"], ["positions", "--at", "50"]):
        assert file.name in shell.refused(*command)
    told = json.loads(shell.run("verify", "--json").stdout)
    assert file.name in told[0]["differences"][0]
    assert contents(client) == before
