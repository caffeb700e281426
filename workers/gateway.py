"""The gateway process: relay socket -> outbox -> lanes, in three threads that never wait upward.

The first reads the socket and nothing else, the second commits to the outbox, the third sends to
Redis. Each hands over through memory or the outbox only, so a slow disk or an absent Redis never
stops the reading. What is committed reaches its lane once; what was read and not committed when
the process dies is lost, because the relay neither acknowledges nor repeats.
"""

from __future__ import annotations

import logging
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

from pm import keys
from pm.counting.reporter import Reporter
from pm.settings import Settings
from pm.wire.frame import DecodePolicy
from workers.frame_routing import FrameRouting
from workers.gateway_watch import GatewayWatch
from workers.lane_sender import LaneSender
from workers.order_registry import OrderRegistry
from workers.outbox import Outbox, open_outbox
from workers.outbox_file import OutboxError
from workers.outbox_writer import OutboxWriter
from workers.relay_frames import RelayFrames
from workers.relay_socket import Backlog, RelaySocket

log = logging.getLogger(__name__)


def main(settings: Settings, target: str) -> int:
    """Run the gateway until SIGTERM or SIGINT; its exit code. Main thread only."""
    stop = threading.Event()
    with _stopped_by_signal(stop):
        return run_gateway(settings, target, stop)


def run_gateway(settings: Settings, target: str, stop_event: threading.Event) -> int:
    """Run until `stop_event` is set; 0, or 1 when the outbox or a lane cannot be gone on with.

    `target` is the server's URL. A failure sets `stop_event` too.
    """
    if f"executions:{settings.gateway.source}" == keys.QUARANTINE_LANE:
        log.error("gateway.source = %s: that lane is taken", settings.gateway.source)
        return 1
    try:
        outbox = open_outbox(settings.outbox_path)
    except OutboxError as error:
        log.error("%s", error)
        return 1
    try:
        return _Gateway.assembled(settings, target, outbox, stop_event).run()
    finally:
        outbox.close()


@dataclass(slots=True)
class _Gateway:
    """The three parts and what connects them."""

    outbox: Outbox
    backlog: Backlog
    socket: RelaySocket
    writer: OutboxWriter
    sender: LaneSender
    reporter: Reporter
    stop: threading.Event
    failed: bool = False

    @classmethod
    def assembled(
        cls, settings: Settings, target: str, outbox: Outbox, stop: threading.Event
    ) -> _Gateway:
        gateway = settings.gateway
        backlog, written = Backlog(), threading.Event()
        registry = OrderRegistry(outbox)
        writer = OutboxWriter(
            gateway.source,
            backlog,
            RelayFrames(_policy(settings)),
            outbox,
            registry,
            FrameRouting(
                registry,
                settings.books,
                strategy_from_order_id=gateway.strategy_from_order_id,
            ),
            retention_days=gateway.outbox_retention_days,
            written=written,
            stopping=stop,
        )
        sender = LaneSender(settings, target, outbox, written)
        socket = RelaySocket(gateway.socket_path, backlog, stop)
        watch = GatewayWatch(
            gateway.source,
            writer.counts,
            lambda: socket.connections,
            lambda: sum(lane.last - lane.confirmed for lane in list(outbox.lanes)),
        )
        reporter = Reporter.of(settings, target, watch)
        return cls(outbox, backlog, socket, writer, sender, reporter, stop)

    def run(self) -> int:
        log.info("gateway started outbox=%s identity=%s", self.outbox.path, self.outbox.identity)
        reading = self._thread("relay-socket", self.socket.run)
        writing = self._thread("outbox-writer", self.writer.run)
        sending = self._thread("lane-sender", lambda: self.sender.run(self.stop))
        self.reporter.start()
        self.stop.wait()
        reading.join()
        writing.join()
        self.sender.finish()
        sending.join()
        self.reporter.close()
        self._mark_confirmed()
        failed = self.failed or self.sender.failed
        log.info(
            "gateway stopped %s pending=%d%s",
            *(self.writer.counts, self.sender.pending, " after a failure" if failed else ""),
        )
        return 1 if failed else 0

    def _mark_confirmed(self) -> None:
        # The next start then knows what is pending before any server answers.
        try:
            self.outbox.mark_confirmed(time.time_ns(), after_ns=0)
        except OutboxError as error:
            log.warning("outbox not marked: %s", error)

    def _thread(self, name: str, work: Callable[[], None]) -> threading.Thread:
        def guarded() -> None:
            try:
                work()
            except OutboxError as error:
                self._fail()
                log.error("%s", error)
            except BaseException:
                self._fail()
                log.exception("%s ended unexpectedly", name)

        thread = threading.Thread(target=guarded, name=name, daemon=True)
        thread.start()
        return thread

    def _fail(self) -> None:
        self.failed = True
        self.backlog.close()
        self.stop.set()


def _policy(settings: Settings) -> DecodePolicy:
    return DecodePolicy(
        require_checksum=not settings.gateway.lenient_checksum,
        accept_types_crate_domain=settings.gateway.accept_domain_2,
    )


@contextmanager
def _stopped_by_signal(stop: threading.Event) -> Iterator[None]:
    def ask(number: int, frame: FrameType | None) -> None:
        stop.set()

    before = {number: signal.signal(number, ask) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
