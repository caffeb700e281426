"""What the server says of itself: persistence, memory, replicas."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import redis
from redis import exceptions

from pm.functions import library


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerReading:
    """The server's own figures; None where it did not say, or the user may not ask.

    `last_write_ok` is of the append-only file, `last_rewrite_ok` of its last rewrite; a server
    without one tells of its snapshots. `primary_link_up` is of a replica only. `replicas_good` are
    those that `min-replicas-to-write` counts, None where that is not set.
    """

    is_asked: bool
    is_replica: bool | None = None
    primary_link_up: bool | None = None
    append_only: bool | None = None
    last_write_ok: bool | None = None
    last_rewrite_ok: bool | None = None
    memory_used_bytes: int | None = None
    memory_max_bytes: int | None = None
    eviction_policy: str | None = None
    replicas: int | None = None
    replicas_good: int | None = None
    replicas_online: int | None = None
    functions_loaded: bool | None = None


def read_server(client: redis.Redis) -> ServerReading:
    """Ask the server; raises what redis-py does, but not where the user may not ask."""
    try:
        info: Any = client.info()
    except exceptions.NoPermissionError:
        return ServerReading(is_asked=False, functions_loaded=_functions_loaded(client))
    is_aof = _is(info, "aof_enabled", 1)
    write = "aof_last_write_status" if is_aof else "rdb_last_bgsave_status"
    is_replica = _is(info, "role", "slave")
    states = [info[name].get("state") for name in info if _names_replica(name, info[name])]
    return ServerReading(
        is_asked=True,
        is_replica=is_replica,
        primary_link_up=_is(info, "master_link_status", "up") if is_replica else None,
        append_only=is_aof,
        last_write_ok=_is(info, write, "ok"),
        last_rewrite_ok=_is(info, "aof_last_bgrewrite_status", "ok") if is_aof else None,
        memory_used_bytes=_number(info, "used_memory"),
        memory_max_bytes=_number(info, "maxmemory") or None,
        eviction_policy=info.get("maxmemory_policy"),
        replicas=_number(info, "connected_slaves"),
        replicas_good=_number(info, "min_slaves_good_slaves"),
        replicas_online=sum(state == "online" for state in states),
        functions_loaded=_functions_loaded(client),
    )


def _functions_loaded(client: redis.Redis) -> bool | None:
    try:
        return library.is_loaded(client)
    except exceptions.NoPermissionError:
        return None


def _names_replica(name: str, value: Any) -> bool:
    return name.startswith("slave") and name[5:].isdecimal() and isinstance(value, dict)


def _is(info: Mapping[str, Any], name: str, wanted: str | int) -> bool | None:
    return None if name not in info else str(info[name]) == str(wanted)


def _number(info: Mapping[str, Any], name: str) -> int | None:
    return None if name not in info else int(info[name])
