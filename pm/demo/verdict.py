"""The proof at the end: every book against the rules in Python, and against the day's own sums.

What the books hold is compared first, then what they say it is worth at the last marks. Then they
are archived, made once more from the archive on another server, and held against what a venue says.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import redis

from pm.demo.appraisal import Appraisal, appraise
from pm.demo.archived import archive_books
from pm.demo.check import differences, worth_differences
from pm.demo.delivery import Delivery
from pm.demo.desk import BOOKS
from pm.demo.elsewhere import rebuild_elsewhere
from pm.demo.scenario import Scenario
from pm.demo.screen import Screen
from pm.demo.statement import VENUE, reconcile_with, write_statement
from pm.demo.summary import money, summary_lines
from pm.demo.system import System
from pm.demo.view import View, read_view
from pm.demo.worth import worth_of
from pm.verify import verify_book

_SHOWN_DIFFERENCES: Final = 10


def give_verdict(system: System, scenario: Scenario, delivery: Delivery, screen: Screen) -> bool:
    """Mark to market, say what was verified and what was not right; True if all of it was."""
    client = system.client
    appraisal = appraise(client, system.settings)
    view = read_view(client, BOOKS)
    screen.finish(view, summary_lines(appraisal))
    books_right = [_verify(client, book, screen) for book in BOOKS]
    sums_right = _compare_sums(client, scenario, screen)
    worth_right = _compare_worth(appraisal, scenario, screen)
    rebuilt_right = _rebuild(system, screen)
    statement_right = _reconcile(system, scenario, screen)
    _say_disturbances(delivery, view, screen)
    checks = (*books_right, sums_right, worth_right, rebuilt_right, statement_right)
    is_right = all(checks)
    screen.say("")
    if is_right:
        screen.say("Every book is right: each execution counts once, to the last digit.")
    else:
        screen.say("A BOOK IS WRONG; see the differences above.")
    return is_right


def _verify(client: redis.Redis, book: str, screen: Screen) -> bool:
    report = verify_book(client, book)
    if report.is_whole:
        screen.say(
            f"verified  book {book}: {report.entries:,} journal entries recomputed in Python,"
            f" {report.keys:,} keys compared: all equal"
        )
        return True
    screen.say(f"WRONG     book {book}: {report.difference_count} differences from the rules")
    _say_some(report.differences, screen)
    return False


def _compare_sums(client: redis.Redis, scenario: Scenario, screen: Screen) -> bool:
    found = differences(client, scenario.expected, BOOKS)
    positions, balances = len(scenario.expected.positions), len(scenario.expected.balances)
    if not found:
        screen.say(
            f"verified  {positions} positions and {balances} balances are what"
            f" {scenario.executions:,} executions, one busted, one corrected, add up to in"
            " arithmetic of the demo's own"
        )
        return True
    screen.say(f"WRONG     {len(found)} figures are not what the executions add up to")
    _say_some(found, screen)
    return False


def _compare_worth(appraisal: Appraisal, scenario: Scenario, screen: Screen) -> bool:
    worth = worth_of(scenario.expected, scenario.close.prices)
    found = worth_differences(appraisal, worth)
    if not found:
        whole = appraisal.whole.valuation
        assert whole is not None, "compared with what is expected"
        screen.say(
            f"verified  equity {money(whole.equity)} USD and unrealized P&L"
            f" {money(whole.unrealized_pnl)} USD, of {len(worth.equity_of_strategies)} strategies"
            f" and {len(BOOKS)} books, are what that arithmetic arrives at"
        )
        return True
    screen.say(f"WRONG     {len(found)} figures are not what the books are worth")
    _say_some(found, screen)
    return False


def _rebuild(system: System, screen: Screen) -> bool:
    archived = archive_books(system.client, system.settings)
    made = rebuild_elsewhere(system.writer, system.start_empty_server(), system.settings)
    if not made.differences:
        screen.say(
            f"rebuilt   {len(BOOKS)} books on an empty server from {archived.entries:,} archived"
            f" events ({archived.size_bytes / archived.entries:.0f} bytes an event): the same"
            f" digests, the same {made.keys:,} keys, in {made.took_s:.1f} s"
        )
        return True
    screen.say(f"WRONG     {len(made.differences)} figures are not what the archive makes of them")
    _say_some(made.differences, screen)
    return False


def _reconcile(system: System, scenario: Scenario, screen: Screen) -> bool:
    path = system.folder.statement
    write_statement(path, scenario.expected)
    report = reconcile_with(system.writer, system.settings, path)
    if not report.found:
        screen.say(f"agreed    {VENUE}'s statement: {report.compared} balances, no break")
        return True
    screen.say(f"WRONG     {len(report.found)} figures are not what {VENUE}'s statement says")
    found = [f"{each.subject}: is {each.ours}, should be {each.theirs}" for each in report.found]
    _say_some(found, screen)
    return False


def _say_disturbances(delivery: Delivery, view: View, screen: Screen) -> None:
    done = delivery.disturbances
    screen.say(
        f"endured   {done.repeated} frames sent twice, {done.damaged} with a flipped bit,"
        f" {done.cut_off} cut off, {done.garbage} times garbage,"
        f" cut over {len(delivery.chunks):,} writes"
    )
    screen.say(
        f"          {view.count('duplicate'):,} repeated events, and {view.count('covered'):,} told"
        f" another way, changed nothing; {view.quarantined} damaged pieces are in quarantine"
    )


def _say_some(lines: Sequence[str], screen: Screen) -> None:
    for line in lines[:_SHOWN_DIFFERENCES]:
        screen.say(f"          {line}")
    if len(lines) > _SHOWN_DIFFERENCES:
        screen.say(f"          ... and {len(lines) - _SHOWN_DIFFERENCES} more")
