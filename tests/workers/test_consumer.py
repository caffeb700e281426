"""A consumer in this process: the same journal however a lane is cut, whoever else is at work."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from redis.exceptions import ConnectionError

from pm.connect import connect
from tests.reply_dropper import ReplyDropper
from tests.servers import AnyServer, ServerProcess
from tests.workers.conftest import Undisturbed
from tests.workers.desk import Desk
from tests.workers.lane_contents import fills, mixed

SEED = random.randrange(1 << 32)


@pytest.mark.parametrize("batch_max", [1, 2, 7, 1000])
def test_any_split_of_a_lane_gives_the_same_journal(
    desk: Desk, undisturbed: Undisturbed, batch_max: int
) -> None:
    print(f"seed {SEED}")
    content = mixed(SEED, 250)
    desk.put(content)
    end = desk.finish(batch_max=batch_max)
    assert end.seq > 250
    assert end == undisturbed(executions=content)


def test_both_engines_come_to_the_same_end(server: AnyServer, undisturbed: Undisturbed) -> None:
    print(f"seed {SEED}")
    desk = Desk(server)
    content = mixed(SEED, 200)
    desk.put(content)
    assert desk.finish() == undisturbed(executions=content)


def test_two_consumers_of_one_book_disturb_each_other_no_more_than_the_time_it_takes(
    desk: Desk, undisturbed: Undisturbed
) -> None:
    print(f"seed {SEED}")
    content = mixed(SEED, 300)
    chance = random.Random(SEED)
    consumers = [desk.consumer(batch_max=5), desk.consumer(batch_max=8)]
    for start in range(0, 300, 20):
        desk.put(content[start : start + 20])
        for _ in range(4):
            chance.choice(consumers).consume(desk.client)
    assert desk.finish() == undisturbed(executions=content)


def test_a_consumer_whose_cursor_is_ahead_of_a_restored_book_skips_nothing(
    desk: Desk, undisturbed: Undisturbed
) -> None:
    content = fills(60)
    desk.put(content[:30])
    consumer = desk.consumer()
    consumer.consume(desk.client)
    behind = desk.consumer()
    behind.consume(desk.client)
    # What a consumer would believe of a server that has since been put back to an older state.
    desk.put(content[30:50])
    behind.cursors["executions"] = "40-0"
    assert behind.consume(desk.client).applied == 0
    desk.put(content[50:])
    behind.consume(desk.client)
    assert desk.end() == undisturbed(executions=content)


def test_a_reply_that_got_lost_is_recognized_and_nothing_is_applied_twice(
    desk: Desk, undisturbed: Undisturbed, folder: Path
) -> None:
    assert isinstance(desk.server, ServerProcess)
    content = fills(40)
    desk.put(content)
    proxy = ReplyDropper(
        folder / "proxy.sock", desk.server.socket_path, lambda request: b"\npm_apply" in request
    )
    lossy = connect(proxy.url, role="worker", decode=False)
    consumer = desk.consumer(batch_max=4)
    try:
        with pytest.raises(ConnectionError):
            consumer.consume(lossy)
    finally:
        lossy.close()
        proxy.close()
    assert proxy.dropped == 1
    assert desk.end().seq == 2 + 4
    # The copies still say that nothing was applied: the first four are told "already".
    assert consumer.consume(desk.client).applied == 0
    assert consumer.cursors["executions"] == "4-0"
    assert desk.finish() == undisturbed(executions=content)


def test_every_second_reply_lost_still_means_every_effect_once(
    desk: Desk, undisturbed: Undisturbed, folder: Path
) -> None:
    print(f"seed {SEED}")
    assert isinstance(desk.server, ServerProcess)
    content = mixed(SEED, 150)
    desk.put(content)
    chance = random.Random(SEED)
    proxy = ReplyDropper(
        folder / "proxy.sock",
        desk.server.socket_path,
        lambda request: b"\npm_apply" in request and chance.random() < 0.5,
    )
    lossy = connect(proxy.url, role="worker", decode=False)
    consumer = desk.consumer(batch_max=6)
    try:
        while not desk.is_done(content[-1][0]):
            try:
                consumer.consume(lossy)
            except ConnectionError:
                consumer.forget()
    finally:
        lossy.close()
        proxy.close()
    assert proxy.dropped > 5
    assert desk.end() == undisturbed(executions=content)
