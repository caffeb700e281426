"""Servers that die, forget, refuse or answer into nowhere; outboxes that are not the lane's."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest

from pm import keys
from pm.functions import library
from tests.gateway.gateway_site import Site, eventually, execution, executions
from tests.reply_dropper import ReplyDropper
from tests.servers import ServerProcess, StartServer, server_folder


def test_frames_are_taken_while_the_server_is_down_and_sent_when_it_is_back(site: Site) -> None:
    frames = executions(1, 300)
    gateway = site.gateway()
    site.relay.send(b"".join(frames[:100]))
    site.arrived(frames[:100])
    site.server.kill()
    site.relay.send(b"".join(frames[100:]))
    gateway.says("sending paused")
    site.server.restart()
    site.arrived(frames)
    gateway.says("sending again")
    assert gateway.stop() == 0


def test_a_gateway_started_before_its_server_sends_when_it_comes(site: Site) -> None:
    frames = executions(1, 20)
    site.server.stop()
    gateway = site.gateway()
    site.relay.send(b"".join(frames))
    gateway.says("sending paused")
    site.server.restart()
    site.arrived(frames)


def test_a_book_that_only_the_archive_has_is_not_opened(site: Site) -> None:
    frames = executions(1, 20)
    site.server.client().flushall()
    library.load(site.server.client())
    manifest = site.folder / "archive" / "book=main" / "manifest.json"
    manifest.parent.mkdir(parents=True)
    manifest.touch()
    gateway = site.gateway()
    site.relay.send(b"".join(frames))
    gateway.says("sending paused, trying again: book main is in the archive and not on the server")
    assert site.server.client().dbsize() == 0
    manifest.unlink()
    site.arrived(frames)


def test_what_could_not_be_sent_before_the_end_is_sent_by_the_next_gateway(site: Site) -> None:
    frames = executions(1, 20)
    site.server.stop()
    gateway = site.gateway()
    site.relay.send(b"".join(frames))
    gateway.says("sending paused")
    assert gateway.stop() == 0
    assert "pending=20" in gateway.log
    site.server.restart()
    site.gateway()
    site.arrived(frames)


def test_what_waits_under_an_old_source_name_is_still_sent(site: Site) -> None:
    frames = executions(1, 20)
    site.server.stop()
    gateway = site.gateway(gateway={"source": "old"})
    site.relay.send(b"".join(frames))
    gateway.says("sending paused")
    assert gateway.stop() == 0
    site.server.restart()
    site.gateway(gateway={"source": "new"})
    site.arrived(frames, source="old")


@pytest.mark.parametrize("engine", ["valkey", "redis"])
def test_a_tail_the_server_lost_is_sent_again_without_new_frames(
    start_server: StartServer, engine: str
) -> None:
    server = start_server(engine)
    if not isinstance(server, ServerProcess):
        pytest.skip("needs a server whose files are at hand")
    with server_folder() as folder:
        site = Site(folder, server)
        try:
            _lose_the_tail(site, server, folder / "backup")
        finally:
            site.close()


def _lose_the_tail(site: Site, server: ServerProcess, backup: Path) -> None:
    frames = executions(1, 120)
    gateway = site.gateway()
    site.relay.send(b"".join(frames[:50]))
    site.arrived(frames[:50])
    shutil.copytree(server.data_dir / "appendonlydir", backup)
    site.relay.send(b"".join(frames[50:]))
    site.arrived(frames)
    before = site.lane()
    server.kill()
    shutil.rmtree(server.data_dir / "appendonlydir")
    shutil.copytree(backup, server.data_dir / "appendonlydir")
    server.start()
    site.arrived(frames)
    assert site.lane() == before
    gateway.says("lane asked book=main lane=executions:relay top=50 last=120")
    assert gateway.stop() == 0


def test_a_tail_lost_unseen_is_found_within_the_next_look(site: Site) -> None:
    frames = executions(1, 30)
    gateway = site.gateway()
    site.relay.send(b"".join(frames))
    site.arrived(frames)
    client = site.server.client()
    client.delete(keys.lane("main", "executions:relay"))
    client.delete(keys.lane_source("main", "executions:relay"))
    gateway.says("lost its tail")
    site.arrived(frames)


def test_a_tail_lost_unseen_is_told_by_the_next_append(site: Site) -> None:
    frames = executions(1, 31)
    site.gateway()
    site.relay.send(b"".join(frames[:30]))
    site.arrived(frames[:30])
    client = site.server.client()
    client.delete(keys.lane("main", "executions:relay"))
    client.delete(keys.lane_source("main", "executions:relay"))
    site.relay.send(frames[30])
    site.arrived(frames)


def test_replies_that_get_lost_neither_lose_nor_repeat_an_entry(site: Site) -> None:
    assert isinstance(site.server, ServerProcess)
    appends = 0

    def drops(request: bytes) -> bool:
        nonlocal appends
        appends += b"pm_append" in request
        return b"pm_append" in request and appends % 3 != 0

    proxy = ReplyDropper(site.folder / "proxy.sock", site.server.socket_path, drops)
    frames = executions(1, 61)
    try:
        gateway = site.gateway(target=proxy.url)
        for start in range(0, 60, 10):
            site.relay.send(b"".join(frames[start : start + 10]))
            site.arrived(frames[: start + 10])
        eventually(lambda: proxy.dropped >= 4)
        site.relay.send(frames[60])
        site.arrived(frames)
        gateway.kill()
    finally:
        proxy.close()


def test_a_lane_too_far_ahead_of_the_workers_is_filled_as_they_go_on(site: Site) -> None:
    frames = executions(1, 100)
    gateway = site.gateway(gateway={"max_in_flight_entries": 30, "outbox_alarm_entries": 20})
    site.relay.send(b"".join(frames))
    site.arrived(frames[:30])
    gateway.says("outbox over its watermark pending=70 limit=20")
    gateway.says("lane busy")
    assert site.frames() == frames[:30]
    client = site.server.client()
    for cursor in (10, 41, 100):
        client.hset(keys.book("main"), "cursor:executions:relay", f"{cursor}-0")
        site.arrived(frames[: min(100, cursor + 30)])
    gateway.says("lane takes entries again")
    gateway.says("outbox under its watermark")
    assert gateway.stop() == 0


def test_a_second_gateway_on_the_same_outbox_is_refused(site: Site) -> None:
    first = site.gateway()
    first.says("gateway started")
    second = site.gateway()
    assert second.ended() == 1
    assert second.log.count("\n") == 1
    assert f"another gateway (pid {first.pid}) uses this outbox" in second.log
    assert first.running


def test_another_outbox_on_the_same_lane_is_a_conflict_and_changes_nothing(site: Site) -> None:
    frames = executions(1, 5)
    first = site.gateway()
    site.relay.send(b"".join(frames))
    site.arrived(frames)
    assert first.stop() == 0
    site.relay.drop_connections()

    second = site.gateway(gateway={"outbox_path": str(site.folder / "other.sqlite")})
    site.relay.send(execution(6))
    assert second.ended() == 1
    assert "lane stopped book=main lane=executions:relay: it is written by outbox" in second.log
    assert site.frames() == frames


def test_a_lane_in_conflict_does_not_keep_other_books_from_their_entries(site: Site) -> None:
    books: dict[str, Any] = {"strategies": {"8": "second"}}
    frames = executions(1, 5)
    first = site.gateway(books=books)
    site.relay.send(b"".join(frames))
    site.arrived(frames)
    assert first.stop() == 0
    site.relay.drop_connections()

    other = executions(1, 40, strategy=8)
    second = site.gateway(gateway={"outbox_path": str(site.folder / "other.sqlite")}, books=books)
    site.relay.send(execution(6) + b"".join(other))
    assert second.ended() == 1
    site.arrived(other, "second")
    assert site.frames() == frames


def _copied_outbox(site: Site) -> Path:
    copy = site.folder / "copy.sqlite"
    for suffix in ("", "-wal", "-shm"):
        original = site.folder / f"outbox.sqlite{suffix}"
        if original.exists():
            shutil.copy(original, f"{copy}{suffix}")
    return copy


def test_an_older_copy_of_the_outbox_is_a_conflict(site: Site) -> None:
    frames = executions(1, 10)
    first = site.gateway()
    site.relay.send(b"".join(frames[:5]))
    site.arrived(frames[:5])
    copy = _copied_outbox(site)
    site.relay.send(b"".join(frames[5:]))
    site.arrived(frames)
    assert first.stop() == 0
    site.relay.drop_connections()

    second = site.gateway(gateway={"outbox_path": str(copy)})
    site.relay.send(execution(11))
    assert second.ended() == 1
    assert "it has 10 entries, and this outbox sent only 5" in second.log
    assert site.frames() == frames


def test_a_copy_of_the_outbox_with_other_entries_is_a_conflict(site: Site) -> None:
    frames = executions(1, 6)
    first = site.gateway()
    site.relay.send(b"".join(frames[:5]))
    site.arrived(frames[:5])
    assert first.stop() == 0
    site.relay.drop_connections()
    copy = _copied_outbox(site)

    site.server.stop()
    second = site.gateway(gateway={"outbox_path": str(copy)})
    site.relay.send(execution(77))
    second.says("sending paused")
    assert second.stop() == 0
    site.relay.drop_connections()
    site.server.restart()
    third = site.gateway()
    site.relay.send(frames[5])
    site.arrived(frames)
    assert third.stop() == 0

    fourth = site.gateway(gateway={"outbox_path": str(copy)})
    assert fourth.ended() == 1
    assert "its entry 6 is not the one in this outbox" in fourth.log
    assert site.frames() == frames


def test_functions_that_are_not_loaded_are_waited_for(site: Site) -> None:
    client = site.server.client()
    client.function_flush("SYNC")
    frames = executions(1, 3)
    gateway = site.gateway()
    site.relay.send(b"".join(frames))
    gateway.says("run `pm functions load`")
    library.load(client)
    site.arrived(frames)


def test_a_server_that_keeps_nothing_on_disk_is_told_and_not_used(
    start_server: StartServer,
) -> None:
    with server_folder() as folder:
        site = Site(folder, start_server("valkey", options={"appendonly": "no"}))
        try:
            gateway = site.gateway()
            site.relay.send(execution(1))
            gateway.says("appendonly no")
            assert site.frames() == []
            assert gateway.stop() == 0
        finally:
            site.close()


def test_stopping_commits_what_was_read_and_sends_it(site: Site) -> None:
    frames = executions(1, 3000)
    gateway = site.gateway()
    site.relay.await_connections()
    site.relay.send(b"".join(frames))
    assert gateway.stop() == 0
    arrived = site.frames()
    assert arrived == frames[: len(arrived)]
    assert "gateway stopped" in gateway.log
    assert "pending=0" in gateway.log


def test_stopping_is_bounded_when_the_workers_stand_still(site: Site) -> None:
    frames = executions(1, 50)
    gateway = site.gateway(gateway={"max_in_flight_entries": 10})
    site.relay.send(b"".join(frames))
    site.arrived(frames[:10])
    assert gateway.stop() == 0
    assert "pending=40" in gateway.log


def test_the_socket_is_read_while_the_server_does_not_answer(site: Site) -> None:
    assert isinstance(site.server, ServerProcess)
    frames = executions(1, 20_000)
    gateway = site.gateway()
    site.relay.send(frames[0])
    site.arrived(frames[:1])
    os.kill(site.server.pid, signal.SIGSTOP)
    try:
        # Far more than the kernel buffers: it returns only because the gateway goes on reading.
        site.relay.send(b"".join(frames[1:]))
    finally:
        os.kill(site.server.pid, signal.SIGCONT)
    eventually(lambda: len(site.lane()) == len(frames))
    assert site.frames() == frames
    assert gateway.stop() == 0
