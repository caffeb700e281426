"""A place to run gateways in: a folder, a fake relay, a server with the functions loaded."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pm import keys
from pm.functions import library
from pm.wire.encode import encode_frame
from pm.wire.execution_records import ExecutionResult48
from pm.wire.instrument_id import InstrumentId
from tests.gateway.fake_relay import FakeRelay
from tests.servers import Server

ROOT = Path(__file__).resolve().parents[2]
BTCUSDT = InstrumentId.from_symbol(100, 51, "BTCUSDT")
WAIT_S = 30.0


def execution(number: int, *, strategy: int = 7, order: int | None = None) -> bytes:
    """A frame that names its strategy: the result of one order."""
    record = ExecutionResult48(
        number if order is None else order, BTCUSDT, 10**8, 10**8, 1, strategy, 1, 1
    )
    return encode_frame([record], sequence=number, timestamp=10**18 + number)


def executions(first: int, last: int, *, strategy: int = 7) -> list[bytes]:
    """Frames of consecutive numbers, the last included."""
    return [execution(number, strategy=strategy) for number in range(first, last + 1)]


def eventually(holds: Callable[[], bool], story: Callable[[], str] = str) -> None:
    """Return when it holds; fails with the story if that takes too long."""
    deadline = time.monotonic() + WAIT_S
    while not holds():
        assert time.monotonic() < deadline, f"did not come to hold: {story()}"
        time.sleep(0.01)


class GatewayProcess:
    """One gateway; `crash_at` names the step at which it kills itself."""

    def __init__(
        self, settings: dict[str, Any], target: str, log: Path, crash_at: str | None
    ) -> None:
        self.log_file = log
        environment = {k: v for k, v in os.environ.items() if not k.startswith("PM_")}
        environment["PYTHONPATH"] = str(ROOT)
        if crash_at is not None:
            environment["PM_TEST_CRASH_AT"] = crash_at
        child = ROOT / "tests" / "gateway" / "gateway_child.py"
        self._process = subprocess.Popen(
            [sys.executable, str(child), json.dumps(settings), target, str(log)],
            env=environment,
            cwd=ROOT,
        )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    @property
    def log(self) -> str:
        return self.log_file.read_text() if self.log_file.exists() else ""

    def says(self, text: str, times: int = 1) -> None:
        """Wait until it has logged a text."""
        eventually(lambda: self.log.count(text) >= times, lambda: f"{text!r} in:\n{self.log}")

    def ended(self) -> int:
        """Wait for the end; the exit code."""
        return self._process.wait(timeout=WAIT_S)

    def stop(self) -> int:
        """Ask it to end; the exit code."""
        self._process.send_signal(signal.SIGTERM)
        return self.ended()

    def kill(self) -> None:
        """End it with SIGKILL, if it still runs."""
        self._process.kill()
        self._process.wait()


class Site:
    """One folder with everything a test of the gateway needs."""

    def __init__(self, folder: Path, server: Server) -> None:
        self.folder = folder
        self.server = server
        self.relay = FakeRelay(folder / "relay.sock")
        self._gateways: list[GatewayProcess] = []
        library.load(server.client())

    def settings(self, **sections: Any) -> dict[str, Any]:
        """Settings of a gateway here; sections override, by name."""
        gateway = {
            "socket_path": str(self.relay.path),
            "outbox_path": str(self.folder / "outbox.sqlite"),
            **sections.pop("gateway", {}),
        }
        return {"data": str(self.folder), "gateway": gateway, **sections}

    def gateway(
        self, *, crash_at: str | None = None, target: str | None = None, **sections: Any
    ) -> GatewayProcess:
        """Start a gateway."""
        log = self.folder / f"gateway-{len(self._gateways)}.log"
        process = GatewayProcess(
            self.settings(**sections), target or self.server.url, log, crash_at
        )
        self._gateways.append(process)
        return process

    def lane(
        self, book: str = "main", source: str = "relay"
    ) -> list[tuple[str, dict[bytes, bytes]]]:
        """The entries of a lane: id and fields."""
        client = self.server.client(decode=False)
        found: Any = client.xrange(keys.lane(book, f"executions:{source}"))
        client.close()
        return [(entry.decode(), fields) for entry, fields in found]

    def frames(self, book: str = "main", source: str = "relay") -> list[bytes]:
        """The frames of a lane, whose ids have to be dense from 1."""
        entries = self.lane(book, source)
        assert [entry for entry, _ in entries] == [f"{n}-0" for n in range(1, len(entries) + 1)]
        return [fields[b"frame"] for _, fields in entries]

    def arrived(self, frames: list[bytes], book: str = "main", source: str = "relay") -> None:
        """Wait until a lane holds these frames, and nothing else."""
        eventually(
            lambda: len(self.lane(book, source)) >= len(frames),
            lambda: f"{len(self.lane(book, source))} of {len(frames)}; {self._gateways[-1].log}",
        )
        assert self.frames(book, source) == frames

    def close(self) -> None:
        """End everything."""
        for gateway in self._gateways:
            gateway.kill()
        self.relay.close()
