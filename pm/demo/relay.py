"""An execution relay to try things with: a Unix socket that broadcasts a made-up trading day.

    python -m pm.demo.relay --socket /tmp/relay.sock --seed 7 --fills 4000 --rate 400

It behaves as the real one: a raw stream of bytes without message boundaries, to everyone who is
connected, at its own pace; what a consumer does not read in time is dropped for that consumer, and
what is sent to it is ignored. Two kindnesses a real relay does not have: it waits while nobody is
connected, and who connects again first gets the last frames once more, as an operator would have
a venue repeat them. With `--clearance FILE` orders that reserve are not executed before the file
says that they have (see `clearance`).
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import socket
import sys
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from pm.demo.clearance import cleared
from pm.demo.delivery import DEFAULT_RATE, Chunk, Delivery, deliver
from pm.demo.relay_report import CONNECTED, GONE, OVER, REPEATED
from pm.demo.scenario import (
    DEFAULT_EXECUTIONS,
    DEFAULT_FIRST_AT,
    DEFAULT_SEED,
    Scenario,
    build_scenario,
)
from pm.reference.toml_source import ReferenceDataError

REPEATED_FRAMES: Final = 3_000

_BACKLOG_MAX_BYTES: Final = 8_000_000
_REPORT_EVERY_S: Final = 0.25
_LOOK_AGAIN_S: Final = 0.01
_SOCKET_PATH_MAX_BYTES: Final = 100


class RelayError(Exception):
    """The relay cannot serve; the text is one line."""


class Relay:
    """The consumers of one socket, and the frames they may need again.

    Without a `clearance` file every order goes out.
    """

    def __init__(self, delivery: Delivery, rate: float, clearance: Path | None = None) -> None:
        self._delivery = delivery
        self._rate = rate
        self._clearance = clearance
        self._cleared = 0
        self._dropped_bytes = 0
        self._consumers: dict[asyncio.StreamWriter, None] = {}
        self._recent: deque[bytes] = deque(maxlen=REPEATED_FRAMES)
        self._somebody = asyncio.Event()
        self._had_somebody = False

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one consumer until it goes away; what it says is not looked at."""
        _say(CONNECTED)
        is_again, self._had_somebody = self._had_somebody, True
        recent = list(self._recent)
        if is_again:
            writer.write(b"".join(recent))
        self._consumers[writer] = None
        self._somebody.set()
        if is_again:
            await _until_taken(writer)
            _say(f"{REPEATED} {len(recent)} frames to it")
        with suppress(OSError):
            while await reader.read(65_536):
                pass
        self._consumers.pop(writer, None)
        if not self._consumers:
            self._somebody.clear()
        _say(GONE)
        writer.close()

    async def broadcast(self) -> None:
        """Send the whole day at its pace, `rate` executions a second."""
        loop = asyncio.get_running_loop()
        executions, total = 0, self._delivery.frames
        frames_sent, reported_at = 0, 0.0
        due = loop.time()
        for chunk in self._delivery.chunks:
            if not self._consumers or not self._is_cleared(chunk):
                await self._until_cleared(chunk)
                await self._somebody.wait()
                due = loop.time()
            await asyncio.sleep(max(0.0, due - loop.time()))
            due += chunk.executions / self._rate
            self._send(chunk)
            self._recent.extend(chunk.frames)
            executions += chunk.executions
            frames_sent += len(chunk.frames)
            if loop.time() - reported_at > _REPORT_EVERY_S:
                reported_at = loop.time()
                _say(f"sent {frames_sent} of {total} frames, {executions} executions")
        for writer in list(self._consumers):
            await _until_taken(writer)
        _say(f"sent {frames_sent} of {total} frames, {executions} executions: {OVER}")
        if self._dropped_bytes:
            _say(f"dropped {self._dropped_bytes} bytes that consumers did not read in time")

    def _is_cleared(self, chunk: Chunk) -> bool:
        if self._clearance is not None and chunk.reserved > self._cleared:
            self._cleared = cleared(self._clearance)
            return chunk.reserved <= self._cleared
        return True

    async def _until_cleared(self, chunk: Chunk) -> None:
        while not self._is_cleared(chunk):
            await asyncio.sleep(_LOOK_AGAIN_S)

    def _send(self, chunk: Chunk) -> None:
        for writer in list(self._consumers):
            if writer.transport.get_write_buffer_size() > _BACKLOG_MAX_BYTES:
                self._dropped_bytes += len(chunk.data)
            elif not writer.is_closing():
                writer.write(chunk.data)


async def _until_taken(writer: asyncio.StreamWriter) -> None:
    """Return when the system has taken all that was written, or the consumer is gone."""
    while writer.transport.get_write_buffer_size() and not writer.is_closing():
        await asyncio.sleep(_LOOK_AGAIN_S)


async def serve(path: Path, scenario: Scenario, rate: float, clearance: Path | None = None) -> None:
    """Listen on a socket, send the day once somebody is there, and stay until SIGTERM or Ctrl-C."""
    delivery = deliver(scenario.frames, scenario.seed)
    relay = Relay(delivery, rate, clearance)
    over = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, over.set)
    _claim(path)
    server = await asyncio.start_unix_server(relay.accept, path)
    _say(f"listening on {path}")
    sending = asyncio.create_task(relay.broadcast())
    try:
        await over.wait()
    finally:
        sending.cancel()
        server.close()
        path.unlink(missing_ok=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the relay from the command line; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m pm.demo.relay", description=_summary())
    parser.add_argument("--socket", type=Path, required=True, help="where to listen")
    parser.add_argument("--seed", type=int, default=DEFAULT_SEED, help="what day it is")
    parser.add_argument("--fills", type=int, default=DEFAULT_EXECUTIONS, help="executions to send")
    parser.add_argument("--rate", type=float, default=DEFAULT_RATE, help="executions a second")
    parser.add_argument("--first-at", type=int, default=DEFAULT_FIRST_AT, help="its first moment")
    parser.add_argument("--clearance", type=Path, help="says how many orders may go out")
    given = parser.parse_args(arguments)
    if given.fills < 1 or given.rate <= 0:
        parser.error("--fills and --rate must be above 0")
    try:
        scenario = build_scenario(given.seed, given.fills, given.first_at)
        asyncio.run(serve(given.socket, scenario, given.rate, given.clearance))
    except (RelayError, ReferenceDataError) as error:
        print(f"relay: {error}", file=sys.stderr)
        return 1
    return 0


def _claim(path: Path) -> None:
    """Make the path free to listen on; a socket that nobody listens on is a leftover."""
    if len(str(path).encode()) > _SOCKET_PATH_MAX_BYTES:
        raise RelayError(f"{path}: a socket's path has at most {_SOCKET_PATH_MAX_BYTES} bytes")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RelayError(f"{path.parent}: cannot be made: {error.strerror}") from None
    if not path.exists():
        return
    if not path.is_socket():
        raise RelayError(f"{path}: is there and is no socket")
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except OSError:
            path.unlink(missing_ok=True)
            return
    raise RelayError(f"{path}: another relay listens there")


def _summary() -> str:
    return "Broadcasts a made-up trading day on a Unix socket, as an execution relay would."


def _say(text: str) -> None:
    print(f"relay: {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
