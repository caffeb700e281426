"""Every component brought down or degraded by a real cause, and well again without it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import redis

from pm import keys
from pm.archive.archiving import Extent, archive_book
from pm.books import opening
from pm.counting.adding import Adder
from pm.counting.catalogue import QUERY_SECONDS, UPDATE_SECONDS, Series
from pm.counting.recorder import Recorder
from pm.functions import library
from pm.health.asking import Health, ask
from pm.health.verdict import Component
from pm.settings import Settings
from pm.valuation.mark_to_market import run_pass
from tests.servers import ServerProcess, StartServer
from tests.workers.desk import Desk, eventually
from tests.workers.lane_contents import entry, fills

MINUTE_S = 60


def health(desk: Desk, **sections: Any) -> Health:
    return ask(desk.client, Settings(**sections), time.time_ns())


def part(desk: Desk, name: str, **sections: Any) -> Component:
    return next(part for part in health(desk, **sections).components if part.name == name)


def level(desk: Desk, name: str, **sections: Any) -> str:
    return part(desk, name, **sections).level


def test_a_system_that_does_all_it_should_is_healthy(desk: Desk) -> None:
    desk.put(fills(2))
    desk.finish()
    now_ns = time.time_ns()
    desk.client.zadd(keys.workers(), {"somebody": now_ns // 1_000_000})
    desk.client.hset(keys.reconciliation("main"), mapping={"at": now_ns, "runs": 1})
    run_pass(desk.server.client(), Settings())
    found = health(desk)
    assert {part.name: part.text for part in found.components if part.level != "healthy"} == {}
    assert (found.level, found.is_ready) == ("healthy", True)


@pytest.mark.parametrize(
    ("component", "series", "limit_ms"),
    [
        ("position_updates", Series(UPDATE_SECONDS, ("main",)), 10),
        ("query_performance", Series(QUERY_SECONDS, ("position",)), 1),
    ],
)
def test_more_than_one_in_a_hundred_over_the_limit_is_degraded(
    desk: Desk, component: str, series: Series, limit_ms: int
) -> None:
    adder, recorder = Adder(desk.client, "test"), Recorder()
    recorder.observe_all(series, [limit_ms * 1_000_000] * 99 + [limit_ms * 1_000_000 + 1])
    adder.add(recorder.take())
    assert level(desk, component) == "healthy"
    recorder.observe(series, 3_000_000_000)
    adder.add(recorder.take())
    found = part(desk, component)
    assert found.level == "degraded"
    assert found.text.startswith("99 % of 101 ")
    assert found.text.endswith(f"the limit is {limit_ms} ms")


def test_a_few_slow_ones_are_not_judged(desk: Desk) -> None:
    adder, recorder = Adder(desk.client, "test"), Recorder()
    series = Series(QUERY_SECONDS, ("position",))
    recorder.observe_all(series, [3_000_000_000] * 99)
    adder.add(recorder.take())
    found = part(desk, "query_performance")
    assert found.level == "healthy"
    assert found.text == "99 queries since counting began: judged from 100 on"
    recorder.observe(series, 3_000_000_000)
    adder.add(recorder.take())
    assert level(desk, "query_performance") == "degraded"


def test_open_breaks_and_a_late_reconciliation_are_degraded(desk: Desk) -> None:
    assert part(desk, "position_reconciliation").text == "never reconciled: main"
    key, now_ns = keys.reconciliation("main"), time.time_ns()
    desk.client.hset(key, mapping={"at": now_ns, "runs": 1, "differences": 4, "open_breaks": 0})
    assert level(desk, "position_reconciliation") == "healthy"
    desk.client.hset(key, "open_breaks", "2")
    assert part(desk, "position_reconciliation").text == "book main has 2 open breaks"
    desk.client.hset(key, mapping={"at": now_ns - 16 * MINUTE_S * 10**9, "open_breaks": 0})
    assert "was last reconciled 96" in part(desk, "position_reconciliation").text
    desk.client.hset(key, mapping={"at": now_ns, "error": "no statement"})
    assert part(desk, "position_reconciliation").text == (
        "reconciling book main failed: no statement"
    )
    desk.client.hset(key, mapping={"at": now_ns - 16 * MINUTE_S * 10**9, "error": ""})
    hourly = {"position_reconciliation_interval_seconds": 3600}
    assert level(desk, "position_reconciliation", monitoring=hourly) == "healthy"


def test_more_positions_than_four_fifths_of_the_plan_are_degraded(desk: Desk) -> None:
    desk.put(fills(1))
    desk.finish()
    assert level(desk, "position_capacity", portfolio_manager={"max_positions": 2}) == "healthy"
    assert level(desk, "position_capacity", portfolio_manager={"max_positions": 1}) == "degraded"


def test_executions_that_wait_are_degraded_then_down(desk: Desk) -> None:
    def waiting(age_s: int) -> str:
        desk.client.delete(keys.lane("main", "executions"))
        _, fields = fills(1)[0]
        stamp = time.time_ns() - age_s * 10**9
        desk.put([("1-0", {**fields, "received_at": stamp})])
        return level(desk, "lag")

    assert waiting(1) == "healthy"
    assert waiting(10) == "degraded"
    assert waiting(100) == "down"
    assert "lane executions: 1 entry, oldest 100 s" in part(desk, "lag").text
    desk.finish()
    assert level(desk, "lag") == "healthy"


def test_without_workers_it_is_down(desk: Desk) -> None:
    assert level(desk, "workers") == "down"
    desk.client.zadd(keys.workers(), {"dead": time.time_ns() // 1_000_000 - 6_000})
    assert level(desk, "workers") == "down"
    desk.client.zadd(keys.workers(), {"alive": time.time_ns() // 1_000_000})
    assert part(desk, "workers").text == "1 worker running"


def test_a_torn_book_another_layout_and_missing_functions_are_not_ready(desk: Desk) -> None:
    causes: list[tuple[str, Callable[[], Any], Callable[[], Any]]] = [
        (
            "books",
            lambda: desk.client.xadd(keys.journal("main"), {"event": "x"}, id="9-0"),
            lambda: desk.client.xdel(keys.journal("main"), "9-0"),
        ),
        (
            "schema",
            lambda: desk.client.hset(keys.book("main"), "schema", "1"),
            lambda: desk.client.hset(keys.book("main"), "schema", "2"),
        ),
        ("functions", lambda: desk.client.function_flush("SYNC"), lambda: None),
    ]
    for name, cause, remedy in causes:
        assert health(desk).is_ready
        cause()
        assert level(desk, name) == "down"
        assert not health(desk).is_ready
        remedy()


def test_a_server_without_any_book_is_degraded(valkey_server: ServerProcess) -> None:
    found = ask(valkey_server.client(decode=False), Settings(), time.time_ns())
    levels = {part.name: part.level for part in found.components}
    assert (levels["schema"], levels["functions"]) == ("degraded", "down")


def test_what_was_refused_is_degraded_and_a_full_quarantine_down(desk: Desk) -> None:
    assert level(desk, "quarantine") == "healthy"
    desk.put([entry(1, "event", b"garbage")])
    desk.finish()
    assert part(desk, "quarantine").text == "book main: 1 of 100000 entries: see `pm quarantine`"
    full = {"quarantine_max_entries": 1}
    assert level(desk, "quarantine", portfolio_manager=full) == "down"


def test_a_book_that_is_not_valued_in_time_is_degraded(desk: Desk) -> None:
    assert "never marked to market" in part(desk, "valuation").text
    run_pass(desk.server.client(), Settings())
    assert level(desk, "valuation") == "healthy"
    desk.client.hset(keys.book("main"), "valuation_torn", "1")
    assert part(desk, "valuation").text == "marking book main was interrupted"
    desk.client.hset(keys.book("main"), "valuation_torn", "0")
    late = time.time_ns() - 4 * MINUTE_S * 10**9
    desk.client.hset(keys.valuation("main"), "at", str(late))
    assert "last marked to market 240 s ago" in part(desk, "valuation").text


def test_an_archive_that_is_late_is_degraded_and_a_hole_in_history_down(desk: Desk) -> None:
    assert level(desk, "archive") == "healthy"
    head = {"archived_through": "1", "trimmed_through": "1", "at": time.time_ns()}
    desk.client.hset(keys.archive_head("main"), mapping=head)
    assert (level(desk, "archive"), level(desk, "history")) == ("healthy", "healthy")
    desk.client.hset(keys.archive_head("main"), mapping={"trimmed_through": "2", "at": "1"})
    assert (level(desk, "archive"), level(desk, "history")) == ("degraded", "down")
    assert level(desk, "archive", storage={"archive_completed_trades": False}) == "healthy"


def test_a_server_that_is_not_the_archives_is_down(desk: Desk, tmp_path: Path) -> None:
    settings = Settings(data=tmp_path)
    desk.put(fills(4))
    desk.finish()
    desk.client.config_set("appendfsync", "always")
    extent = Extent(through=4, kept_entries=10)
    archive_book(desk.client, settings, "main", now_ns=time.time_ns(), extent=extent)

    def found() -> Component:
        return part(desk, "history", data=tmp_path)

    assert found().level == "healthy"
    digest = desk.client.xrange(keys.journal("main"), "4-0", "4-0")[0][1][b"digest"]
    desk.client.xdel(keys.journal("main"), "4-0", "5-0")
    desk.client.hset(keys.book("main"), "seq", "3")
    assert found().level == "down"
    assert "stands at seq 3 and the archive goes to 4" in found().text
    desk.client.flushall()
    assert found().text == (
        "book main is in the archive and not on the server, which is new or lost it:"
        " `pm rebuild` puts it back"
    )
    assert part(desk, "schema", data=tmp_path).level == "down"
    library.load(desk.client)
    opening.open_book(desk.client, "main", seen_generation_size=20)
    desk.put(fills(4)[1:])
    desk.finish()
    assert desk.client.xrange(keys.journal("main"), "4-0", "4-0")[0][1][b"digest"] != digest
    assert found().level == "down"
    assert "of another history than its archive" in found().text


def test_frames_taken_in_spite_of_their_checksum_are_degraded(desk: Desk) -> None:
    assert level(desk, "checksum") == "healthy"
    assert level(desk, "checksum", gateway={"lenient_checksum": True}) == "degraded"


@pytest.fixture
def memory(desk: Desk) -> Iterator[redis.Redis]:
    """The desk's server, its memory settings put back afterwards."""
    yield desk.client
    desk.client.config_set("maxmemory", "0")
    desk.client.config_set("maxmemory-policy", "noeviction")


def test_memory_that_runs_out_is_degraded_and_eviction_down(
    desk: Desk, memory: redis.Redis
) -> None:
    used = int(memory.info("memory")["used_memory"])
    memory.config_set("maxmemory", str(2 * used))
    assert level(desk, "memory") == "healthy"
    memory.config_set("maxmemory", str(used * 10 // 9))
    assert level(desk, "memory") == "degraded"
    memory.config_set("maxmemory", str(100 * used))
    memory.config_set("maxmemory-policy", "allkeys-lru")
    assert part(desk, "memory").level == "down"


def test_a_disk_that_takes_nothing_is_seen(start_server: StartServer) -> None:
    server = start_server("valkey", appendfsync="everysec")
    assert isinstance(server, ServerProcess)
    desk = Desk(server)
    assert level(desk, "persistence") == "healthy"
    folder = server.data_dir / "appendonlydir"
    folder.rename(server.data_dir / "elsewhere")
    folder.write_text("in the way")
    with suppress(redis.ResponseError):
        desk.client.bgrewriteaof()
    eventually(lambda: level(desk, "persistence") == "degraded")
    assert part(desk, "persistence").text == "the last rewrite of the append-only file failed"


def test_a_server_that_keeps_nothing_is_degraded_unless_that_is_accepted(
    start_server: StartServer,
) -> None:
    server = start_server(
        "valkey", options={"appendonly": "no", "stop-writes-on-bgsave-error": "no"}
    )
    assert isinstance(server, ServerProcess)
    desk = Desk(server)
    assert level(desk, "persistence") == "degraded"
    accepted = {"allow_no_persistence": True}
    assert level(desk, "persistence", redis=accepted) == "healthy"
    blocked = server.data_dir / "dump.rdb"
    blocked.unlink(missing_ok=True)
    blocked.mkdir()
    desk.client.bgsave()
    eventually(lambda: level(desk, "persistence", redis=accepted) == "down")


def test_a_replica_is_degraded_and_one_without_its_primary_down(start_server: StartServer) -> None:
    desk = Desk(start_server("valkey"))
    assert part(desk, "replicas").text == "0 replicas, all online"
    desk.client.replicaof("127.0.0.1", 1)
    assert level(desk, "replicas") == "down"
    desk.client.replicaof("no", "one")  # type: ignore[arg-type]
    assert level(desk, "replicas") == "healthy"
    desk.client.config_set("min-replicas-to-write", "1")
    assert part(desk, "replicas").text == "no replica is good enough: the server refuses writes"
