"""The stream is repeated, damaged and cut, and yet holds every frame whole and in order."""

from __future__ import annotations

import pytest

from pm.demo.delivery import Delivery, deliver
from pm.demo.scenario import Scenario, build_scenario
from pm.wire.frame import Frame
from pm.wire.stream import StreamReader


@pytest.fixture(scope="module", params=(1, 2, 3))
def scenario(request: pytest.FixtureRequest) -> Scenario:
    return build_scenario(request.param, 1_000)


@pytest.fixture(scope="module")
def delivery(scenario: Scenario) -> Delivery:
    return deliver(scenario.frames, scenario.seed)


def frames_in(chunks: list[bytes]) -> list[bytes]:
    reader = StreamReader()
    return [
        record.raw for data in chunks for record in reader.feed(data) if isinstance(record, Frame)
    ]


def test_the_same_seed_cuts_and_damages_alike(scenario: Scenario, delivery: Delivery) -> None:
    assert deliver(scenario.frames, scenario.seed) == delivery


def test_a_reader_finds_every_frame_and_no_other(delivery: Delivery) -> None:
    found = frames_in([chunk.data for chunk in delivery.chunks])
    assert found == [raw for chunk in delivery.chunks for raw in chunk.frames]


def test_frames_arrive_first_in_the_order_they_were_made(
    scenario: Scenario, delivery: Delivery
) -> None:
    found = dict.fromkeys(frames_in([chunk.data for chunk in delivery.chunks]))
    assert list(found) == [frame.raw for frame in scenario.frames]


def test_some_frames_come_twice(delivery: Delivery) -> None:
    frames = [raw for chunk in delivery.chunks for raw in chunk.frames]
    assert delivery.disturbances.repeated == len(frames) - len(set(frames)) > 0


def test_the_stream_is_damaged_cut_off_and_strewn_with_garbage(delivery: Delivery) -> None:
    done = delivery.disturbances
    assert done.damaged
    assert done.cut_off
    assert done.garbage


def test_writes_end_in_the_middle_of_frames(delivery: Delivery) -> None:
    alone = frames_in([])
    for chunk in delivery.chunks:
        alone += frames_in([chunk.data])
    assert len(alone) < delivery.frames


def test_no_frame_is_in_a_chunk_that_asks_for_fewer_reservations(
    scenario: Scenario, delivery: Delivery
) -> None:
    asked = {frame.raw: frame.reserved for frame in scenario.frames}
    assert max(asked.values()) == len(scenario.reservations) > 0
    first_in: dict[bytes, int] = {}
    for chunk in delivery.chunks:
        for raw in chunk.frames:
            first_in.setdefault(raw, chunk.reserved)
    assert all(first_in[raw] >= reserved for raw, reserved in asked.items())


def test_chunks_tell_of_all_executions(scenario: Scenario, delivery: Delivery) -> None:
    assert sum(chunk.executions for chunk in delivery.chunks) == scenario.executions
