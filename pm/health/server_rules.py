"""Health of what the books run on: the server, its functions, the workers."""

from __future__ import annotations

from pm.health.verdict import CAPACITY_WARN, Situation, Verdict
from pm.wording import number_of


def persistence(situation: Situation) -> Verdict:
    """Whether what is acknowledged is kept."""
    server, allowed = situation.system.server, situation.settings.redis.allow_no_persistence
    if server.append_only is None:
        return "unknown", "this user may not ask the server"
    if not server.append_only and not allowed:
        return "degraded", "the server keeps nothing on disk (appendonly no)"
    if server.last_write_ok is False:
        return "down", "the server could not write to its disk"
    if server.last_rewrite_ok is False:
        return "degraded", "the last rewrite of the append-only file failed"
    return "healthy", "the last write to disk succeeded"


def replicas(situation: Situation) -> Verdict:
    """Whether replicas follow, and the server is no replica itself."""
    server = situation.system.server
    if not server.is_asked:
        return "unknown", "this user may not ask the server"
    if server.is_replica:
        if not server.primary_link_up:
            return "down", "the server is a replica without a link to its primary"
        return "degraded", "the server is a replica: it takes no writes"
    if server.replicas_good == 0:
        return "down", "no replica is good enough: the server refuses writes"
    if server.replicas and server.replicas_online != server.replicas:
        behind = server.replicas - (server.replicas_online or 0)
        return "degraded", f"{behind} of {server.replicas} replicas are not online"
    return "healthy", f"{number_of(server.replicas or 0, 'replica')}, all online"


def memory(situation: Situation) -> Verdict:
    """Whether there is room, and nothing is evicted."""
    server = situation.system.server
    used, most = server.memory_used_bytes, server.memory_max_bytes
    if used is None:
        return "unknown", "this user may not ask the server"
    if most and server.eviction_policy not in (None, "noeviction"):
        return "down", f"the server would evict keys (maxmemory-policy {server.eviction_policy})"
    text = f"{used // 2**20} MiB used" + (f" of {most // 2**20} MiB" if most else ", no limit set")
    return ("degraded" if most and used > CAPACITY_WARN * most else "healthy"), text


def functions(situation: Situation) -> Verdict:
    """Whether the functions of this version are loaded."""
    loaded = situation.system.server.functions_loaded
    if loaded is None:
        return "unknown", "this user may not ask the server"
    if not loaded:
        return "down", "the functions of this version are not loaded: `pm functions load`"
    return "healthy", "the functions of this version are loaded"


def workers(situation: Situation) -> Verdict:
    """Whether anybody applies the lanes."""
    live = situation.system.workers_live
    if not live:
        return "down", "no worker is running: `pm worker`"
    return "healthy", f"{number_of(live, 'worker')} running"


def checksum(situation: Situation) -> Verdict:
    """Whether damaged frames are kept out."""
    if situation.settings.gateway.lenient_checksum:
        return "degraded", "frames with a wrong checksum are taken (gateway.lenient_checksum)"
    return "healthy", "frames with a wrong checksum are quarantined"
