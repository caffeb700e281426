"""The laws hold over any mix of events, and each law tells when it does not."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pm.decimals import ONE, ZERO, Amount
from pm.rules.book import Book
from pm.rules.journal import Entry
from pm.rules.laws import differences
from pm.rules.orders import FINAL_STATUSES
from pm.rules.tally import Tally
from tests.pure.rules_events import EQUITY, INVERSE, OPTION, PERPETUAL, SPOT, STARTED_NS, Journal

TERMS = [SPOT, SPOT | {"dust": "0.5"}, PERPETUAL, INVERSE, OPTION, EQUITY]
CANONICAL = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]*[1-9])?")
HELD = "7:binance.coin.BTCUSDT"
LADDER_RESULTS = {"applied", "duplicate", "covered", "stale", "noted", "refused", "declined"}


def decimal(low: int, high: int, scales: tuple[int, ...]) -> st.SearchStrategy[str]:
    """Canonical decimals of mantissa low to high at one of the scales."""
    return st.builds(
        lambda mantissa, scale: str(Amount(mantissa, scale)),
        st.integers(low, high),
        st.sampled_from(scales),
    )


QUANTITY = st.one_of(decimal(-9, 9, (0, 1)), decimal(-(10**20), 10**20, (8, 18)))
PRICE = st.one_of(decimal(1, 9, (0, 1)), decimal(1, 10**12, (2, 8, 18)))
AMOUNT = decimal(0, 10**9, (2, 8))
FEES = st.lists(
    st.tuples(
        st.sampled_from(["BTC", "USDT", "USD", "BNB"]),
        decimal(-5, 20, (2, 3, 20)),
        st.sampled_from(["trading", "gas"]),
    ),
    max_size=3,
)


@st.composite
def event(draw: st.DrawFn) -> dict[str, Any]:
    """Facts of one event, all of it drawn but its place and times."""
    strategy = draw(st.sampled_from(["7", "8"]))
    number = draw(st.integers(0, len(TERMS) - 1))
    kind = draw(
        st.sampled_from(
            ["fill"] * 6
            + ["execution_result"] * 3
            + ["rejected", "order_status", "deposit", "opening", "nothing", "quarantined"]
        )
    )
    facts: dict[str, Any] = {"kind": kind, "strategy": strategy, "reason": "bad_crc"}
    facts |= TERMS[number]
    facts["venue"] = facts["location"] = draw(st.sampled_from(["binance", "kraken"]))
    if kind in ("deposit", "opening"):
        facts |= {"token": "BTC", "amount": draw(QUANTITY)}
        if draw(st.booleans()):
            facts["cost"] = draw(QUANTITY)
        return facts
    if draw(st.booleans()):
        facts["order"] = f"binance:O{strategy}{number}{draw(st.integers(0, 1))}"
    facts |= {"quantity": draw(QUANTITY), "price": draw(PRICE)}
    facts["result"] = draw(st.sampled_from(["filled", "partial", "rejected", "cancelled"]))
    facts["status"] = draw(st.sampled_from(["new", "open", "rejected", "cancelled", "expired"]))
    if draw(st.booleans()):
        facts["fees"] = draw(FEES)
    if draw(st.integers(0, 4)) == 0:
        facts["quote_amount"] = draw(AMOUNT)
    if draw(st.integers(0, 3)) == 0:
        facts["trace"] = {"id": draw(st.sampled_from(["a" * 32, "b" * 32]))}
    return facts


@st.composite
def journals(draw: st.DrawFn) -> list[str]:
    """The facts of a journal from its opening on, ids and times sometimes repeating."""
    opened = {
        "kind": "opened",
        "name": "main",
        "schema": "1",
        "generation_size": str(draw(st.integers(1, 20))),
    }
    texts = [json.dumps(opened)]
    events = draw(st.lists(event(), min_size=1, max_size=25))
    for number, facts in enumerate(events):
        executed_at = STARTED_NS + draw(st.integers(max(0, number - 15), number))
        facts |= {
            "lane": "executions",
            "entry": f"{number}-0",
            "executed_at": str(executed_at),
            "received_at": str(STARTED_NS + number),
            "day": "2023-11-14",
        }
        if facts["kind"] not in ("nothing", "quarantined"):
            facts["id"] = f"event/{draw(st.integers(max(0, number - 1), number))}"
        texts.append(json.dumps(facts))
    return texts


def folded(texts: list[str]) -> tuple[Book, Tally, list[Entry]]:
    book, tally, entries = Book(), Tally(), []
    for text in texts:
        entry = book.apply(text)
        tally.add(entry)
        entries.append(entry)
    return book, tally, entries


@settings(max_examples=300, deadline=None)
@given(journals())
def test_the_laws_hold_over_any_mix_of_events(texts: list[str]) -> None:
    book, tally, _ = folded(texts)

    assert differences(book.state, tally) == []


@settings(max_examples=60, deadline=None)
@given(journals())
def test_every_number_written_is_canonical_text(texts: list[str]) -> None:
    def check(value: Any, name: str) -> None:
        if isinstance(value, dict):
            for key, inner in value.items():
                check(inner, key)
        elif isinstance(value, list):
            for inner in value:
                check(inner, name)
        elif value is not None and name not in NAMES:
            assert CANONICAL.fullmatch(value), f"{name}: {value}"

    for entry in folded(texts)[2]:
        assert entry.result in LADDER_RESULTS
        for name in ("legs", "changes", "order", "trace", "contribution"):
            text = getattr(entry, name)
            if text:
                parsed = json.loads(text)
                assert json.dumps(parsed, separators=(",", ":")) == text
                check(parsed, name)


NAMES = frozenset(
    [
        "type",
        "strategy_id",
        "instrument",
        "location",
        "token",
        "key",
        "strategy",
        "status",
        "day",
        "venue",
        "base",
        "quote",
        "settlement",
        "trip",
        "order",
        "id",
        "numeraire",
        "traded",
        "step_type",
        "instrument_id",
        "filled_at",
    ]
)


@settings(max_examples=60, deadline=None)
@given(journals())
def test_an_order_never_runs_behind_its_fills_or_its_reports(texts: list[str]) -> None:
    book, _, entries = folded(texts)

    for order, _, _ in book.state.orders.values():
        reach = max(abs(order.fill_quantity), abs(order.result_quantity))
        assert abs(order.quantity) == reach
        assert bool(order.filled_at) == bool(order.quantity)
    ended = [
        json.loads(entry.order)["key"]
        for entry in entries
        if entry.contribution and json.loads(entry.contribution).get("order") == "filled"
    ]
    assert len(ended) == len(set(ended))


@settings(max_examples=60, deadline=None)
@given(journals())
def test_changes_link_old_to_new_without_a_gap(texts: list[str]) -> None:
    last: dict[str, Any] = {}
    for entry in folded(texts)[2]:
        for change in json.loads(entry.changes):
            key = change.get("token", change.get("strategy_id")) + (
                change.get("location") or change["instrument"]
            )
            assert change["old"] == last.get(key)
            last[key] = change["new"]


@settings(max_examples=30, deadline=None)
@given(journals())
def test_the_same_facts_give_the_same_book_to_the_last_byte(texts: list[str]) -> None:
    first, _, entries = folded(texts)
    again, _, others = folded([entry.facts for entry in entries])

    assert entries == others
    assert first.expected_state() == again.expected_state()


@settings(max_examples=60, deadline=None)
@given(journals())
def test_a_final_status_never_becomes_a_passing_one(texts: list[str]) -> None:
    statuses: dict[str, str] = {}
    for entry in folded(texts)[2]:
        if entry.order:
            order = json.loads(entry.order)
            if statuses.get(order["key"]) in FINAL_STATUSES:
                assert order["status"] in FINAL_STATUSES
            statuses[order["key"]] = order["status"]


def traded_journal() -> Journal:
    journal = Journal()
    journal.fill("1", "100", fees=[["USDT", "1", "trading"]], order="binance:O1")
    journal.fill("-1", "110")
    journal.fill("1", "120")
    journal.deposit("USDT", "200", strategy=None, instrument=None)
    journal.reserve("USDT", "5", order="binance:O2")
    journal.event(
        "transfer",
        {},
        transfer="T1",
        step="sent",
        token="USDT",
        amount="9",
        from_location="binance",
    )
    assert journal.differences() == []
    return journal


def miscount_quantity(journal: Journal) -> None:
    journal.tally.quantities["7:binance.coin.BTCUSDT"] += ONE


def miscount_notional(journal: Journal) -> None:
    journal.tally.notionals["7:binance.coin.BTCUSDT"] += ONE


def lose_position(journal: Journal) -> None:
    del journal.book.state.positions["7:binance.coin.BTCUSDT"]


def lose_balance(journal: Journal) -> None:
    del journal.book.state.balances["binance:USDT"]


def unbalance_parts(journal: Journal) -> None:
    record = journal.book.state.balances["binance:USDT"]
    journal.book.state.balances["binance:USDT"] = record._replace(
        balance=replace(record.balance, available=ZERO)
    )


def miscount_strategy(journal: Journal) -> None:
    journal.book.state.strategies["7"].totals.counts.trade_count += 1


def misadd_strategy(journal: Journal) -> None:
    journal.book.state.strategies["7"].totals.fees_paid["USDT"] += ONE


def misadd_book(journal: Journal) -> None:
    journal.book.state.totals.volume["USDT"] += ONE


def misadd_row(journal: Journal) -> None:
    day = journal.book.state.attribution["7:2023-11-14"]
    day.rows["binance:binance.coin.BTCUSDT"].counts.trips["won"] += 1


def misadd_quantity_of_row(journal: Journal) -> None:
    day = journal.book.state.attribution["7:2023-11-14"]
    day.rows["binance:binance.coin.BTCUSDT"].quantity += ONE


def misadd_notional_of_row(journal: Journal) -> None:
    day = journal.book.state.attribution["7:2023-11-14"]
    day.rows["binance:binance.coin.BTCUSDT"].notional += ONE


def misadd_carry(journal: Journal) -> None:
    journal.book.state.strategies["7"].totals.carry["USDT"] = ONE


def misadd_allocated(journal: Journal) -> None:
    journal.book.state.totals.allocated["USDT"] = ONE


def forget_reservation(journal: Journal) -> None:
    record = journal.book.state.orders["binance:O2"]
    entry = journal.reserve("USDT", "2", order="binance:O2")
    journal.book.state.orders["binance:O2"] = record
    assert entry.result == "applied"
    told = entry.order.replace('["7","7"', '["7","6"')
    journal.tally.add(entry._replace(order=told, result="noted"))


def lose_transfer(journal: Journal) -> None:
    del journal.book.state.pendings["transfer.T1"]


def misadd_in_flight(journal: Journal) -> None:
    journal.book.state.in_flight["USDT"] += ONE


def misadd_receivable(journal: Journal) -> None:
    journal.book.state.receivables["USDT"] = ONE


def break_chain(journal: Journal) -> None:
    entry = journal.fill("1", "100")
    journal.tally.add(entry._replace(legs="[]"))


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (miscount_quantity, "position 7:binance.coin.BTCUSDT quantity: 1, not 2"),
        (
            miscount_notional,
            "position 7:binance.coin.BTCUSDT cost - realized_pnl: 110, not 111",
        ),
        (lose_position, "position 7:binance.coin.BTCUSDT quantity: 0, not 1"),
        (lose_balance, "balance binance:USDT total: 0, not 80"),
        (unbalance_parts, "balance binance:USDT available + reserved: 5, not 80"),
        (forget_reservation, "balance binance:USDT reserved: 7, not 6"),
        (lose_transfer, "book in_flight USDT: 9, not 0"),
        (misadd_in_flight, "book in_flight by effects USDT: 10, not 9"),
        (misadd_receivable, "book receivables USDT: 1, not 0"),
        (miscount_strategy, "strategy 7 trade_count: 4, not 3"),
        (misadd_strategy, "strategy 7 fees_paid USDT: 2, not 1"),
        (misadd_book, "book volume USDT: 331, not 330"),
        (misadd_row, "attribution of strategy 7 trips_won: 2, not 1"),
        (misadd_quantity_of_row, f"attribution of position {HELD} quantity: 2, not 1"),
        (misadd_notional_of_row, f"attribution of position {HELD} notional: 111, not 110"),
        (misadd_carry, "strategy 7 carry USDT: 1, not 0"),
        (misadd_allocated, "book allocated USDT: 1, not 0"),
        (break_chain, "entry 8: digest does not follow from its fields"),
    ],
)
def test_each_law_tells_what_differs(damage: Callable[[Journal], None], told: str) -> None:
    journal = traded_journal()

    damage(journal)

    assert told in journal.differences()
