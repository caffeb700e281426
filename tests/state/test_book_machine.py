"""A book lives through anything, in any order, and is right at every quiet point.

Events of every kind, repeats and other splits, faults inside calls, crashes of the server: whatever
came before, the book verifies, and so does every copy of it that saw only the events.
"""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from pm.books import opening
from pm.rules.book import Book
from pm.verify import verify_book
from tests.random_books import RandomLife
from tests.servers import ServerProcess, StartServer, flush
from tests.state import facts
from tests.state.books import BOOK, LaneFeed, contents, journal_of, prepared
from tests.state.faults import Faults, InjectedFault
from tests.state.marked import members, set_prices

ORDERS = st.integers(1, 4)
SIZES = st.sampled_from(["0.5", "1", "2", "3.000000000000000001"])
PRICES = st.sampled_from(["100", "101.5", "0.000000000000000007"])
SIDES = st.sampled_from(["", "-"])
FEES = st.lists(
    st.tuples(
        st.sampled_from(["BTC", "USDT", "BNB"]),
        st.sampled_from(["0.001", "-0.002"]),
        st.sampled_from(["trading", "gas"]),
    ).map(list),
    max_size=2,
)


class BookMachine(RuleBasedStateMachine):
    """Events wait in a lane until a batch takes them."""

    server: ClassVar[ServerProcess]
    faults: ClassVar[Faults]

    is_open = is_checked = False

    @initialize(generation_size=st.sampled_from([3, 8, 1000]), seed=st.integers(0, 10_000))
    def open_book(self, generation_size: int, seed: int) -> None:
        if not self.server.running:
            self.server.start()
        flush(self.server)
        self.events: list[facts.Facts] = []
        self.number = 0
        self.life = RandomLife(seed, generation_size=None)
        self._connect()
        opening.open_book(self.client, BOOK, seen_generation_size=generation_size)
        self.is_open = True

    @rule(order=ORDERS, side=SIDES, size=SIZES, price=PRICES, fees=FEES, traced=st.booleans())
    def fill(
        self, order: int, side: str, size: str, price: str, fees: list[Any], traced: bool
    ) -> None:
        event = facts.fill(f"O{order}", side + size, price, fees=fees, strategy=f"{order % 3}")
        event["id"] = f"binance/O{order}/told-{self.number}"
        self._add({**event, "trace": facts.TRACE} if traced else event)

    @rule(
        order=ORDERS,
        side=SIDES,
        size=SIZES,
        told=st.sampled_from(["partial", "filled", "cancelled", "rejected", "unknown"]),
        fees=st.none() | FEES,
    )
    def cumulative_result(
        self, order: int, side: str, size: str, told: str, fees: list[Any] | None
    ) -> None:
        event = facts.result(f"O{order}", side + size, told, strategy=f"{order % 3}")
        event["id"] = f"event/told-{self.number}"
        self._add(event if fees is None else {**event, "fees": fees})

    @rule(amount=SIZES, side=SIDES)
    def deposit(self, amount: str, side: str) -> None:
        event = facts.deposit("USDT", side + amount)
        self._add({**event, "id": f"event/told-{self.number}"})

    @rule(order=ORDERS, status=st.sampled_from(["open", "cancelled", "expired"]))
    def order_status(self, order: int, status: str) -> None:
        event = facts.order_status(f"O{order}", status)
        self._add({**event, "id": f"event/told-{self.number}"})

    @rule(count=st.integers(1, 6))
    def live_on(self, count: int) -> None:
        for text in self.life.take(count):
            self._append(json.loads(text))

    @rule()
    def something_unreadable(self) -> None:
        self._add(facts.quarantined())

    @rule(back=st.integers(1, 10))
    def tell_again(self, back: int) -> None:
        if self.events:
            self._append(self.events[-min(back, len(self.events))])

    @rule(price=st.sampled_from(["", "0", "101.5"]))
    def mark(self, price: str) -> None:
        set_prices(self.client, dict.fromkeys(members(contents(self.client)), price))

    @rule(size=st.integers(1, 8))
    def take(self, size: int) -> None:
        if self.waiting:
            self.feed.apply(size)
            self.is_checked = False

    @rule(size=st.integers(1, 8), command=st.integers(20, 120))
    def take_and_fail(self, size: int, command: int) -> None:
        if self.waiting:
            self._fail("apply", command, size)

    @rule(command=st.integers(1, 120), again=st.integers(1, 60))
    def fail_twice(self, command: int, again: int) -> None:
        if self.waiting:
            self._fail("apply", command, 8)
            self._fail("redo", again, 8)

    @rule()
    def crash(self) -> None:
        self.server.kill()
        self.server.start()
        self._connect()
        self.is_checked = False

    @rule()
    def another_worker(self) -> None:
        self._connect()

    @precondition(lambda self: self.is_open and not self.is_checked)
    @invariant()
    def nothing_is_wrong_unless_torn(self) -> None:
        report = verify_book(self.client, BOOK)
        head = opening.head(self.client, BOOK)
        assert head is not None
        assert report.is_whole == (report.seq == head.seq), report.differences
        self.is_checked = True

    def teardown(self) -> None:
        """All that waits is taken, and is what the events alone make."""
        if not self.is_open:
            return
        self.faults.armed.clear()
        while self.waiting:
            outcome = self.feed.apply(50)
            # after mending, what waited may have been done
            assert outcome.status in ("applied", "already", "cursor"), outcome
        entries = journal_of(contents(self.client))[1]
        alone = Book()
        alone.apply(entries[0][1][b"facts"].decode())
        for event in self.feed.events:
            alone.apply(event.text)
        head = opening.head(self.client, BOOK)
        assert head is not None
        assert (head.seq, head.digest) == (alone.state.seq, alone.state.digest)
        assert verify_book(self.client, BOOK).is_whole

    @property
    def waiting(self) -> int:
        """Events the book has not taken."""
        return len(self.feed.events) - self.feed.done

    def _add(self, event: facts.Facts) -> None:
        self.number += 1
        when = facts.START + self.number * facts.SECOND
        times = {"received_at": str(when)}
        if event["kind"] != "quarantined":
            times |= {"executed_at": str(when), "day": "2023-11-14"}
        self._append({"kind": event["kind"], **times, **event})

    def _append(self, event: facts.Facts) -> None:
        place = {"lane": "executions", "entry": f"{len(self.events) + 1}-0"}
        self.events.append({**event, **place, "index": "0", "of": "1"})
        self._feed()

    def _connect(self) -> None:
        self.client = self.server.client(decode=False, timeout_s=30.0)
        self.faults.load(self.client)
        self._feed()

    def _feed(self) -> None:
        self.feed = LaneFeed(self.client, prepared(*self.events))

    def _fail(self, entry: str, command: int, size: int) -> None:
        self.faults.armed = {entry: command}
        with suppress(InjectedFault):
            if self.waiting:
                self.feed.apply(size)
        self.is_checked = False
        self.faults.armed.clear()


def _live(start_server: StartServer, faults: Faults, examples: int, steps: int) -> None:
    started = {"server": start_server("valkey", appendfsync="always"), "faults": faults}
    run_state_machine_as_test(
        type("BookOnServer", (BookMachine,), started),
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            print_blob=True,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_a_book_survives_anything(start_server: StartServer, faults: Faults) -> None:
    _live(start_server, faults, examples=15, steps=30)


@pytest.mark.slow
def test_a_book_survives_anything_for_long(start_server: StartServer, faults: Faults) -> None:
    _live(start_server, faults, examples=80, steps=60)
