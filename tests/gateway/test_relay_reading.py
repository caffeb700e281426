"""Reading the relay: the bounded backlog, damaged heads, and a burst the outbox has no room for."""

from __future__ import annotations

import logging
import threading
from contextlib import closing
from pathlib import Path

import pytest

from pm.settings import BooksSettings
from pm.wire.frame import STRICT, Frame
from pm.wire.stream import Rejected
from tests.gateway.gateway_site import eventually, execution, executions
from workers.frame_routing import FrameRouting
from workers.order_registry import OrderRegistry
from workers.outbox import open_outbox
from workers.outbox_writer import OutboxWriter
from workers.relay_frames import STALLED_NS, RelayFrames
from workers.relay_socket import Backlog, Chunk


def raws(records: list[Frame | Rejected]) -> list[bytes]:
    return [record.raw for record in records]


def damaged_length(claimed: int = 9_000) -> bytes:
    head = bytearray(execution(1))
    head[24:28] = claimed.to_bytes(4, "little")
    return bytes(head)


def test_a_frame_behind_a_damaged_length_comes_once_the_head_is_old() -> None:
    frames = RelayFrames(STRICT)
    good = executions(2, 4)
    assert frames.feed(damaged_length() + good[0] + good[1][:20], 0) == []
    assert frames.check_stalled(STALLED_NS - 1) == []
    assert raws(frames.check_stalled(STALLED_NS)) == [damaged_length(), good[0]]
    assert raws(frames.feed(good[1][20:] + good[2], STALLED_NS)) == good[1:]


def test_a_steady_trickle_does_not_keep_a_damaged_head_young() -> None:
    frames = RelayFrames(STRICT)
    good = executions(2, 6)
    frames.feed(damaged_length(), 0)
    for index, frame in enumerate(good):
        assert frames.feed(frame, (index + 1) * STALLED_NS // 5) == []
    assert raws(frames.check_stalled(STALLED_NS)) == [damaged_length(), *good]


def test_a_frame_that_is_long_in_coming_is_waited_for() -> None:
    frames = RelayFrames(STRICT)
    frame = execution(1)
    assert frames.feed(frame[:50], 0) == []
    assert frames.check_stalled(100 * STALLED_NS) == []
    assert raws(frames.feed(frame[50:], 100 * STALLED_NS)) == [frame]


def test_a_new_connection_begins_with_nothing_of_the_last_one() -> None:
    frames = RelayFrames(STRICT)
    first, second = executions(1, 2)
    frames.feed(first[:50], 0)
    assert raws(frames.end()) == [first[:50]]
    assert raws(frames.feed(second, 1)) == [second]


def test_bytes_of_no_frame_are_counted_over_all_connections() -> None:
    frames = RelayFrames(STRICT)
    frames.feed(b"x" * 10 + execution(1) + b"y" * 5, 0)
    frames.end()
    frames.feed(b"z" * 7 + execution(2), 0)
    assert frames.skipped_bytes == 22


def test_the_backlog_warns_then_holds_back_then_lets_go(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    backlog = Backlog(alarm_bytes=1_000, bytes_max=2_000)
    chunks = [Chunk(bytes([number]) * 800, number) for number in range(5)]

    def fill() -> None:
        for chunk in chunks:
            backlog.put(chunk)

    filling = threading.Thread(target=fill)
    filling.start()
    eventually(lambda: "reading stops" in caplog.text)
    assert "backlog grows" in caplog.text
    assert filling.is_alive()
    taken: list[Chunk] = []
    while len(taken) < len(chunks):
        taken += backlog.take(1, timeout_s=1.0)
    filling.join()
    assert taken == chunks
    assert "reading again" in caplog.text
    assert "backlog caught up" in caplog.text


def test_a_closed_backlog_gives_what_it_still_has() -> None:
    backlog = Backlog()
    backlog.put(Chunk(b"a", 1))
    backlog.close()
    assert backlog.take(100, timeout_s=0.0) == [Chunk(b"a", 1)]
    assert backlog.take(100, timeout_s=60.0) == []
    assert backlog.closed


def test_a_burst_the_disk_has_no_room_for_is_committed_when_there_is(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    outbox, backlog = open_outbox(tmp_path / "outbox.sqlite"), Backlog()
    registry = OrderRegistry(outbox)
    writer = OutboxWriter(
        "relay",
        backlog,
        RelayFrames(STRICT),
        outbox,
        registry,
        FrameRouting(registry, BooksSettings(), strategy_from_order_id=False),
        retention_days=7,
        written=threading.Event(),
        stopping=threading.Event(),
    )
    frames = executions(1, 500)
    database = outbox._database
    (pages,) = database.execute("PRAGMA page_count").fetchone()
    database.execute(f"PRAGMA max_page_count = {pages}")
    backlog.put(Chunk(b"".join(frames), 10**18))
    writing = threading.Thread(target=writer.run)
    writing.start()
    eventually(lambda: "outbox takes nothing" in caplog.text)
    assert outbox.lanes == []
    database.execute("PRAGMA max_page_count = 100000")
    backlog.close()
    writing.join()
    with closing(outbox.reader()) as reader:
        found = reader.after(outbox.lanes[0], 0, 1000, 1 << 30)
    outbox.close()
    assert [entry.frame for entry in found] == frames
    assert writer.counts.entries == 500
