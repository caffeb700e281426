"""A process that subscribes to the update feed and notes when each update reached it.

It reads the socket itself, so that what is measured is the way of the update and not a client's
parsing. An update's `timestamp` is the fill's `executed_at`, which the sender sets to the moment it
sends: the difference is the whole way. Both clocks are the machine's.
"""

from __future__ import annotations

import socket
import time
from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any

import hiredis
import redis

from pm import keys
from pm.bench.book import BOOK
from pm.bench.errors import BenchError

_CONTROL = "pm:bench:control"
_REPORT = b"report"
_ANSWER_WITHIN_S = 30.0
_TIMESTAMP = b'"timestamp":"'


@dataclass(frozen=True, slots=True)
class Heard:
    """Updates in the order they came: when (ns since the epoch), and how long after the send."""

    at_ns: array[int]
    after_ns: array[int]

    @property
    def rate(self) -> float:
        """Updates a second between the first and the last."""
        return (len(self.at_ns) - 1) * 1e9 / max(1, self.at_ns[-1] - self.at_ns[0])


class Listener:
    """The process, seen from outside."""

    def __init__(self, client: redis.Redis, pipe: Connection) -> None:
        self._client = client
        self._pipe = pipe

    def report(self) -> Heard:
        """What came since the last report; updates published before this call are all in it."""
        self._client.publish(_CONTROL, _REPORT)
        return Heard(*_received(self._pipe))


@contextmanager
def listener(socket_path: str, client: redis.Redis) -> Iterator[Listener]:
    """A process that is subscribed; `client` is one of the same server."""
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_listen, args=(socket_path, theirs), daemon=True)
    process.start()
    theirs.close()
    try:
        _received(ours)
        yield Listener(client, ours)
    finally:
        process.kill()
        process.join()
        ours.close()


def _received(pipe: Connection) -> Any:
    if not pipe.poll(_ANSWER_WITHIN_S):
        raise BenchError("the listening process does not answer")
    try:
        return pipe.recv()
    except EOFError:
        raise BenchError("the listening process ended") from None


def _listen(socket_path: str, pipe: Connection) -> None:
    updates = keys.updates(BOOK).encode()
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(socket_path)
        connection.sendall(b"SUBSCRIBE %b %b\r\n" % (updates, _CONTROL.encode()))
        reader = hiredis.Reader()
        heard = Heard(array("q"), array("q"))
        while received := connection.recv(1 << 18):
            now = time.time_ns()
            reader.feed(received)
            while (message := reader.gets()) is not False:
                kind, channel, data = message
                if kind == b"subscribe":
                    if channel != updates:
                        pipe.send("ready")
                elif channel == updates:
                    start = data.index(_TIMESTAMP) + len(_TIMESTAMP)
                    heard.at_ns.append(now)
                    heard.after_ns.append(now - int(data[start : data.index(b'"', start)]))
                else:
                    pipe.send((heard.at_ns, heard.after_ns))
                    heard = Heard(array("q"), array("q"))
