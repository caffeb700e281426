"""After a rebuild into an empty server the lanes go on: nothing is lost, nothing counts twice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from pm import keys
from pm.books import lanes, opening, reference_store
from pm.books.applying import Applier
from pm.history import History
from pm.rebuild import rebuild_book
from pm.reference.snapshot import Reference
from pm.verify import verify_book
from pm.wire.encode import encode_frame
from pm.wire.execution_records import ExecutionResult48
from tests.gateway.gateway_site import BTCUSDT
from tests.rebuild.lived import BOOK, LIMITS
from tests.servers import AnyServer
from tests.shelf import Shelf
from tests.workers.desk import Desk, reference
from workers.lane_filling import LaneFilling
from workers.outbox import NewEntry, Outbox, open_outbox

SOURCE = "relay"
LANE = f"executions:{SOURCE}"
FRAMES = 12
DONE = 7


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    """An outbox of frames that each tell of three orders."""
    found = open_outbox(tmp_path / "outbox.sqlite")
    entries = []
    for frame in range(FRAMES):
        records = [
            ExecutionResult48(100 * frame + order, BTCUSDT, 10**8, 10**8, 1, 7, 1, 1)
            for order in range(3)
        ]
        told = encode_frame(records, sequence=frame, timestamp=10**18 + frame)
        entries.append(NewEntry(BOOK, 10**18 + frame, told, b""))
    found.write(SOURCE, entries, {})
    yield found
    found.close()


def _send(outbox: Outbox, desk: Desk) -> None:
    (lane,) = outbox.lanes
    filling, reader = LaneFilling(lane, outbox.identity, 1000, sent=lane.last), outbox.reader()
    filling.learn(desk.client, reader)
    while filling.pending:
        filling.send(desk.client, reader)
    reader.close()


@pytest.mark.parametrize("events_done", [0, 1, 2])
def test_a_gateway_sends_again_what_the_journal_lacks(
    valkey_server: AnyServer, redis_server: AnyServer, outbox: Outbox, events_done: int
) -> None:
    undisturbed = Desk(redis_server)
    _send(outbox, undisturbed)
    wanted = undisturbed.finish()
    desk = Desk(valkey_server)
    _send(outbox, desk)
    _take(desk, 3 * DONE + events_done)
    shelf = Shelf.of(desk.client, BOOK)
    desk.client.flushdb()

    rebuild_book(desk.client, BOOK, History(desk.client, shelf), LIMITS)
    reference_store.merge(desk.client, reference())
    _send(outbox, desk)

    consumer = desk.consumer()
    while consumer.lag(desk.client):
        consumer.consume(desk.client)
    report = verify_book(desk.client, BOOK, history=History(desk.client, shelf))
    assert report.differences == []
    assert (report.seq, report.digest) == (wanted.seq, wanted.digest)


def _take(desk: Desk, count: int) -> None:
    """Apply the first `count` events of the lane, though that ends inside an entry."""
    consumer = desk.consumer()
    consumer._refresh_lanes(desk.client, now=True)
    found = lanes.read(desk.client, BOOK, {LANE: lanes.START}, count=FRAMES)[LANE]
    events = consumer._prepare(desk.client, LANE, found)
    assert consumer.decoder is not None
    version = consumer.decoder.reference.version
    outcome = Applier(BOOK, 100).apply(desk.client, LANE, lanes.START, events[:count], version)
    assert outcome.status == "applied"


def test_a_lane_of_ids_by_the_clock_gives_no_id_that_counts_as_done(
    valkey_server: AnyServer,
) -> None:
    desk = Desk(valkey_server)
    far_ahead = 4_000_000_000_000
    desk.client.xadd(
        keys.lane(BOOK, keys.DEFAULT_LANE), {"event": b"\xc1", "received_at": "5"}, id=far_ahead
    )
    desk.finish()
    shelf = Shelf.of(desk.client, BOOK)
    desk.client.flushdb()

    rebuild_book(desk.client, BOOK, History(desk.client, shelf), LIMITS)

    assert desk.client.xlen(keys.lane(BOOK, keys.DEFAULT_LANE)) == 0
    (entry,) = lanes.publish(desk.client, BOOK, [b"\xc1"], 6)
    assert not lanes.is_past(f"{far_ahead}-0", entry)
    assert desk.client.xrange(keys.quarantine(BOOK))[0][1][b"raw"] == b"\xc1"


def test_workers_wait_for_reference_data_which_becomes_the_version_the_book_knows(
    valkey_server: AnyServer,
) -> None:
    desk = Desk(valkey_server)
    whole = reference()
    for changed in (1, 2):
        record = replace(next(iter(whole.instruments.values())), risk_weight=f"0.{changed}")
        more = Reference.build(0, [record], [], [])
        version, _ = reference_store.merge(desk.client, more)
        opening.adopt_reference(desk.client, BOOK, version, 1)
    shelf = Shelf.of(desk.client, BOOK)
    desk.client.flushdb()
    rebuild_book(desk.client, BOOK, History(desk.client, shelf), LIMITS)
    lanes.publish(desk.client, BOOK, [b"\xc1"], 6)
    consumer = desk.consumer()

    with pytest.raises(reference_store.ReferenceMissing, match="version 3 does not exist"):
        consumer.consume(desk.client)
    assert reference_store.merge(desk.client, whole)[0] == 3
    assert consumer.consume(desk.client).refused == 1
