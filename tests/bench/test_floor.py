"""The floor does what apply does: the same commands, the same state, and nothing else."""

from __future__ import annotations

from typing import Any

from pm.bench import floor
from pm.bench.book import Calls, apply, open_bench_book
from pm.bench.workload import TOKEN, Desk, Spread, reference_of
from tests.servers import AnyServer

SPREAD = Spread(positions=20, side=2)


def _state(client: Any) -> dict[bytes, Any]:
    read = {
        b"hash": client.hgetall,
        b"set": client.smembers,
        b"zset": lambda key: client.zrange(key, 0, -1, withscores=True),
        b"stream": client.xrange,
    }
    return {key: read[client.type(key)](key) for key in client.scan_iter(count=1000)}


def test_a_replayed_recording_leaves_the_state_apply_leaves(server: AnyServer) -> None:
    client = server.client(decode=False)
    desk, calls = Desk(SPREAD, TOKEN, 7), Calls(reference_of(SPREAD))
    made = [calls.of(list(desk.openings())), calls.of(desk.fills(1)), calls.of(desk.fills(30))]
    open_bench_book(client)
    floor.load_recorder(client)
    recordings = [floor.record(client, call) for call in made]
    recorded = _state(client)
    client.flushall()
    open_bench_book(client)
    for call in made:
        apply(client, call)
    applied = _state(client)
    client.flushall()
    open_bench_book(client)
    floor.load_replayer(client)
    for recording in recordings:
        floor.replay(client, recording)
    assert _state(client) == recorded == applied


def test_carrying_a_recording_changes_nothing(server: AnyServer) -> None:
    client = server.client(decode=False)
    open_bench_book(client)
    floor.load_recorder(client)
    floor.load_replayer(client)
    call = Calls(reference_of(SPREAD)).of(list(Desk(SPREAD, TOKEN, 7).openings()))
    recording = floor.record(client, call)
    before = _state(client)
    floor.replay(client, recording, floor.CARRY)
    assert _state(client) == before
