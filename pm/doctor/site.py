"""What the checks look at: settings, and what the server said when it was asked once."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import redis
from redis import exceptions

from pm.connect import connect
from pm.redis_url import redact_url
from pm.settings import Settings

TIMEOUT_S = 3.0
PINGS = 15


@dataclass(slots=True)
class Site:
    """A server and what it said of itself; `no_server` says why there is none.

    `target` may hold a password, `shown` never. What the user may not ask is empty: `info` and
    `configuration` hold what could be read. Times are seconds; `clock_ahead_s` is how far the
    server's clock is ahead of ours.
    """

    settings: Settings
    target: str
    is_private: bool
    client: redis.Redis
    info: Mapping[str, Any] = field(default_factory=dict)
    configuration: Mapping[str, str] = field(default_factory=dict)
    ping_s: float = 0.0
    clock_ahead_s: float = 0.0

    @classmethod
    def visited(cls, settings: Settings, target: str, *, is_private: bool) -> Site:
        """Ask the server. Raises what redis-py raises when it cannot be reached."""
        client = connect(target, role="doctor", timeout_s=TIMEOUT_S)
        client.ping()
        site = cls(settings, target, is_private, client)
        site.info = site.ask(lambda: client.info("everything")) or {}
        site.configuration = site.ask(lambda: _texts(client.config_get("*"))) or {}
        site.ping_s = _median_ping(client)
        site.clock_ahead_s = site.ask(lambda: _clock_ahead(client)) or 0.0
        return site

    @property
    def shown(self) -> str:
        """The server for people."""
        return redact_url(self.target)

    @property
    def is_local(self) -> bool:
        """Whether the server runs on this machine."""
        if self.target.startswith(("unix:", "/")):
            return True
        return urlsplit(self.target).hostname in ("localhost", "127.0.0.1", "::1")

    @property
    def is_cluster(self) -> bool:
        """Whether the server is a node of a cluster."""
        return str(self.info.get("cluster_enabled", "0")) == "1"

    def ask(self, question: Callable[[], Any]) -> Any:
        """The answer, or None where this user may not ask or the server does not know."""
        try:
            return question()
        except exceptions.ResponseError:
            return None

    def count(self, name: str) -> int:
        """A number of INFO, 0 where it could not be read."""
        return int(self.info.get(name) or 0)


def existing_parent(path: Path) -> Path:
    """The path itself, or the nearest folder above it that exists."""
    absolute = path.expanduser().absolute()
    return next(folder for folder in (absolute, *absolute.parents) if folder.exists())


def _median_ping(client: redis.Redis) -> float:
    taken = []
    for _ in range(PINGS):
        started = time.perf_counter()
        client.ping()
        taken.append(time.perf_counter() - started)
    return sorted(taken)[PINGS // 2]


def _clock_ahead(client: redis.Redis) -> float:
    before = time.time()
    seconds, micros = client.time()
    middle = (before + time.time()) / 2
    return float(seconds) + float(micros) / 1e6 - middle


def _texts(found: Mapping[Any, Any]) -> dict[str, str]:
    return {str(name): str(value) for name, value in found.items()}
