"""All books in one run, as jobs do it."""

from __future__ import annotations

from pathlib import Path

from pm import keys
from pm.breaks.kept import Breaks
from pm.reconcile.run import reconcile_all
from pm.reconcile.runs import Runs
from pm.settings import Settings
from tests.reconcile.desk import Desk


def _settings(folder: Path) -> Settings:
    return Settings(data=folder)


def test_every_book_is_proven_and_counts_its_own(desk: Desk, tmp_path: Path) -> None:
    desk.trade(20)
    settings = _settings(tmp_path)
    summary = reconcile_all(desk.server, settings)
    assert (summary.is_right, summary.differences, summary.open_breaks) == (True, 0, 0)
    assert [report.book for report in summary.books] == ["main", "second"]
    desk.server.hset(keys.balance("second", "binance", "USDT"), "total", "1")
    summary = reconcile_all(desk.server, settings)
    assert (summary.differences, summary.open_breaks) == (1, 1)
    told = {book: Runs(desk.server, book).last() for book in ("main", "second")}
    shown = {
        book: (last["runs"], last["differences"], last["open_breaks"])
        for book, last in told.items()
    }
    assert shown == {"main": ("2", "0", "0"), "second": ("2", "1", "1")}
    assert [kept.book for kept in (Breaks(desk.server, "second"),) if kept.listed()] == ["second"]


def test_a_book_with_a_hole_keeps_no_other_from_being_looked_at(desk: Desk, tmp_path: Path) -> None:
    desk.trade(20)
    desk.server.xdel(keys.journal("main"), "3-0")
    summary = reconcile_all(desk.server, _settings(tmp_path))
    assert [report.proof.is_whole for report in summary.books] == [False, True]
    (found,) = Breaks(desk.server, "main").listed()
    assert (found.kind, found.first_seq) == ("journal", 3)
    assert summary.failed == {"main": "book main: journal entry 3 is missing, 4 follows"}
    assert not summary.is_right
    assert Runs(desk.server, "main").last()["error"] == summary.failed["main"]


def test_a_single_book_is_not_held_against_the_others(desk: Desk, tmp_path: Path) -> None:
    summary = reconcile_all(desk.server, _settings(tmp_path), books=["second", "nowhere"])
    assert [report.book for report in summary.books] == ["second"]
    assert summary.across is None
    assert summary.failed == {"nowhere": "book nowhere does not exist"}
    assert not desk.server.exists(keys.reconciliation("nowhere"))
