"""The relay on a real socket, as a process of its own."""

from __future__ import annotations

import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pm.demo.clearance import clear
from pm.demo.delivery import deliver
from pm.demo.relay_report import read_report
from pm.demo.scenario import build_scenario
from pm.wire.frame import Frame
from pm.wire.stream import StreamReader

SEED, EXECUTIONS = 4, 150
WITHIN_S = 30.0


class RunningRelay:
    """A relay that broadcasts at once all it may."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.path = folder / "r.sock"
        self.said = folder / "said"
        with self.said.open("wb") as output:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "pm.demo.relay", "--socket", str(self.path)),
                    *("--seed", str(SEED), "--fills", str(EXECUTIONS), "--rate", "100000"),
                    *options,
                ],
                stdout=output,
                stderr=output,
            )
        self.wait_until_said("listening on")

    def wait_until_said(self, words: str) -> None:
        deadline = time.monotonic() + WITHIN_S
        while words not in self.said.read_text():
            assert self.process.poll() is None, self.said.read_text()
            assert time.monotonic() < deadline, self.said.read_text()
            time.sleep(0.01)

    def connect(self) -> socket.socket:
        consumer = socket.socket(socket.AF_UNIX)
        consumer.settimeout(WITHIN_S)
        consumer.connect(str(self.path))
        return consumer


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="pmr-", dir="/tmp") as made:
        yield Path(made)


@pytest.fixture
def relay(folder: Path) -> Iterator[RunningRelay]:
    running = RunningRelay(folder)
    yield running
    running.process.kill()
    running.process.wait()


def read_frames(consumer: socket.socket, count: int) -> list[bytes]:
    reader = StreamReader()
    frames: list[bytes] = []
    while len(frames) < count:
        data = consumer.recv(1_000)
        assert data, "the relay closed the connection"
        frames += [record.raw for record in reader.feed(data) if isinstance(record, Frame)]
    return frames


def read_bytes(consumer: socket.socket, count: int) -> bytes:
    found = b""
    while len(found) < count:
        data = consumer.recv(count - len(found))
        assert data, "the relay closed the connection"
        found += data
    return found


def sent_frames() -> list[bytes]:
    delivery = deliver(build_scenario(SEED, EXECUTIONS).frames, SEED)
    return [raw for chunk in delivery.chunks for raw in chunk.frames]


def test_a_consumer_gets_the_whole_day_from_its_beginning(relay: RunningRelay) -> None:
    expected = sent_frames()
    with relay.connect() as consumer:
        assert read_frames(consumer, len(expected)) == expected


def test_every_consumer_gets_everything(relay: RunningRelay) -> None:
    expected = sent_frames()
    with relay.connect() as first:
        read_frames(first, len(expected))
        relay.wait_until_said("the day is over")
        with relay.connect() as second:
            assert read_frames(second, len(expected)) == expected


def test_a_consumer_that_comes_back_gets_the_last_frames_again(relay: RunningRelay) -> None:
    expected = sent_frames()
    with relay.connect() as consumer:
        early = read_frames(consumer, 10)
    assert early == expected[: len(early)]
    with relay.connect() as consumer:
        again = dict.fromkeys(read_frames(consumer, len(expected)))
    assert set(early) <= set(again)


def test_an_order_that_reserves_is_not_executed_before_it_has(folder: Path) -> None:
    scenario = build_scenario(SEED, EXECUTIONS)
    chunks = deliver(scenario.frames, SEED).chunks
    held_back = next(place for place, chunk in enumerate(chunks) if chunk.reserved > 1)
    before = b"".join(chunk.data for chunk in chunks[:held_back])
    after = b"".join(chunk.data for chunk in chunks[held_back:])
    clearance = folder / "clearance"
    clear(clearance, 1)
    relay = RunningRelay(folder, "--clearance", str(clearance))
    try:
        with relay.connect() as consumer:
            assert read_bytes(consumer, len(before)) == before
            assert select.select([consumer], [], [], 0.3)[0] == []
            clear(clearance, len(scenario.reservations))
            assert read_bytes(consumer, len(after)) == after
    finally:
        relay.process.kill()
        relay.process.wait()


def test_a_relay_ends_on_sigterm_and_takes_its_socket_along(relay: RunningRelay) -> None:
    relay.process.send_signal(signal.SIGTERM)
    assert relay.process.wait(WITHIN_S) == 0
    assert not relay.path.exists()


def test_a_second_relay_on_the_same_socket_is_refused(relay: RunningRelay) -> None:
    second = subprocess.run(
        [sys.executable, "-m", "pm.demo.relay", "--socket", str(relay.path), "--fills", "10"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert second.returncode == 1
    assert second.stderr == f"relay: {relay.path}: another relay listens there\n"


def test_a_socket_left_behind_is_replaced(folder: Path) -> None:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(folder / "r.sock"))
    running = RunningRelay(folder)
    with running.connect():
        pass
    running.process.terminate()
    assert running.process.wait(WITHIN_S) == 0


def test_a_file_in_the_socket_s_place_is_left_alone(folder: Path) -> None:
    place = folder / "r.sock"
    place.write_text("mine")
    done = subprocess.run(
        [sys.executable, "-m", "pm.demo.relay", "--socket", str(place), "--fills", "10"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, place.read_text()) == (1, "mine")
    assert done.stderr == f"relay: {place}: is there and is no socket\n"


@pytest.mark.parametrize(
    ("said", "is_over", "is_heard"),
    [
        ("relay: listening on x", False, False),
        ("a consumer is connected\n", False, True),
        ("a consumer is connected\na consumer is gone\n", False, False),
        ("a consumer is connected\na consumer is gone\na consumer is connected\n", False, False),
        (
            "a consumer is connected\na consumer is gone\na consumer is connected\n"
            "repeated the last 9 frames to it\nsent 9: the day is over\n",
            True,
            True,
        ),
    ],
)
def test_a_report_tells_whether_the_consumer_has_heard_everything(
    said: str, is_over: bool, is_heard: bool
) -> None:
    assert read_report(said) == (is_over, is_heard)
