"""What is remembered of orders, and when a number stands for a new one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pm.events.order_context import NOTHING_KNOWN, OrderContext
from workers.order_registry import OrderRegistry
from workers.outbox import Outbox, open_outbox

NOON = 24 * 20_000 + 12  # 2024-10-04
TOLD = OrderContext(strategy_id=7, instrument="binance.coin.BTCUSDT")


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    outbox = open_outbox(tmp_path / "outbox.sqlite")
    yield outbox
    outbox.close()


def commit(registry: OrderRegistry, outbox: Outbox) -> None:
    outbox.write("relay", [], registry.changed())
    registry.kept()


def test_facts_add_up_the_newest_first(outbox: Outbox) -> None:
    registry = OrderRegistry(outbox)
    registry.meet(1, OrderContext(side="sell", decided_at=5), NOON)
    registry.meet(1, TOLD._replace(decided_at=6), NOON)
    assert registry.meet(1, NOTHING_KNOWN, NOON) == TOLD._replace(
        side="sell", decided_at=6, date="2024-10-04"
    )


def test_a_first_meeting_gives_the_date_only(outbox: Outbox) -> None:
    assert OrderRegistry(outbox).meet(1, TOLD, NOON) == OrderContext(date="2024-10-04")


def test_an_order_nothing_is_told_of_is_not_kept(outbox: Outbox) -> None:
    registry = OrderRegistry(outbox)
    assert registry.meet(1, NOTHING_KNOWN, NOON) == NOTHING_KNOWN
    assert registry.changed() == {}


def test_another_registry_finds_what_was_committed(outbox: Outbox) -> None:
    registry = OrderRegistry(outbox)
    registry.meet(2**63 + 1, TOLD, NOON)
    commit(registry, outbox)
    assert registry.changed() == {}
    found = OrderRegistry(outbox).meet(2**63 + 1, NOTHING_KNOWN, NOON)
    assert found == TOLD._replace(date="2024-10-04")


def test_what_is_not_committed_yet_is_found_however_little_is_held_in_memory(
    outbox: Outbox,
) -> None:
    registry = OrderRegistry(outbox, remembered=2)
    for order in range(10):
        registry.meet(order, TOLD, NOON)
    assert registry.meet(0, NOTHING_KNOWN, NOON).strategy_id == 7
    commit(registry, outbox)
    assert all(registry.meet(order, NOTHING_KNOWN, NOON).strategy_id == 7 for order in range(10))


@pytest.mark.parametrize(
    "told",
    [OrderContext(strategy_id=8), OrderContext(instrument="kraken.coin.XBT")],
    ids=["strategy", "instrument"],
)
def test_a_number_under_another_strategy_or_instrument_is_a_new_order(
    outbox: Outbox, told: OrderContext
) -> None:
    registry = OrderRegistry(outbox)
    registry.meet(1, TOLD._replace(side="buy"), NOON)
    assert registry.meet(1, told, NOON + 1) == OrderContext(date="2024-10-04")
    assert registry.meet(1, NOTHING_KNOWN, NOON + 1).side is None


def test_a_contradicted_side_is_handed_on_for_the_worker_to_see(outbox: Outbox) -> None:
    registry = OrderRegistry(outbox)
    registry.meet(1, TOLD._replace(side="buy"), NOON)
    assert registry.meet(1, OrderContext(side="sell"), NOON).side == "buy"


def test_an_order_talked_of_past_midnight_keeps_its_date(outbox: Outbox) -> None:
    registry = OrderRegistry(outbox)
    for hour in range(NOON, NOON + 40, 5):
        assert registry.meet(1, TOLD, hour).date == "2024-10-04"


def test_a_number_heard_again_the_next_day_gets_the_new_date_and_keeps_its_facts(
    outbox: Outbox,
) -> None:
    registry = OrderRegistry(outbox)
    registry.meet(1, TOLD, NOON)
    assert registry.meet(1, NOTHING_KNOWN, NOON + 24) == TOLD._replace(date="2024-10-05")


def test_silence_within_a_day_changes_no_date(outbox: Outbox) -> None:
    registry = OrderRegistry(outbox)
    registry.meet(1, TOLD, NOON - 10)
    assert registry.meet(1, TOLD, NOON + 10).date == "2024-10-04"
