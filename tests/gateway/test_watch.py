"""A gateway counts what comes and tells how much waits in its outbox."""

from __future__ import annotations

from typing import Any

from pm import keys
from pm.counting.catalogue import (
    BYTES_SKIPPED,
    FRAMES,
    FRAMES_DAMAGED,
    GATEWAY_SEEN,
    OUTBOX_ENTRIES,
    OUTBOX_PENDING,
    RELAY_CONNECTIONS,
    Series,
)
from pm.counting.stored import read_counted, series_of
from tests.gateway.gateway_site import Site, eventually, execution, executions
from tests.servers import ServerProcess

RELAY = ("relay",)


def counters(site: Site) -> dict[Series, int]:
    stored: Any = site.server.client().hgetall(keys.metrics())
    return dict(read_counted(stored).counters)


def gauges(site: Site) -> dict[Series | None, int]:
    stored: Any = site.server.client().hgetall(keys.gauges())
    return {series_of(name): int(value) for name, value in stored.items()}


def test_frames_entries_and_connections_are_counted_over_restarts(site: Site) -> None:
    frames = executions(1, 12)
    gateway = site.gateway()
    site.relay.send(b"".join(frames[:7]))
    site.arrived(frames[:7])
    assert gateway.stop() == 0
    site.relay.drop_connections()
    gateway = site.gateway()
    damaged = bytearray(execution(99))
    damaged[-1] ^= 1
    site.relay.send(b"junk" * 50 + bytes(damaged) + b"".join(frames[7:]))
    eventually(lambda: len(site.lane()) >= 13, lambda: gateway.log)
    assert gateway.stop() == 0

    found = counters(site)
    assert found[Series(FRAMES, RELAY)] == 12
    assert found[Series(FRAMES_DAMAGED, RELAY)] == 1
    assert found[Series(BYTES_SKIPPED, RELAY)] >= 200
    assert found[Series(OUTBOX_ENTRIES, RELAY)] == 13
    assert found[Series(RELAY_CONNECTIONS, RELAY)] == 2
    told = gauges(site)
    assert told[Series(OUTBOX_PENDING, RELAY)] == 0
    assert told[Series(GATEWAY_SEEN, RELAY)] > 1_700_000_000


def test_what_waits_while_no_worker_keeps_up_is_told(
    site: Site, valkey_server: ServerProcess
) -> None:
    gateway = site.gateway(
        gateway={"max_in_flight_entries": 4}, monitoring={"metrics_update_interval_seconds": 1}
    )
    site.relay.send(b"".join(executions(1, 12)))
    waiting = Series(OUTBOX_PENDING, RELAY)
    eventually(lambda: gauges(site).get(waiting) == 8, lambda: f"{gauges(site)} {gateway.log}")
