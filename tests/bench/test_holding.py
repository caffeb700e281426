"""How long commands hold the server is told by the server, functions apart from the rest."""

from __future__ import annotations

from pm.bench.holding import read_holds, watch_holds
from tests.servers import AnyServer

SLOW = """#!lua name=pm_bench_test
redis.register_function('pm_bench_spin', function() for i = 1, 300000 do end end)
"""


def test_only_what_ran_since_is_told_and_functions_apart(server: AnyServer) -> None:
    client = server.client()
    client.function_load(SLOW)
    client.set("before", "1")
    before = watch_holds(client)
    client.fcall("pm_bench_spin", 0)
    client.sadd("since", "1")
    found = read_holds(client, before)
    assert found.other == "SADD"
    assert found.function_longest >= found.function_p50 > 0
    client.function_delete("pm_bench_test")


def test_without_a_function_there_is_no_longest_one(server: AnyServer) -> None:
    client = server.client()
    before = watch_holds(client)
    client.sadd("since", "1")
    found = read_holds(client, before)
    assert (found.function_longest, found.other) == (0.0, "SADD")
