"""The life of a break."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from pm.breaks.found import Found
from pm.breaks.kept import BreakError, Breaks
from pm.breaks.record import Break
from tests.servers import AnyServer


def _found(theirs: str, ours: str = "10", subject: str = "binance:EUR") -> Found:
    difference = str(int(theirs) - int(ours))
    return Found("balance", subject, ("main",), ours, theirs, difference)


def _everything(_: Break) -> bool:
    return True


@pytest.fixture
def breaks(server: AnyServer) -> Breaks:
    return Breaks(server.client(decode=False), "main")


def _states(kept: Break) -> list[str]:
    return [change.state for change in kept.history]


def test_the_same_break_is_one_record_over_runs(breaks: Breaks) -> None:
    first = breaks.record([_found("12")], _everything, "a", 1)
    second = breaks.record([_found("12")], _everything, "b", 2)
    assert (first.new, first.open, second.new, second.open) == (1, 1, 0, 1)
    (kept,) = breaks.listed()
    assert (kept.found_at, kept.seen_at, kept.seen_count, kept.source) == (1, 2, 2, "b")
    assert _states(kept) == ["open"]


def test_another_amount_of_an_open_break_is_told(breaks: Breaks) -> None:
    breaks.record([_found("12")], _everything, "", 1)
    assert breaks.record([_found("13")], _everything, "", 2).reopened == 0
    (kept,) = breaks.listed()
    told = [(change.at, change.why, change.difference) for change in kept.history]
    assert told == [(1, "found", "2"), (2, "amount changed", "3")]


def test_it_is_resolved_when_the_two_agree_again_and_opens_again_later(breaks: Breaks) -> None:
    breaks.record([_found("12")], _everything, "", 1)
    assert breaks.record([], _everything, "", 2).resolved == 1
    (kept,) = breaks.listed()
    assert (kept.state, kept.resolution, kept.resolved_at) == ("resolved", "agreed again", 2)
    assert breaks.listed(only_open=True) == []
    assert breaks.record([_found("12")], _everything, "", 3).reopened == 1
    (kept,) = breaks.listed(only_open=True)
    assert (kept.state, kept.occurrence, kept.resolved_at) == ("open", 2, 0)
    assert _states(kept) == ["open", "resolved", "open"]


def test_what_a_run_did_not_look_at_stays(breaks: Breaks) -> None:
    breaks.record([_found("12"), _found("3", subject="kraken:EUR")], _everything, "", 1)
    outcome = breaks.record([], lambda kept: kept.subject == "kraken:EUR", "", 2)
    assert (outcome.resolved, outcome.open) == (1, 1)
    assert [kept.subject for kept in breaks.listed(only_open=True)] == ["binance:EUR"]


def test_an_explanation_holds_while_the_difference_does(breaks: Breaks) -> None:
    breaks.record([_found("12")], _everything, "", 1)
    (kept,) = breaks.listed()
    breaks.explain(kept.id, by="ann", why="paid on Monday", now_ns=2)
    moved_alike = breaks.record([_found("22", ours="20")], _everything, "", 3)
    assert (moved_alike.open, moved_alike.explained, moved_alike.reopened) == (0, 1, 0)
    changed = breaks.record([_found("13")], _everything, "", 4)
    assert (changed.open, changed.explained, changed.reopened) == (1, 0, 1)
    (kept,) = breaks.listed()
    assert (kept.state, kept.explanation, kept.by) == ("open", "", "")
    assert [(c.state, c.by, c.why, c.difference) for c in kept.history] == [
        ("open", "", "found", "2"),
        ("explained", "ann", "paid on Monday", "2"),
        ("open", "", "amount changed", "3"),
    ]


def test_a_dismissed_break_stays_so_while_its_amount_does(breaks: Breaks) -> None:
    breaks.record([_found("12")], _everything, "", 1)
    (kept,) = breaks.listed()
    breaks.dismiss(kept.id, by="ann", why="dust", now_ns=2)
    assert breaks.record([_found("12")], _everything, "", 3).open == 0
    (kept,) = breaks.listed()
    assert (kept.resolution, kept.explanation) == ("dismissed by ann", "dust")
    assert breaks.record([_found("13")], _everything, "", 4).open == 1


def test_an_adjusted_break_opens_again_if_it_is_found_again(breaks: Breaks) -> None:
    breaks.record([_found("12")], _everything, "", 1)
    (kept,) = breaks.listed()
    assert breaks.adjusted(kept.id, 7, by="ann", why="x", now_ns=2).resolution == "adjusted seq 7"
    assert breaks.record([_found("12")], _everything, "", 3).reopened == 1


def test_what_is_unknown_or_resolved_cannot_be_explained(breaks: Breaks) -> None:
    with pytest.raises(BreakError, match="has no break B0"):
        breaks.explain("B0", by="ann", why="x", now_ns=1)
    breaks.record([_found("12")], _everything, "", 1)
    breaks.record([], _everything, "", 2)
    (kept,) = breaks.listed()
    with pytest.raises(BreakError, match="is resolved: agreed again"):
        breaks.explain(kept.id, by="ann", why="x", now_ns=3)


def _at_once(server: AnyServer, count: int, act: Callable[[Breaks, int], object]) -> None:
    barrier = threading.Barrier(count)

    def run(number: int) -> None:
        one = Breaks(server.client(decode=False), "main")
        barrier.wait()
        for _ in range(10):
            act(one, number)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_runs_at_once_make_one_break_and_lose_no_sight_of_it(server: AnyServer) -> None:
    _at_once(server, 4, lambda one, number: one.record([_found("12")], _everything, "", number + 1))
    (kept,) = Breaks(server.client(decode=False), "main").listed()
    assert (kept.seen_count, kept.occurrence, _states(kept)) == (40, 1, ["open"])


def test_a_run_does_not_undo_what_somebody_says_meanwhile(server: AnyServer) -> None:
    breaks = Breaks(server.client(decode=False), "main")
    breaks.record([_found("12")], _everything, "", 1)
    (kept,) = breaks.listed()

    def act(one: Breaks, number: int) -> None:
        if number:
            one.record([_found("12")], _everything, "", 2)
        else:
            one.explain(kept.id, by="ann", why="x", now_ns=3)

    _at_once(server, 3, act)
    (kept,) = breaks.listed()
    assert (kept.state, kept.seen_count) == ("explained", 21)
    assert _states(kept) == ["open", *["explained"] * 10]


def test_a_flood_of_new_breaks_is_counted_and_not_kept(
    breaks: Breaks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pm.breaks.kept.NEW_MAX", 3)
    breaks.record([_found("12", subject="old")], _everything, "", 1)
    flood = [_found("12", subject=f"new{number}") for number in range(5)]
    outcome = breaks.record([*flood, _found("12", subject="old")], _everything, "", 2)
    assert (outcome.found, outcome.new, outcome.left_out, outcome.open) == (6, 3, 2, 4)
    assert breaks.record(flood, _everything, "", 3).resolved == 1, (
        "the old one, which was not found"
    )
