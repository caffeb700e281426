"""A gateway that dies anywhere: what it committed is in its lane once, under dense numbers."""

from __future__ import annotations

import sqlite3
import time

import pytest

from tests.gateway.gateway_site import GatewayProcess, Site, executions

STEPS = ("read", "before_commit", "after_commit", "before_append", "after_append")


def committed(site: Site) -> list[bytes]:
    database = sqlite3.connect(site.folder / "outbox.sqlite")
    try:
        rows = database.execute("SELECT number, frame FROM entries ORDER BY number").fetchall()
    finally:
        database.close()
    assert [number for number, _ in rows] == list(range(1, len(rows) + 1))
    return [frame for _, frame in rows]


def send_until_it_died(site: Site, dying: GatewayProcess, first: int = 1) -> list[bytes]:
    """Send one frame after the other; those that were sent."""
    sent: list[bytes] = []
    site.relay.await_connections()
    while dying.running:
        sent += executions(first + len(sent), first + len(sent))
        site.relay.send(sent[-1], connections=0)
        time.sleep(0.001)
    assert dying.ended() == -9
    site.relay.drop_connections()
    return sent


@pytest.mark.parametrize("passage", [1, 2, 5])
@pytest.mark.parametrize("step", STEPS)
def test_what_was_committed_arrives_once_although_the_gateway_died(
    site: Site, step: str, passage: int
) -> None:
    dying = site.gateway(crash_at=f"{step}:{passage}")
    before = send_until_it_died(site, dying)
    kept = committed(site)
    assert kept == before[: len(kept)]
    assert kept or step in ("read", "before_commit")

    after = executions(len(before) + 1, len(before) + 10)
    living = site.gateway()
    site.relay.send(b"".join(after))
    site.arrived(kept + after)
    assert committed(site) == kept + after
    assert living.stop() == 0


def test_a_gateway_killed_again_and_again_loses_nothing_it_committed(site: Site) -> None:
    sent: list[bytes] = []
    for round_number, step in enumerate(STEPS * 2):
        dying = site.gateway(crash_at=f"{step}:{1 + round_number % 4}")
        sent += send_until_it_died(site, dying, first=len(sent) + 1)
    kept = committed(site)
    assert len(kept) > len(STEPS)
    assert kept == [frame for frame in sent if frame in set(kept)]
    living = site.gateway()
    living.says("gateway started")
    site.arrived(kept)
    assert living.stop() == 0
