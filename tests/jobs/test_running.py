"""A run is done alone, and what comes of it is on record."""

from __future__ import annotations

import threading
import time

import pytest

from pm import keys
from pm.archive.archiving import Extent, archive_book
from pm.counting.catalogue import JOB_RUNS, Series
from pm.counting.stored import read_counted
from tests.jobs.office import Office
from tests.valuation.desk import BTC, A
from workers.jobs.listing import JobSummary, summaries
from workers.jobs.running import JobFailed
from workers.jobs.valuing import NAME_PREFIX
from workers.valuation import LEASE_MS
from workers.valuation_leases import ValuationLeases


def _summary(office: Office, name: str) -> JobSummary:
    return next(row for row in summaries(office.server, office.settings) if row.name == name)


def _at_now(office: Office) -> None:
    office.desk.now = time.time_ns()
    office.desk.mark_usdt()
    office.desk.mark(BTC, "100")
    office.desk.deposit("USDT", "1000")


def test_marking_to_market_by_job_is_a_pass(office: Office) -> None:
    _at_now(office)
    office.desk.fill(BTC, "2", "90")
    assert office.runner().run("mark-to-market", 1) == "valued 1 of 1 position of 1 book"
    assert office.desk.portfolio().equity == A("1020")
    assert office.desk.client.get(keys.valuation_lease("main")) is None
    row = _summary(office, "mark-to-market")
    assert (row.successes, row.failures, row.error) == (1, 0, "")


def test_capital_that_came_is_valued_by_the_next_round_for_traces(office: Office) -> None:
    _at_now(office)
    office.runner().run("mark-to-market", 1)
    assert office.runner().run("expire-traces", 1) == "0 traces ended or put away"
    office.desk.now = time.time_ns()
    office.desk.deposit("USDT", "500")
    told = office.runner().run("expire-traces", 2)
    assert told == "0 traces ended or put away; capital moved: valued"
    assert [str(point.flow) for point in office.desk.points()] == ["0", "500"]
    assert office.runner().run("expire-traces", 3) == "0 traces ended or put away"


def test_silent_traces_are_ended(office: Office) -> None:
    _at_now(office)
    name = "00000000000000000000000000000001"
    office.desk.now = time.time_ns() - 400 * 10**9
    office.desk.fill(BTC, "2", "90", trace=name)
    assert office.runner().run("expire-traces", 1).startswith("1 trace ended")
    assert office.desk.client.hget(keys.trace("main", name), "status") != "open"


def test_the_round_for_traces_reads_on_in_the_archive(office: Office) -> None:
    _at_now(office)
    office.runner().run("mark-to-market", 1)
    for _ in range(3):
        office.desk.now = time.time_ns()
        office.desk.deposit("USDT", "10")
    client = office.desk.client
    client.config_set("appendfsync", "always")
    extent = Extent(all_but=0, kept_entries=1)
    done = archive_book(client, office.settings, "main", now_ns=time.time_ns(), extent=extent)
    assert done.entries > 3
    # As after a rebuild onto an empty server: how far the last pass had read is not known any more.
    client.delete(keys.valuation("main"))
    client.xtrim(keys.journal("main"), minid=f"{done.archived_through}-0", approximate=False)
    told = office.runner().run("expire-traces", 2)
    assert told.startswith("0 traces ended or put away")


def test_reconciling_and_archiving_are_jobs(office: Office) -> None:
    _at_now(office)
    office.desk.client.config_set("appendfsync", "always")
    told = office.runner().run("reconcile", 1)
    assert told == "1 book: 0 differences, 0 open breaks"
    assert office.runner().run("archive", 1).startswith("0 entries archived")
    office.desk.client.hset(keys.balance("main", "binance", "USDT"), "total", "1001")
    told = office.runner().run("reconcile", 2)
    assert told.startswith("1 book: ")
    assert "0 differences" not in told
    assert office.desk.client.hget(keys.reconciliation("main"), "runs") == "2"


def test_a_second_run_of_a_job_finds_it_held(office: Office) -> None:
    office.raw.set(keys.job_running("mark-to-market"), "there-1/7", px=60_000)
    assert office.runner().run("mark-to-market", 8) == "held by there-1/7: nothing done"
    assert office.raw.get(keys.job_running("mark-to-market")) == b"there-1/7"
    office.raw.delete(keys.job_running("mark-to-market"))
    assert office.runner().run("mark-to-market", 8).startswith("valued")
    assert office.raw.get(keys.job_running("mark-to-market")) is None


def test_beside_a_valuation_process_a_job_does_nothing(office: Office) -> None:
    _at_now(office)
    leases = ValuationLeases(office.desk.client, "there-1", LEASE_MS)
    leases.round(["main"])
    assert office.runner().run("mark-to-market", 1) == "held by there-1: nothing done"
    assert office.desk.points() == []
    leases.release()


def test_another_job_at_the_books_is_waited_for(office: Office) -> None:
    _at_now(office)
    leases = ValuationLeases(office.desk.client, f"{NAME_PREFIX}there-1", LEASE_MS)
    leases.round(["main"])
    end = threading.Timer(0.3, leases.release)
    end.start()
    assert office.runner().run("mark-to-market", 1).startswith("valued")
    end.join()


def test_a_failure_is_one_line_until_it_works_again(office: Office) -> None:
    office.desk.client.delete(keys.reference_versions())
    office.desk.client.set(keys.reference_versions(), "no hash")
    with pytest.raises(JobFailed) as failed:
        office.runner().run("mark-to-market", 1)
    assert "\n" not in str(failed.value)
    row = _summary(office, "mark-to-market")
    assert (row.successes, row.failures, row.error) == (0, 1, str(failed.value))

    office.desk.client.delete(keys.reference_versions())
    office.runner().run("mark-to-market", 2)
    row = _summary(office, "mark-to-market")
    assert (row.successes, row.failures, row.error) == (1, 1, "")
    counters = read_counted(office.raw.hgetall(keys.metrics())).counters
    for result in ("done", "failed"):
        assert counters[Series(JOB_RUNS, ("mark-to-market", result))] == 1
