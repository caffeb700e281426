"""Whether the server can be entrusted with the books: what it is, keeps, forgets and tells."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from pm.connect.check import NEEDED_COMMANDS, engine_of, missing_commands
from pm.doctor.finding import Finding, fault, ok, warning
from pm.doctor.site import Site

SLOW_PING_S: Final = 0.002
CLOCK_WARNING_S: Final = 1.0
CLOCK_FAULT_S: Final = 30.0
MEMORY_WARNING: Final = 0.70
MEMORY_FAULT: Final = 0.90
HOST_SHARE_MAX: Final = 0.60


def check_engine(site: Site) -> Iterator[Finding]:
    """What it is, and whether it knows every command that is sent."""
    engine, version = engine_of(site.info)
    told = f"{engine} {version or 'of an unknown version'} at {site.shown}"
    missing = site.ask(lambda: missing_commands(site.client)) or ()
    if missing:
        names = ", ".join(name.upper() for name in missing)
        yield fault("server", f"{told} lacks {names}", "use Redis 7.0 or Valkey 7.2 or newer")
    elif site.info.get("role") == "slave":
        yield fault("server", f"{told} is a replica", "name its primary in redis.url")
    elif site.ping_s > SLOW_PING_S:
        text = f"{told} answers in {site.ping_s * 1000:.1f} ms"
        yield warning("server", text, "each batch waits that long: run workers near the server")
    else:
        yield ok("server", f"{told} answers in {site.ping_s * 1000:.2f} ms")


def check_features(site: Site) -> Iterator[Finding]:
    """What is used where it is there, and what the settings ask for."""
    wanted = ("spublish", "waitaof")
    missing = site.ask(lambda: missing_commands(site.client, wanted))
    if missing is None:
        yield ok("features", "this user may not ask which commands there are")
        return
    sharded = site.settings.redis.sharded_updates
    if sharded and "spublish" in missing:
        text = "redis.sharded_updates is on and the server lacks SPUBLISH"
        yield fault("features", text, "turn redis.sharded_updates off, or use Redis 7.0 or newer")
    elif site.is_cluster and not sharded:
        text = "the server is a cluster and updates go to every node"
        yield warning("features", text, "set redis.sharded_updates = true")
    elif "waitaof" in missing:
        yield ok(
            "features", f"no WAITAOF; {', '.join(NEEDED_COMMANDS[:3])} and the others are there"
        )
    else:
        yield ok("features", "functions, streams, SPUBLISH, WAITAOF")


def check_persistence(site: Site) -> Iterator[Finding]:
    """Whether what is acknowledged is on disk, and stays there."""
    if "aof_enabled" not in site.info:
        yield ok(
            "persistence", "not looked at: this user may not use INFO (jobs, metrics, admin may)"
        )
        return
    if str(site.info["aof_enabled"]) != "1":
        text = "the append-only file is off: a restart loses the books"
        if site.settings.redis.allow_no_persistence:
            yield warning("persistence", text, "set appendonly yes; the settings allow it off")
        else:
            yield fault("persistence", text, "set appendonly yes")
        return
    failed = [
        name
        for name in ("aof_last_write_status", "aof_last_bgrewrite_status")
        if site.info.get(name, "ok") != "ok"
    ]
    if failed:
        text = f"{', '.join(failed)}: the server could not write its file"
        yield fault(
            "persistence", text, "look into the server's log, its disk and its rights there"
        )
    fsync = site.configuration.get("appendfsync")
    if fsync == "no":
        text = "appendfsync no: nobody says when a write is on disk"
        yield fault("persistence", text, "set appendfsync always")
    elif fsync == "everysec":
        text = "appendfsync everysec: a killed server may lose acknowledged entries"
        yield warning("persistence", text, "set appendfsync always, unless outboxes send again")
    elif site.configuration.get("no-appendfsync-on-rewrite") == "yes":
        text = "while its file is rewritten the server does not fsync"
        yield warning("persistence", text, "set no-appendfsync-on-rewrite no")
    elif not failed:
        yield ok("persistence", f"append-only file, fsync {fsync or 'not told to this user'}")


def check_replicas(site: Site) -> Iterator[Finding]:
    """A primary with replicas must not take writes that a failover would lose."""
    replicas = site.count("connected_slaves")
    least = int(site.configuration.get("min-replicas-to-write", "0"))
    if replicas and not least:
        text = f"{replicas} replicas, and the primary takes writes without any of them"
        yield warning("replicas", text, "set min-replicas-to-write 1 and min-replicas-max-lag 10")
    else:
        yield ok("replicas", f"{replicas or 'no'} replicas, at least {least} needed for a write")


def check_eviction(site: Site) -> Iterator[Finding]:
    """An evicted key is a lost position."""
    policy = str(site.info.get("maxmemory_policy", ""))
    if policy in ("", "noeviction"):
        yield ok("eviction", policy or "this user may not ask for it")
    else:
        level = fault if site.count("maxmemory") else warning
        text = f"maxmemory-policy {policy} deletes keys when memory is full"
        yield level("eviction", text, "set maxmemory-policy noeviction")


def check_memory(site: Site) -> Iterator[Finding]:
    """How much is used of what there may be."""
    used, most, host = (
        site.count(name) for name in ("used_memory", "maxmemory", "total_system_memory")
    )
    if not used:
        yield ok("memory", "this user may not ask for it")
    elif not most and site.is_private:
        yield ok("memory", f"{_mib(used)} used, no limit: a private server")
    elif not most:
        text = (
            f"{_mib(used)} used and no limit: when the machine is full the kernel ends the server"
        )
        share = f" ({_mib(int(host * HOST_SHARE_MAX))} here)" if host else ""
        yield warning("memory", text, f"set maxmemory to at most 60 % of the machine{share}")
    elif used > MEMORY_WARNING * most:
        text = f"{_mib(used)} of {_mib(most)} used; when it is full every write is refused"
        level = fault if used > MEMORY_FAULT * most else warning
        yield level(
            "memory", text, "archive sooner (storage.hot_data_retention_days) or add memory"
        )
    elif host and most > HOST_SHARE_MAX * host:
        text = f"maxmemory {_mib(most)} is more than 60 % of the machine's {_mib(host)}"
        yield warning("memory", text, "a rewrite may need as much again: set less")
    else:
        yield ok("memory", f"{_mib(used)} of {_mib(most)} used")


def check_clock(site: Site) -> Iterator[Finding]:
    """received_at and lease times come from several machines' clocks."""
    ahead = site.clock_ahead_s
    text = f"the server's clock is {abs(ahead):.3f} s {'ahead of' if ahead > 0 else 'behind'} ours"
    if abs(ahead) > CLOCK_WARNING_S:
        level = fault if abs(ahead) > CLOCK_FAULT_S else warning
        yield level("clock", text, "run chrony or systemd-timesyncd on both machines")
    else:
        yield ok("clock", text)


def check_idle_timeout(site: Site) -> Iterator[Finding]:
    """A server that closes idle connections makes every quiet reader connect again."""
    seconds = int(site.configuration.get("timeout", "0"))
    if 0 < seconds < 300:
        text = f"the server closes connections that are idle for {seconds} s"
        yield warning("timeouts", text, "set timeout 0 and tcp-keepalive 60")
    else:
        limit = site.settings.portfolio_manager.query_response_timeout_ms
        yield ok("timeouts", f"idle connections stay; queries may take {limit} ms")


CHECKS: Final[Any] = (
    check_engine,
    check_features,
    check_persistence,
    check_replicas,
    check_eviction,
    check_memory,
    check_clock,
    check_idle_timeout,
)


def _mib(size: int) -> str:
    return f"{size / 2**20:,.0f} MiB"
