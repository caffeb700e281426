"""A worker that may not use a command, and keys of a wrong kind: never silently half-applied.

The call fails, and the book is as before, or torn so that verifying says so. Once the right is
granted or the key is itself again, the next call ends where an undisturbed one would have.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import redis
from redis import exceptions

from pm.books.applying import redo
from pm.connect import connect
from pm.functions import library
from tests.servers import Server
from tests.state.books import PREFIX, LaneFeed
from tests.state.scene import Scene

USER = "limited"
DENIED = r"NOPERM|no permission|can't run this command"

LEFT_BY_DENIED = {
    "hmget": "unchanged",
    "hget": "unchanged",
    "zrange": "unchanged",
    "smismember": "unchanged",
    "xlen": "unchanged",
    "xadd": "unchanged",
    "hset": "torn",
    "hdel": "torn",
    "zadd": "torn",
    "zrem": "torn",
    "sadd": "torn",
    "publish": "done",
}

LEFT_BY_WRONG_KEY = {
    "book": "unchanged",
    "journal": "unchanged",
    "quarantine": "unchanged",
    "position:7:binance.coin.BTCUSDT": "unchanged",
    "balance:binance:USDT": "unchanged",
    "order:binance:O1": "unchanged",
    "pending:transfer.T1": "unchanged",
    "pending:dividend.D2": "unchanged",
    "pending:correction.C1": "unchanged",
    "strategy:7": "unchanged",
    "trace:0000000000000000000000000000000a": "unchanged",
    "attribution:7:2023-11-14": "unchanged",
    "seen:0": "unchanged",
    "seen:future": "unchanged",
    "seen:1": "torn",
    "positions": "torn",
    "closed": "torn",
    "strategies": "torn",
    "balances": "torn",
    "traces": "torn",
    "pendings": "torn",
    "reservations": "torn",
    "restatements": "torn",
    "instrument:nasdaq.stock.ACME": "unchanged",
    "instrument:kraken.coin.BTCUSDT": "torn",
    "chain:0": "torn",
    "chain:5": "torn",
}


@pytest.fixture
def scene(server: Server) -> Scene:
    """The scene on each engine."""
    client = server.client(decode=False, timeout_s=30.0)
    library.load(client)
    return Scene.on(server, client)


@pytest.fixture
def limited(server: Server, scene: Scene) -> Iterator[redis.Redis]:
    """A client of a user who may do everything, until told otherwise."""
    allow(scene.client, "on", "nopass", "~*", "&*", "+@all")
    url = server.url.replace("redis://", f"redis://{USER}:any@").replace(
        "unix://", f"unix://{USER}:any@"
    )
    client = connect(url, role="test", decode=False)
    yield client
    client.close()
    scene.client.acl_deluser(USER)


def allow(client: redis.Redis, *rules: str) -> None:
    """Give the user rights, or take them away."""
    client.execute_command(  # type: ignore[no-untyped-call]
        "ACL", "SETUSER", USER, *rules
    )


@pytest.mark.parametrize("command", LEFT_BY_DENIED)
def test_a_denied_command_never_half_applies(
    scene: Scene, limited: redis.Redis, command: str
) -> None:
    feed = LaneFeed(limited, scene.events)
    scene.rewind()
    allow(scene.client, f"-{command}")
    for _ in range(2):
        with pytest.raises(exceptions.ResponseError, match=DENIED):
            _apply_from_the_past(scene, feed)
        assert scene.state() == LEFT_BY_DENIED[command]
        if LEFT_BY_DENIED[command] == "done":
            break
    allow(scene.client, f"+{command}")
    scene.assert_goes_on(f"{command} was denied")


def test_every_command_of_the_batch_is_among_those_denied(scene: Scene) -> None:
    feed = scene.rewind()
    feed.applier.generation = 0
    scene.client.config_resetstat()
    _apply_from_the_past(scene, feed)
    called = {name.removeprefix("cmdstat_") for name in scene.client.info("commandstats")}
    assert called - {"config|resetstat", "fcall"} == LEFT_BY_DENIED.keys()


def test_every_kind_of_key_the_batch_changes_is_among_those_of_a_wrong_kind(scene: Scene) -> None:
    names = scene.stage.unchanged.keys() | scene.stage.undisturbed.keys()
    changed = [
        name
        for name in names
        if scene.stage.unchanged.get(name) != scene.stage.undisturbed.get(name)
    ]
    kinds = {name.removeprefix(PREFIX).partition(":")[0] for name in changed}
    assert kinds == {name.partition(":")[0] for name in LEFT_BY_WRONG_KEY}


@pytest.mark.parametrize("name", LEFT_BY_WRONG_KEY)
def test_a_key_of_a_wrong_kind_never_half_applies(scene: Scene, name: str) -> None:
    client, feed = scene.client, scene.rewind()
    is_there = client.exists(PREFIX + name)
    if is_there:
        client.rename(PREFIX + name, "aside")
    client.set(PREFIX + name, "not what it should be")
    for _ in range(2):
        with pytest.raises(exceptions.ResponseError, match="WRONGTYPE"):
            _apply_from_the_past(scene, feed)
    client.delete(PREFIX + name)
    if is_there:
        client.rename("aside", PREFIX + name)
    assert scene.state() == LEFT_BY_WRONG_KEY[name]
    scene.assert_goes_on(f"{name} was a string")


def test_a_redo_without_the_right_to_write_the_quarantine_says_so(
    scene: Scene, limited: redis.Redis
) -> None:
    feed = LaneFeed(limited, scene.events)
    scene.rewind()
    allow(scene.client, "-hset")
    with pytest.raises(exceptions.ResponseError, match=DENIED):
        _apply_from_the_past(scene, feed)
    scene.client.delete(PREFIX + "quarantine")
    allow(scene.client, "+hset", "-xadd")
    with pytest.raises(exceptions.ResponseError, match=DENIED):
        redo(limited, feed.applier)
    assert scene.state() == "torn"
    allow(scene.client, "+xadd")
    scene.assert_goes_on("xadd was denied to redo")


def _apply_from_the_past(scene: Scene, feed: LaneFeed) -> None:
    """The batch in one call, where the book's cursor stands without asking for it."""
    feed.applier.apply(
        feed.client,
        feed.lane,
        scene.events[scene.past - 1].facts["entry"],
        scene.events[scene.past :],
        0,
    )
