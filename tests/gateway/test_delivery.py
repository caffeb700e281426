"""From the relay's bytes to the lanes of the books: what is appended where, and what is not."""

from __future__ import annotations

import random
from typing import Any

import msgpack

from pm import keys
from pm.books import opening
from pm.wire.encode import encode_frame, encode_record
from pm.wire.execution_records import BincodeOrderCancel, BincodeOrderRequest, Fill32
from pm.wire.trace_layouts import DocumentedTrace28
from tests.gateway.gateway_site import BTCUSDT, Site, execution, executions

TWO_BOOKS = {"default_book": "main", "strategies": {"8": "second"}}
UNIX_NS = 10**18


def fill(order: int, number: int) -> bytes:
    """A frame that names an order, and nothing else about it."""
    return encode_frame([Fill32(order, 10**8, 10**8, 1)], sequence=number, timestamp=UNIX_NS)


def contexts(site: Site, book: str = "main") -> list[dict[int, dict[str, Any]]]:
    packed = [fields[b"context"] for _, fields in site.lane(book)]
    return [msgpack.unpackb(data, strict_map_key=False) if data else {} for data in packed]


def test_frames_arrive_in_order_in_a_lane_of_a_book_opened_for_them(any_site: Site) -> None:
    site = any_site
    frames = executions(1, 500)
    gateway = site.gateway()
    site.relay.send(b"".join(frames))
    site.arrived(frames)
    client = site.server.client()
    head = opening.head(client, "main")
    assert head is not None
    assert head.seq == 1
    assert client.zrange(keys.lanes("main"), 0, -1) == [".", "executions:relay"]
    stamps = [int(fields[b"received_at"]) for _, fields in site.lane()]
    assert stamps == sorted(stamps)
    assert stamps[0] > UNIX_NS
    assert gateway.stop() == 0


def test_frames_are_the_same_however_the_stream_is_split(site: Site) -> None:
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    frames = executions(1, 200)
    data = b"".join(frames)
    site.gateway()
    while data:
        size = chance.choice((1, 7, 31, 32, 33, 82, 500, 5000))
        site.relay.send(data[:size])
        data = data[size:]
    site.arrived(frames)


def test_a_damaged_frame_is_kept_for_the_quarantine_of_the_default_book(site: Site) -> None:
    good = executions(1, 3)
    bad = bytearray(execution(99, strategy=8))
    bad[50] ^= 1
    site.gateway(books=TWO_BOOKS)
    site.relay.send(good[0] + bytes(bad) + good[1] + good[2])
    site.arrived([good[0], bytes(bad), good[1], good[2]])


def test_bytes_without_a_frame_are_counted_only(site: Site) -> None:
    frames = executions(1, 2)
    gateway = site.gateway()
    site.relay.send(frames[0] + b"garbage" * 100 + frames[1])
    site.arrived(frames)
    assert gateway.stop() == 0
    assert "frames=2 entries=2 damaged=0" in gateway.log
    assert "skipped_bytes=700" in gateway.log


def test_a_frame_cut_off_by_the_end_of_the_connection_is_kept(site: Site) -> None:
    frames = executions(1, 3)
    site.gateway()
    site.relay.send(frames[0] + frames[1][:60])
    site.arrived(frames[:1])
    site.relay.drop_connections()
    site.relay.send(frames[2])
    site.arrived([frames[0], frames[1][:60], frames[2]])


def test_complete_frames_do_not_wait_behind_a_damaged_length(site: Site) -> None:
    head = bytearray(execution(1))
    head[24:28] = (9_000).to_bytes(4, "little")
    frames = executions(2, 3)
    site.gateway()
    site.relay.send(bytes(head) + frames[0])
    site.arrived([bytes(head), frames[0]])
    site.relay.send(frames[1])
    site.arrived([bytes(head), *frames])


def test_what_says_nothing_of_an_execution_is_counted_only(site: Site) -> None:
    trace = DocumentedTrace28(5, 6, 1)
    silent = [
        encode_frame([], sequence=1, timestamp=UNIX_NS),
        encode_frame([BincodeOrderCancel(4, UNIX_NS)], sequence=2, timestamp=UNIX_NS),
        encode_frame([trace], sequence=3, timestamp=UNIX_NS),
        encode_frame([Fill32(9, 1, 1, 1)], sequence=4, timestamp=UNIX_NS, domain=1),
    ]
    last = execution(5)
    gateway = site.gateway()
    site.relay.send(b"".join(silent) + last)
    site.arrived([last])
    assert gateway.stop() == 0
    assert "frames=5 entries=1 damaged=0 other_domain=1 without_execution=3" in gateway.log


def test_each_book_gets_the_frames_of_its_strategies(site: Site) -> None:
    first, second = executions(1, 50, strategy=7), executions(51, 100, strategy=8)
    mixed = [frame for pair in zip(first, second, strict=True) for frame in pair]
    site.gateway(books=TWO_BOOKS)
    site.relay.send(b"".join(mixed))
    site.arrived(first, "main")
    site.arrived(second, "second")


def test_a_frame_for_two_books_goes_to_both(site: Site) -> None:
    one, other = execution(1, strategy=7), execution(2, strategy=8)
    both = encode_frame([one[32:], other[32:]], sequence=3, timestamp=UNIX_NS)
    site.gateway(books=TWO_BOOKS)
    site.relay.send(both)
    site.arrived([both], "main")
    site.arrived([both], "second")


def test_a_fill_that_names_only_its_order_carries_what_was_told_before(site: Site) -> None:
    request = BincodeOrderRequest(2**64 - 1, BTCUSDT.to_u64(), 1, 1, 5, None, UNIX_NS)
    frames = [
        execution(1, strategy=8, order=2**64 - 1),
        fill(2**64 - 1, 2),
    ]
    site.gateway(books=TWO_BOOKS)
    site.relay.send(encode_frame([request], sequence=9, timestamp=UNIX_NS) + b"".join(frames))
    site.arrived(frames, "second")
    at_result, at_fill = (told[2**64 - 1] for told in contexts(site, "second"))
    assert at_result.pop("date") == at_fill.pop("date")
    assert at_result == {
        "instrument_key": BTCUSDT.to_u64(),
        "side": "sell",
        "decided_at": UNIX_NS,
    }
    assert at_fill == {
        "strategy_id": 8,
        "instrument": "binance.coin.BTCUSDT",
        "instrument_key": BTCUSDT.to_u64(),
        "side": "buy",
        "decided_at": UNIX_NS,
    }


def test_orders_are_remembered_by_the_next_gateway(site: Site) -> None:
    told = execution(1, strategy=8, order=44)
    gateway = site.gateway(books=TWO_BOOKS)
    site.relay.send(told)
    site.arrived([told], "second")
    assert gateway.stop() == 0
    site.relay.drop_connections()

    named = fill(44, 2)
    site.gateway(books=TWO_BOOKS)
    site.relay.send(named)
    site.arrived([told, named], "second")
    assert contexts(site, "second")[1][44]["strategy_id"] == 8


def test_an_order_nobody_told_of_goes_to_the_default_book_without_context(site: Site) -> None:
    frame = fill(45, 1)
    site.gateway(books=TWO_BOOKS)
    site.relay.send(frame)
    site.arrived([frame], "main")
    assert contexts(site) == [{}]


def test_the_strategy_is_read_from_the_order_id_where_that_is_configured(site: Site) -> None:
    frame = fill(8 << 48 | 5, 1)
    site.gateway(books=TWO_BOOKS, gateway={"strategy_from_order_id": True})
    site.relay.send(frame)
    site.arrived([frame], "second")


def test_messages_of_one_frame_tell_of_each_other(site: Site) -> None:
    result = execution(1, strategy=8, order=46)
    frame = encode_frame(
        [encode_record(Fill32(46, 1, 1, 1)), result[32:]], sequence=2, timestamp=UNIX_NS
    )
    site.gateway(books=TWO_BOOKS)
    site.relay.send(frame)
    site.arrived([frame], "second")


def test_the_gateway_connects_again_to_a_relay_that_went_away(site: Site) -> None:
    frames = executions(1, 3)
    site.gateway()
    for count, frame in enumerate(frames, start=1):
        site.relay.send(frame)
        site.arrived(frames[:count])
        site.relay.drop_connections()
    assert site.relay.accepted >= 3


def test_the_gateway_waits_for_a_relay_that_is_not_there_yet(site: Site) -> None:
    site.relay.close()
    gateway = site.gateway()
    gateway.says("not reachable")
    site.relay.__init__(site.relay.path)  # type: ignore[misc]
    frames = executions(1, 2)
    site.relay.send(b"".join(frames))
    site.arrived(frames)
    assert gateway.stop() == 0


def test_a_source_of_its_own_gives_a_lane_of_its_own(site: Site) -> None:
    frames = executions(1, 2)
    site.gateway(gateway={"source": "desk-2"})
    site.relay.send(b"".join(frames))
    site.arrived(frames, source="desk-2")


def test_the_quarantine_lane_is_refused_as_a_source(site: Site) -> None:
    gateway = site.gateway(gateway={"source": "quarantine"})
    assert gateway.ended() == 1
    assert "gateway.source = quarantine: that lane is taken" in gateway.log
