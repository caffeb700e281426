"""The users of config/users.acl can do their work, and nothing that is not theirs."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from redis import exceptions

from pm import keys
from pm.archive.archiving import Extent, archive_book
from pm.books import lanes, opening, reference_store
from pm.breaks.found import Found
from pm.breaks.kept import Breaks
from pm.client import Client
from pm.client.capital import Capital
from pm.counting.adding import Adder
from pm.counting.catalogue import Series
from pm.events.lines import parse_line
from pm.events.message import pack
from pm.functions import library
from pm.health.asking import ask
from pm.history.opening import open_history
from pm.keys import DEFAULT_LANE
from pm.metrics.collecting import collect_gauges
from pm.metrics.exposition import text_of
from pm.rebuild import RebuildRefused, rebuild_book
from pm.rebuild.restoring import Limits
from pm.reconcile.runs import Runs
from pm.reference.toml_source import load_reference
from pm.settings import Settings
from tests.servers import AnyServer
from workers.jobs.listing import runs
from workers.jobs.queue import QueueServer
from workers.jobs.running import Runner
from workers.jobs.schedule import Scheduler
from workers.jobs.serving import new_worker
from workers.jobs.table import QUEUES
from workers.worker import new_consumer

PASSWORD = "replace-this-password"
DEPOSIT = (
    '{"kind":"deposit","event_id":"D1","venue":"binance","token":"USDT","amount":"5",'
    '"executed_at":1700000000000000000}'
)


@pytest.fixture
def roles(server: AnyServer) -> Iterator[AnyServer]:
    """A server with the users of the file; the default user stays for the tests themselves."""
    names = []
    with server.client() as client:
        for line in Path("config/users.acl").read_text().splitlines():
            if line.startswith("user ") and not line.startswith("user default"):
                _, name, *rules = re.findall(r"\([^)]*\)|\S+", line)
                client.execute_command("ACL", "SETUSER", name, "reset", *rules)
                names.append(name)
        library.load(client)
    yield server
    with server.client() as client:
        client.acl_deluser(*names)


def as_user(server: AnyServer, name: str, *, decode: bool = False) -> redis.Redis:
    client = server.client(decode=decode)
    client.execute_command("AUTH", name, PASSWORD)
    connection_pool = client.connection_pool
    connection_pool.connection_kwargs.update(username=name, password=PASSWORD)
    connection_pool.reset()  # a connection made before would come back as the default user
    return client


def test_a_worker_applies_and_may_not_bring_code(roles: AnyServer) -> None:
    with as_user(roles, "worker") as worker:
        opening.open_book(worker, "main", seen_generation_size=10)
        entry = lanes.publish(worker, "main", [pack(parse_line(DEPOSIT))], 1)[-1]
        counts = new_consumer(Settings(), "main").consume(worker)

        assert counts.applied == 1
        assert lanes.cursors(worker, "main", [DEFAULT_LANE])[DEFAULT_LANE] == entry
        for command in (("FUNCTION", "DELETE", library.current().name), ("EVAL", "return 1", "0")):
            with pytest.raises(exceptions.NoPermissionError):
                worker.execute_command(*command)


def test_a_reader_reads_and_may_not_write(roles: AnyServer) -> None:
    with as_user(roles, "worker") as worker:
        opening.open_book(worker, "main", seen_generation_size=10)
        lanes.publish(worker, "main", [pack(parse_line(DEPOSIT))], 1)
        new_consumer(Settings(), "main").consume(worker)

    with as_user(roles, "reader", decode=True) as reader:
        assert [str(found.total) for found in Client(reader).balances()] == ["5"]
        with pytest.raises(exceptions.NoPermissionError):
            reader.hset("pm:{main}:balance:binance:USDT", "total", "6")


def test_who_reserves_may_correct_trades_too(roles: AnyServer) -> None:
    trade = (
        '{"kind":"fill","execution_id":"T1","order_id":"O1","strategy_id":7,"instrument":'
        '"binance.coin.BTCUSDT","quantity":"2","price":"100","venue":"binance",'
        '"executed_at":1700000000000000000}'
    )
    with as_user(roles, "worker") as worker:
        opening.open_book(worker, "main", seen_generation_size=10)
        reference_store.merge(worker, load_reference(Path("config/instruments.toml")))
        version = reference_store.current_version(worker)
        opening.adopt_reference(worker, "main", version, 0)
        lanes.publish(worker, "main", [pack(parse_line(trade))], 1)
        assert new_consumer(Settings(), "main").consume(worker).applied == 1

    with as_user(roles, "risk") as risk:
        done = Capital(risk).corrections.bust("T1", by="anna", why="a test")
        assert done.status == "restated"
        assert risk.hget("pm:{main}:balance:binance:BTC", "total") == b"0"


def test_a_gateway_appends_and_may_not_apply_to_a_balance(roles: AnyServer) -> None:
    with as_user(roles, "worker") as worker:
        opening.open_book(worker, "main", seen_generation_size=10)

    with as_user(roles, "gateway") as gateway:
        lane = "executions:relay"
        keys = ["pm:{main}:" + name for name in (lane, f"source:{lane}", "book", "lanes")]
        reply = library.call(gateway, "append", keys, ["outbox", lane, "1", "10", b"x", "1", b""])

        assert reply[0] == "appended"
        with pytest.raises(exceptions.NoPermissionError):
            gateway.execute_command("DEL", "pm:{main}:book")


def test_a_gateway_that_is_first_on_a_server_opens_its_book(roles: AnyServer) -> None:
    with as_user(roles, "gateway") as gateway:
        assert opening.open_book(gateway, "main", seen_generation_size=10)
        opening.adopt_reference(gateway, "main", 0, 0)
        assert opening.names(gateway) == ["main"]


def test_jobs_keep_books_through_their_queue_and_may_not_bring_code(
    roles: AnyServer, tmp_path: Path
) -> None:
    with as_user(roles, "worker") as worker:
        opening.open_book(worker, "main", seen_generation_size=10)
        lanes.publish(worker, "main", [pack(parse_line(DEPOSIT))], 1)
        new_consumer(Settings(), "main").consume(worker)

    target = roles.url.replace("://", f"://jobs:{PASSWORD}@")
    settings = Settings(data=tmp_path)
    server = QueueServer.of(settings, target)
    server.check()
    with server.client as jobs:
        scheduled = Scheduler(settings, server, "one").round()
        runner = Runner(settings, target, server)
        for name in QUEUES:
            new_worker(name, runner, threading.Event()).work(burst=True, logging_level="ERROR")
        ended = {run.id: (run.state, run.text) for run in runs(server, finished=True)}

        assert sorted(ended) == sorted(scheduled)
        assert {state for state, _ in ended.values()} == {"finished"}, ended
        assert jobs.hget(keys.valuation("main"), "seq_end") is not None
        assert jobs.hget(keys.archive_head("main"), "archived_through") is not None
        assert jobs.hlen(keys.gauges()) > 1
        for command in (
            ("FUNCTION", "DELETE", library.current().name),
            ("EVAL", "return 1", "0"),
            ("GET", "other"),
            ("CONFIG", "SET", "appendonly", "no"),
            ("FLUSHALL",),
        ):
            with pytest.raises(exceptions.NoPermissionError):
                jobs.execute_command(*command)


def test_an_archiver_trims_what_it_has_archived_and_may_not_touch_the_state(
    roles: AnyServer, tmp_path: Path
) -> None:
    with as_user(roles, "worker") as worker:
        opening.open_book(worker, "main", seen_generation_size=10)
        lanes.publish(worker, "main", [pack(parse_line(DEPOSIT))] * 3, 10**18)
        new_consumer(Settings(), "main").consume(worker)

    with as_user(roles, "archiver", decode=True) as archiver:
        settings = Settings(data=tmp_path)
        done = archive_book(
            archiver, settings, "main", now_ns=1, extent=Extent(all_but=0, kept_entries=1)
        )
        assert (done.entries, done.trimmed_entries, done.trimmed_lane_entries) == (4, 3, 2)
        for command in (
            ("HSET", "pm:{main}:balance:binance:USDT", "total", "6"),
            ("XADD", "pm:{main}:journal", "*", "event", "fill"),
            ("DEL", "pm:{main}:journal"),
        ):
            with pytest.raises(exceptions.NoPermissionError):
                archiver.execute_command(*command)


def test_an_archiver_may_ask_a_server_to_sync_under_everysec(
    roles: AnyServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pm.archive.durable_seq._FSYNC_EVERY_S", 0.02)
    with roles.client() as client:
        client.config_set("appendfsync", "everysec")
    try:
        with as_user(roles, "worker") as worker:
            opening.open_book(worker, "main", seen_generation_size=10)
        with as_user(roles, "archiver", decode=True) as archiver:
            extent = Extent(all_but=0)
            done = archive_book(archiver, Settings(data=tmp_path), "main", now_ns=1, extent=extent)
            assert done.entries == 1
    finally:
        with roles.client() as client:
            client.config_set("appendfsync", "always")


@pytest.mark.parametrize("name", ["gateway", "worker", "reader", "risk", "metrics"])
def test_whoever_counts_adds_to_the_counters_and_to_nothing_else_of_the_reference(
    roles: AnyServer, name: str
) -> None:
    field = "pm_queries_total|query=position"
    with as_user(roles, name) as user:
        Adder(user, name).add({field: 2})
        Adder(user, f"{name}-again").add({field: 3})
        assert user.hget(keys.metrics(), field) == b"5"
        for command in (
            ("HINCRBY", keys.book("main"), "seq", "1"),
            ("HINCRBY", keys.marks(), "BTC/USD", "1"),
            ("HINCRBYFLOAT", keys.metrics(), field, "1"),
            ("SETRANGE", keys.metrics(), "0", "x"),
        ):
            with pytest.raises(exceptions.NoPermissionError):
                user.execute_command(*command)


def test_a_reader_may_not_take_counters_away(roles: AnyServer) -> None:
    with as_user(roles, "reader") as reader:
        for command in (
            ("HDEL", keys.metrics(), "x"),
            ("HSET", keys.metrics(), "x", "1"),
            ("DEL", keys.metrics()),
            ("HSET", keys.gauges(), "x", "1"),
        ):
            with pytest.raises(exceptions.NoPermissionError):
                reader.execute_command(*command)


def test_the_metrics_user_reads_everything_and_stores_gauges_only(roles: AnyServer) -> None:
    with as_user(roles, "worker") as worker:
        opening.open_book(worker, "main", seen_generation_size=10)
        lanes.publish(worker, "main", [pack(parse_line(DEPOSIT))], 1)
        new_consumer(Settings(), "main").consume(worker)

    with as_user(roles, "metrics") as user:
        found = collect_gauges(user, Settings())
        assert found[Series("pm_journal_seq", ("main",))] == "2"
        assert found[Series("pm_functions_loaded")] == "1"
        assert found[Series("pm_health", ("persistence",))] == "0"
        assert "pm_journal_seq{" in text_of(user, Settings()).decode()
        for command in (("HSET", keys.book("main"), "seq", "7"), ("DEL", keys.gauges())):
            with pytest.raises(exceptions.NoPermissionError):
                user.execute_command(*command)


def test_a_reader_sees_the_health_of_what_it_may_ask(roles: AnyServer) -> None:
    with as_user(roles, "reader") as reader:
        parts = {part.name: part.level for part in ask(reader, Settings(), 1).components}
        assert (parts["persistence"], parts["memory"]) == ("unknown", "unknown")
        assert "pm_journal_seq" in text_of(reader, Settings()).decode()
        assert parts["functions"] == "healthy"


def test_a_worker_keeps_breaks_and_a_reader_only_lists_them(roles: AnyServer) -> None:
    found = Found("balance", "binance:EUR", ("main",), "1", "2", "1")
    with as_user(roles, "worker") as worker:
        Breaks(worker, "main").record([found], lambda kept: True, "test", 1)
        Breaks(worker, "main").record([], lambda kept: True, "test", 2)
        Runs(worker, "main").finished(2, found=1, open_breaks=0)

    with as_user(roles, "reader", decode=True) as reader:
        breaks = Breaks(reader, "main")
        assert [kept.state for kept in breaks.listed()] == ["resolved"]
        assert Runs(reader, "main").last()["runs"] == "1"
        with pytest.raises(exceptions.NoPermissionError):
            breaks.record([found], lambda kept: True, "test", 3)


@pytest.mark.parametrize("name", ["jobs", "worker", "reader"])
def test_who_may_not_rebuild_is_told_before_anything_is_written(
    roles: AnyServer, tmp_path: Path, name: str
) -> None:
    settings = Settings(data=tmp_path)
    with roles.client(decode=False) as free, as_user(roles, "admin") as admin:
        opening.open_book(free, "main", seen_generation_size=10)
        lanes.publish(free, "main", [pack(parse_line(DEPOSIT))], 1)
        new_consumer(settings, "main").consume(free)
        free.config_set("appendfsync", "always")
        archive_book(free, settings, "main", now_ns=1, extent=Extent(through=2))
        free.flushdb()
        before = free.dbsize()
        history, limits = open_history(free, settings), Limits(10**18, 10)
        with (
            as_user(roles, name) as user,
            pytest.raises(RebuildRefused, match=f"user {name} may not use .*: connect as admin"),
        ):
            rebuild_book(user, "main", history, limits)
        assert free.dbsize() == before == 0
        assert rebuild_book(admin, "main", history, limits).is_switched
        # Who may write a shadow may look.
        assert rebuild_book(admin, "main", history, limits, looks_only=True).healed.shown == []


def test_only_an_administrator_puts_a_book_in_the_place_of_another(roles: AnyServer) -> None:
    with as_user(roles, "worker") as worker:
        opening.open_book(worker, "main", seen_generation_size=10)
        lanes.publish(worker, "main", [pack(parse_line(DEPOSIT))], 1)
        new_consumer(Settings(), "main").consume(worker)
    with as_user(roles, "admin") as admin:
        book, balance = "pm:{main}:book", "pm:{main}:balance:binance:USDT"
        admin.hset("pm:{main}:shadow:new:x", "total", "9")
        place = [text.decode() for text in admin.hmget(book, "seq", "digest", "valuation")]
        triple = ["pm:{main}:shadow:new:x", balance, "pm:{main}:shadow:old:x"]
        for name in ("worker", "gateway", "reader", "risk", "jobs"):
            # The reader may call nothing; of the others, the function may not rename.
            with as_user(roles, name) as user, pytest.raises(exceptions.ResponseError):
                library.call(user, "switch", [book, *triple], [*place, "1"])
        assert admin.hget(balance, "total") == b"5"
        library.call(admin, "switch", [book, *triple], [*place, "1"])
        assert admin.hget(balance, "total") == b"9"
