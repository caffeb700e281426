"""What a server must be before the books are entrusted to it, asked once at start.

Features are probed, not version numbers: Valkey reports 7.2.4 for ever, and forks differ. A server
that would evict keys, that keeps nothing on disk or that is a replica would lose entries it had
acknowledged; it is refused with what to change. An ACL may forbid asking (INFO, CONFIG, COMMAND):
what could not be asked is listed in `unchecked` and does not stop the start.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import redis
from redis import exceptions

from pm.connect.errors import ServerError, in_one_line
from pm.connect.replies import text_of
from pm.redis_url import redact_url

# The commands the product sends which came late or which a proxy or a fork may lack.
NEEDED_COMMANDS = (
    "fcall",
    "fcall_ro",
    "function",
    "xread",
    "xadd",
    "xrange",
    "xtrim",
    "hset",
    "zadd",
)

_Answer = TypeVar("_Answer")


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """What the server said of itself; None where it was not allowed to say it."""

    engine: str
    version: str | None
    is_replica: bool | None
    is_cluster: bool | None
    append_only: bool | None
    appendfsync: str | None
    maxmemory_bytes: int | None
    eviction_policy: str | None
    unchecked: tuple[str, ...]


def check_server(
    client: redis.Redis,
    target: str,
    *,
    writes: bool = True,
    allow_no_persistence: bool = False,
) -> ServerFacts:
    """The facts of the server behind `client`, or a ServerError saying why it cannot be used.

    `writes` is False for commands that only read: they may use a replica and do not mind what the
    server keeps on disk.
    """
    unchecked: list[str] = []

    def ask(name: str, question: Callable[[], _Answer]) -> _Answer | None:
        try:
            return question()
        except exceptions.NoPermissionError:
            unchecked.append(name)
            return None

    with in_one_line(target, is_first=True):
        client.ping()
    with in_one_line(target):
        missing = ask("COMMAND", lambda: missing_commands(client))
        info = ask("INFO", lambda: client.info())
        fsync = ask("CONFIG", lambda: _appendfsync(client))
    facts = _facts(info, fsync, tuple(unchecked))
    refusal = _refusal(facts, missing or (), writes, allow_no_persistence)
    if refusal:
        raise ServerError(f"{redact_url(target)}: {refusal}")
    return facts


def missing_commands(
    client: redis.Redis, wanted: Sequence[str] = NEEDED_COMMANDS
) -> tuple[str, ...]:
    """Which of these commands the server does not know."""
    # Two words in the name keep redis-py's parser of COMMAND away: it fails on unknown commands.
    untyped: Any = client
    known = untyped.execute_command("COMMAND INFO", *wanted)
    return tuple(name for name, entry in zip(wanted, known, strict=True) if not entry)


def engine_of(info: Mapping[str, Any]) -> tuple[str, str | None]:
    """The engine's name and its version, from INFO."""
    valkey = "valkey_version" in info or info.get("server_name") == "valkey"
    version = info.get("valkey_version") or info.get("redis_version")
    return "valkey" if valkey else "redis", None if version is None else str(version)


def _appendfsync(client: redis.Redis) -> str | None:
    found: Any = client.config_get("appendfsync")
    return next((text_of(value) for value in found.values()), None)


def _facts(info: Mapping[str, Any] | None, fsync: str | None, no: tuple[str, ...]) -> ServerFacts:
    if info is None:
        return ServerFacts("unknown", None, None, None, None, fsync, None, None, no)
    engine, version = engine_of(info)
    return ServerFacts(
        engine=engine,
        version=version,
        is_replica=_flag(info, "role", "slave"),
        is_cluster=_flag(info, "cluster_enabled", "1"),
        append_only=_flag(info, "aof_enabled", "1"),
        appendfsync=fsync,
        maxmemory_bytes=_count(info, "maxmemory"),
        eviction_policy=None if "maxmemory_policy" not in info else str(info["maxmemory_policy"]),
        unchecked=no,
    )


def _refusal(
    facts: ServerFacts, missing: tuple[str, ...], writes: bool, allow_no_persistence: bool
) -> str | None:
    if missing:
        names = ", ".join(name.upper() for name in missing)
        return f"the server lacks {names}: Redis 7.0 or Valkey 7.2 or newer is needed"
    if not writes:
        return None
    if facts.is_replica:
        return "the server is a replica: name its primary"
    if facts.maxmemory_bytes and facts.eviction_policy not in (None, "noeviction"):
        return (
            f"the server would evict keys when its memory is full (maxmemory-policy "
            f"{facts.eviction_policy}): set maxmemory-policy noeviction"
        )
    if facts.append_only is False and not allow_no_persistence:
        return (
            "the server keeps nothing on disk (appendonly no): set appendonly yes, or accept "
            "losing the books with redis.allow_no_persistence = true"
        )
    return None


def _flag(info: Mapping[str, Any], name: str, true: str) -> bool | None:
    return None if name not in info else str(info[name]) == true


def _count(info: Mapping[str, Any], name: str) -> int | None:
    return None if name not in info else int(info[name])
