"""Gauges: exact text of what the books hold, unknown ones left out, the stored ones shown again."""

from __future__ import annotations

from typing import Any

import pytest

from pm import keys
from pm.counting.catalogue import OUTBOX_PENDING, Series
from pm.counting.stored import series_of
from pm.metrics.collecting import AT, collect_gauges, current_gauges
from pm.settings import MonitoringSettings, Settings
from pm.valuation.mark_to_market import run_pass
from tests.metrics.trading import bought_and_sold, price
from tests.servers import StartServer
from tests.workers.desk import Desk
from tests.workers.lane_contents import entry, fills

SETTINGS = Settings()


def stored(desk: Desk) -> dict[str, str]:
    found: Any = desk.client.hgetall(keys.gauges())
    return {name.decode(): text.decode() for name, text in found.items()}


def test_what_the_books_hold_is_told_exactly(desk: Desk) -> None:
    desk.put(bought_and_sold())
    desk.finish()
    desk.put([*fills(3)[2:], entry(4, "event", b"garbage")], lane="executions:relay")
    found = collect_gauges(desk.client, SETTINGS)
    book = ("main",)
    expected = {
        Series("pm_positions", ("main", "open")): "1",
        Series("pm_positions", ("main", "closed")): "0",
        Series("pm_strategy_positions", ("main", "7")): "1",
        Series("pm_active_strategies", book): "1",
        Series("pm_trades_today", book): "2",
        Series("pm_realized_pnl_today_tokens", ("USDT",)): "20",
        Series("pm_fees_paid_today_tokens", ("USDT",)): "6.5",
        Series("pm_lane_waiting_entries", ("main", "executions")): "0",
        Series("pm_lane_waiting_entries", ("main", "executions:relay")): "2",
        Series("pm_journal_seq", book): "4",
        Series("pm_journal_entries", book): "4",
        Series("pm_quarantine_entries", book): "0",
        Series("pm_book_torn", book): "0",
        Series("pm_breaks_open", book): "0",
        Series("pm_workers_live"): "0",
        Series("pm_functions_loaded"): "1",
        Series("pm_server_persistence_ok"): "1",
    }
    assert {series: found.get(series) for series in expected} == expected
    assert float(found[Series("pm_lane_age_seconds", ("main", "executions:relay"))]) > 1e6


def test_amounts_are_converted_once_there_is_a_rate_and_unknown_before(desk: Desk) -> None:
    desk.put(bought_and_sold())
    desk.finish()
    money = {
        Series("pm_realized_pnl_today", ("USD",)): "10",
        Series("pm_fees_paid_today", ("USD",)): "3.25",
        Series("pm_portfolio_value", ("USD",)): "36.75",
        Series("pm_unrealized_pnl", ("USD",)): "30",
    }
    assert collect_gauges(desk.client, SETTINGS).keys().isdisjoint(money)

    price(desk, "USDT", "USD", "0.5")
    price(desk, "BTC", "USDT", "200")
    run_pass(desk.server.client(), SETTINGS)
    found = collect_gauges(desk.client, SETTINGS)
    assert {series: found.get(series) for series in money} == money


def test_amounts_are_left_out_where_they_are_not_wanted(desk: Desk) -> None:
    desk.put(bought_and_sold())
    desk.finish()
    quiet = Settings(monitoring=MonitoringSettings(emit_position_metrics=False))
    names = {series.name for series in collect_gauges(desk.client, quiet)}
    assert "pm_positions" in names
    assert names.isdisjoint(
        {
            "pm_strategy_positions",
            "pm_realized_pnl_today_tokens",
            "pm_fees_paid_today_tokens",
            "pm_portfolio_value",
        }
    )


def test_what_is_no_more_is_taken_away_and_what_gateways_tell_stays(desk: Desk) -> None:
    gone, told = "pm_positions|book=gone,state=open", f"{OUTBOX_PENDING}|source=relay"
    desk.client.hset(keys.gauges(), mapping={gone: "3", told: "5", "window.older": "{}"})
    found = collect_gauges(desk.client, SETTINGS)
    present = stored(desk)
    assert gone not in present
    assert (present[told], present["window.older"]) == ("5", "{}")
    kept = {series_of(name): text for name, text in present.items() if series_of(name)}
    assert kept == {**found, Series(OUTBOX_PENDING, ("relay",)): "5"}


def test_young_gauges_are_shown_as_they_lie_and_old_ones_read_anew(desk: Desk) -> None:
    series = Series("pm_positions_max")
    collect_gauges(desk.client, SETTINGS)
    desk.client.hset(keys.gauges(), mapping={"pm_positions_max": "77"})
    assert current_gauges(desk.client, SETTINGS)[series] == "77"

    told = f"{OUTBOX_PENDING}|source=relay"
    desk.client.hset(keys.gauges(), mapping={AT: "1", told: "5"})
    found = current_gauges(desk.client, SETTINGS)
    assert (found[series], found[Series(OUTBOX_PENDING, ("relay",))]) == ("10000", "5")
    assert stored(desk)["pm_positions_max"] == "10000"


def test_a_server_that_takes_no_writes_still_tells(start_server: StartServer) -> None:
    desk = Desk(start_server("valkey"))
    desk.client.replicaof("127.0.0.1", 1)
    found = current_gauges(desk.client, SETTINGS)
    assert found[Series("pm_positions_max")] == "10000"
    assert found[Series("pm_health", ("replicas",))] == "2"


@pytest.mark.parametrize("count", [0, 3])
def test_a_lane_of_a_gateway_is_counted_by_its_numbers(desk: Desk, count: int) -> None:
    desk.put(fills(count + 2), lane="executions:relay")
    desk.client.hset(keys.lane_source("main", "executions:relay"), "top", str(count + 2))
    if not count:
        desk.finish()
    found = collect_gauges(desk.client, SETTINGS)
    expected = "5" if count else "0"
    assert found[Series("pm_lane_waiting_entries", ("main", "executions:relay"))] == expected
