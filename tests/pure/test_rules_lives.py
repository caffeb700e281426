"""Random lives with every kind of event: the laws hold, entries agree with what they changed."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from functools import cache

import pytest

from pm.decimals import ZERO, Amount
from pm.rules.book import Book
from pm.rules.journal import Entry
from pm.rules.laws import differences
from pm.rules.tally import Tally
from tests.random_books import RandomLife

SEEDS = range(15)
EVENTS = 300
KINDS = {
    *("fill", "execution_result", "rejected", "order_status", "deposit", "opening"),
    *("withdrawal", "allocation", "reserve", "release", "transfer", "funding", "dividend"),
    *("split", "expiry", "exercise", "settlement", "fee_value"),
    *("trace_expired", "trace_archived"),
    *("bust", "correct", "restatement", "correction_failed", "adjustment"),
}


@cache
def lived(seed: int) -> tuple[Book, Tally, tuple[Entry, ...]]:
    """A book after a random life."""
    book, tally = Book(), Tally()
    size = str((5, 50, 100_000)[seed % 3])
    opened = {"kind": "opened", "name": "main", "schema": "2", "generation_size": size}
    entries = []
    for text in (json.dumps(opened), *RandomLife(seed).take(EVENTS)):
        entries.append(book.apply(text))
        tally.add(entries[-1])
    return book, tally, tuple(entries)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_laws_hold(seed: int) -> None:
    book, tally, _ = lived(seed)

    assert differences(book.state, tally) == [], f"seed {seed}"


@pytest.mark.parametrize("seed", SEEDS)
def test_changes_link_old_to_new_without_a_gap(seed: int) -> None:
    last: dict[str, object] = {}
    for entry in lived(seed)[2]:
        for change in json.loads(entry.changes):
            if change["type"] == "trace_stranded":
                continue
            key = f"{change.get('strategy_id')} {change.get('instrument')}"
            key += f" {change.get('location')} {change.get('token')}"
            assert change["old"] == last.get(key), f"seed {seed}, entry {entry.seq}"
            last[key] = change["new"]


@pytest.mark.parametrize("seed", SEEDS)
def test_an_entry_without_effect_changes_no_figure(seed: int) -> None:
    for entry in lived(seed)[2]:
        if entry.result in ("duplicate", "stale", "refused", "declined"):
            where = f"seed {seed}, entry {entry.seq}"
            assert (entry.legs, entry.changes, entry.contribution) == ("[]", "[]", ""), where
            assert (entry.order, entry.trace) == ("", ""), where


def _pnl(book: Book) -> dict[str, Amount]:
    sums: dict[str, Amount] = defaultdict(lambda: ZERO)
    for strategy, record in book.state.strategies.items():
        for token, amount in record.totals.realized_pnl.items():
            sums[f"{strategy} {token}"] += amount
    return sums


@pytest.mark.parametrize("seed", SEEDS)
def test_realized_pnl_is_what_positions_and_contributions_say(seed: int) -> None:
    book, _, entries = lived(seed)
    told: dict[str, Amount] = defaultdict(lambda: ZERO)
    for entry in entries:
        for each in _contributed(entry):
            if "realized_pnl" in each:
                told[f"{each['strategy']} {each['settlement']}"] += Amount.parse(
                    each["realized_pnl"]
                )

    held = {key: amount for key, amount in _pnl(book).items() if amount}

    assert {key: amount for key, amount in told.items() if amount} == held, f"seed {seed}"


def _contributed(entry: Entry) -> Iterator[dict[str, str]]:
    read = json.loads(entry.contribution or "[]")
    yield from read if isinstance(read, list) else [read]


def test_every_kind_and_every_reason_comes_to_pass() -> None:
    applied: Counter[str] = Counter()
    reasons = set()
    for seed in SEEDS:
        for entry in lived(seed)[2]:
            applied[entry.event] += entry.result == "applied"
            reasons.add(entry.reason)

    assert {kind for kind in KINDS if applied[kind] < 2} == set()
    assert {
        *("insufficient_balance", "order_ended", "nothing_reserved", "order_mismatch"),
        *("transfer_exists", "transfer_ended", "transfer_mismatch", "arrived_more"),
        *("rate_missing", "token_mismatch", "unattributed", "no_position"),
        *("unknown_dividend", "dividend_ended", "not_an_option", "not_a_future"),
        *("nothing_unvalued", "trace_moved", "older_than_horizon", "unknown_order"),
        *("position_moved", "correction_ended"),
    } <= reasons
