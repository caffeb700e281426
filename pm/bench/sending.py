"""A process that adds fills to the producers' lane at a steady rate, whatever the server does.

It never waits for an answer before the next fill is due (one that waited would send less just when
the server is slow, and hide it). Commands are made beforehand; at the send only the time is put in.
"""

from __future__ import annotations

import socket
import struct
import time
from array import array
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any

import hiredis

from pm import keys
from pm.bench.book import BOOK
from pm.bench.errors import BenchError
from pm.bench.workload import EXCHANGE, Desk, Spread
from pm.events.message import pack
from pm.events.model import Fill

_ANSWER_WITHIN_S = 120.0
_OPENINGS = "openings"
_MARK = 1_234_567_890_123_456_789
_MARK_PACKED = struct.pack(">Q", _MARK)
_MARK_TEXT = b"%d" % _MARK


@dataclass(frozen=True, slots=True)
class Sent:
    """How many fills were sent, and how late after they were due, ns each."""

    fills: int
    late_ns: array[int]


class Sender:
    """The process, seen from outside."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe

    def open_positions(self) -> Sent:
        """Send one fill for each position, at once."""
        self._pipe.send((_OPENINGS, 0.0))
        return self.wait()

    def start(self, fills: int, rate: float) -> None:
        """Begin to send so many fills, `rate` a second, or at once if that is 0."""
        self._pipe.send((fills, rate))

    def wait(self) -> Sent:
        """Return when all are sent."""
        if not self._pipe.poll(_ANSWER_WITHIN_S):
            raise BenchError("the sending process does not answer")
        try:
            found: Any = self._pipe.recv()
        except EOFError:
            raise BenchError("the sending process ended") from None
        return Sent(*found)


@contextmanager
def sender(socket_path: str, spread: Spread) -> Iterator[Sender]:
    """A process with a desk of its own."""
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(socket_path, spread, theirs), daemon=True)
    process.start()
    theirs.close()
    try:
        yield Sender(ours)
    finally:
        process.kill()
        process.join()
        ours.close()


def _serve(socket_path: str, spread: Spread, pipe: Connection) -> None:
    desk = Desk(spread, EXCHANGE, seed=3)
    with socket.socket(socket.AF_UNIX) as connection, suppress(EOFError):
        connection.connect(socket_path)
        while True:
            wanted, rate = pipe.recv()
            fills = list(desk.openings()) if wanted == _OPENINGS else desk.fills(wanted)
            commands = [_Command(fill) for fill in fills]
            late = _send_all(connection, commands, rate)
            pipe.send((len(commands), late))


class _Command:
    """One XADD as bytes, in which the time is still to be put."""

    def __init__(self, fill: Fill) -> None:
        message = pack(fill._replace(executed_at=_MARK))
        lane = keys.lane(BOOK, keys.DEFAULT_LANE)
        words: Any = ("XADD", lane, "*", "event", message, "received_at", _MARK_TEXT)
        self.text = bytearray(hiredis.pack_command(words))
        self._packed_at = self.text.index(_MARK_PACKED)
        self._text_at = self.text.index(_MARK_TEXT)

    def at(self, now_ns: int) -> bytearray:
        """The command of a fill executed and received now."""
        self.text[self._packed_at : self._packed_at + 8] = struct.pack(">Q", now_ns)
        self.text[self._text_at : self._text_at + 19] = b"%d" % now_ns
        return self.text


def _send_all(connection: socket.socket, commands: list[_Command], rate: float) -> array[int]:
    late = array("q")
    gap_ns = 1e9 / rate if rate else 0.0
    started = time.time_ns()
    for number, command in enumerate(commands):
        due = started + int(number * gap_ns)
        now = time.time_ns()
        if due > now:
            time.sleep((due - now) / 1e9)
            now = time.time_ns()
        connection.sendall(command.at(now))
        late.append(now - due)
        with suppress(BlockingIOError):
            connection.recv(1 << 16, socket.MSG_DONTWAIT)
    return late
