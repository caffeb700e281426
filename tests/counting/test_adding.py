"""Counts come to the server once: whatever reply is lost, whoever adds at the same time."""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import Any

import pytest
import redis
from redis import exceptions

from pm import keys
from pm.counting.adding import Adder, forget_processes
from pm.counting.stored import SOURCE
from tests.servers import AnyServer, ServerProcess

FIELD = "pm_queries_total|query=position"


def stored(client: redis.Redis, field: str = FIELD) -> int:
    found: Any = client.hget(keys.metrics(), field)
    return int(found or 0)


def test_processes_add_up_and_a_restart_keeps_the_sum(valkey_server: ServerProcess) -> None:
    client = valkey_server.client()
    Adder(client, "one").add({FIELD: 3})
    Adder(client, "two").add({FIELD: 4})
    valkey_server.kill()
    valkey_server.start()
    assert stored(client) == 7
    Adder(client, "three").add({FIELD: 1})
    assert stored(client) == 8


class _Faulty:
    """A client whose transactions fail on demand, before the server has them or after."""

    def __init__(self, client: redis.Redis) -> None:
        self.client = client
        self.fails: str | None = None

    def pipeline(self, **options: Any) -> Any:
        pipeline = self.client.pipeline(**options)
        execute = pipeline.execute

        def failing(*arguments: Any) -> Any:
            if self.fails == "before":
                raise exceptions.ConnectionError("lost")
            done = execute(*arguments)
            if self.fails == "after":
                raise exceptions.ConnectionError("lost")
            return done

        pipeline.execute = failing  # type: ignore[method-assign]
        return pipeline


@pytest.mark.parametrize("lost", ["before", "after"])
def test_a_lost_reply_neither_loses_nor_doubles(server: AnyServer, lost: str) -> None:
    faulty = _Faulty(server.client())
    adder = Adder(faulty, "one")  # type: ignore[arg-type]
    total = 0
    for number in range(1, 6):
        faulty.fails = lost if number % 2 else None
        total += number
        if faulty.fails is None:
            adder.add({FIELD: number})
            assert stored(faulty.client) == total
            continue
        with pytest.raises(exceptions.ConnectionError):
            adder.add({FIELD: number})
        with suppress(exceptions.ConnectionError):
            adder.add({})  # finds that it was added, or fails again
        assert stored(faulty.client) == (total if lost == "after" else total - number)
    faulty.fails = None
    adder.add({})
    assert stored(faulty.client) == total == 15


def test_an_attempt_that_arrives_late_does_not_add_again(server: AnyServer) -> None:
    client = server.client()
    field = f"{SOURCE}one"
    late = client.pipeline(transaction=True)
    late.watch(keys.metrics())  # type: ignore[no-untyped-call]
    late.hget(keys.metrics(), field)
    late.multi()
    late.hincrby(keys.metrics(), FIELD, 5)
    late.hincrby(keys.metrics(), field, 1)
    Adder(client, "one").add({FIELD: 5})
    with pytest.raises(redis.WatchError):
        late.execute()
    assert stored(client) == 5


def test_many_at_once_lose_nothing(valkey_server: ServerProcess) -> None:
    adders = [Adder(valkey_server.client(), f"process-{number}") for number in range(4)]

    def add(adder: Adder) -> None:
        for _ in range(50):
            adder.add({FIELD: 1})
        while adder.waits:
            adder.add({})

    threads = [threading.Thread(target=add, args=(adder,)) for adder in adders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert stored(valkey_server.client()) == 200


def test_processes_that_ended_long_ago_are_forgotten(valkey_server: ServerProcess) -> None:
    client = valkey_server.client()
    Adder(client, "old").add({FIELD: 1})
    Adder(client, "new").add({FIELD: 1})
    week_ms, now_ms = 7 * 24 * 3_600_000, stored(client, f"{SOURCE}new")
    forget_processes(client, {"old": now_ms - week_ms - 1, "new": now_ms}, now_ms)
    assert stored(client, f"{SOURCE}old") == 0
    assert stored(client, f"{SOURCE}new") == now_ms
    assert stored(client) == 2
