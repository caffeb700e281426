"""What goes between books is in exactly one place, or it is a break."""

from __future__ import annotations

from typing import Any

import pytest
import redis

from pm import keys
from pm.breaks.kept import Breaks
from pm.breaks.record import Break
from pm.history import History
from pm.reconcile.across import reconcile_across
from tests.client.facts import BookWriter, deposit
from tests.servers import AnyServer


class Firm:
    """Two books and transfers between them, told step by step."""

    def __init__(self, server: AnyServer) -> None:
        self.client: redis.Redis = server.client(decode=False)
        self.books = {name: BookWriter(server.client(), name) for name in ("main", "other")}
        self.number = 0
        self.books["main"].apply(self._event(deposit(0, "USDT", "1000")))

    def _event(self, facts: dict[str, Any]) -> dict[str, Any]:
        self.number += 1
        return {**facts, "entry": f"{self.number}-0", "id": facts.get("id", "")}

    def _step(self, book: str, step: str, name: str, **more: str) -> None:
        facts = deposit(0, "USDT", "0")
        kept = ("lane", "index", "of", "received_at", "executed_at", "day")
        told = {"kind": "transfer", "id": f"transfer/{name}/{step}", "transfer": name, "step": step}
        base = {**{key: facts[key] for key in kept}, **told, "token": "USDT", **more}
        self.books[book].apply(self._event(base))

    def sent(self, name: str = "T1") -> None:
        place = {"from_location": "binance", "from_chain_id": "0"}
        self._step("main", "sent", name, amount="10", to_book="other", **place)

    def arrived_there(self, name: str = "T1", arrived: str = "9.5") -> None:
        place = {"to_location": "kraken", "to_chain_id": "0"}
        self._step("other", "arrived", name, arrived=arrived, from_book="main", **place)

    def arrived_here(self, name: str = "T1") -> None:
        place = {"to_location": "kraken", "to_chain_id": "0"}
        self._step("main", "arrived", name, arrived="9.5", to_book="other", **place)

    def failed(self, name: str = "T1") -> None:
        self._step("main", "failed", name)

    def reconcile(self, *, full: bool = False) -> list[Break]:
        """Run, and the breaks that are open."""
        reconcile_across(self.client, History(self.client), "main", now_ns=1, full=full)
        return Breaks(self.client, "main").listed(only_open=True)


@pytest.fixture
def firm(server: AnyServer) -> Firm:
    return Firm(server)


@pytest.mark.parametrize("every_step", [True, False])
def test_a_transfer_that_completes_leaves_nothing_open(firm: Firm, every_step: bool) -> None:
    firm.sent()
    assert not every_step or firm.reconcile() == []
    firm.arrived_there()
    if every_step:
        (found,) = firm.reconcile()
        assert found.subject == "main>other:T1"
        assert found.detail.startswith("counts twice")
        assert (found.first_book, found.first_seq) == ("other", firm.books["other"].seq())
    firm.arrived_here()
    assert firm.reconcile() == []
    assert firm.reconcile(full=True) == []


@pytest.mark.parametrize("full", [True, False])
def test_what_ended_here_and_never_arrived_there_is_nowhere(firm: Firm, full: bool) -> None:
    firm.sent()
    firm.reconcile()
    firm.arrived_here()
    (found,) = firm.reconcile(full=full)
    assert found.detail == "is nowhere: ended here and never arrived there"
    assert (found.ours, found.theirs) == ("arrived 9.5 USDT", "")
    firm.arrived_there()
    assert firm.reconcile(full=full) == []


def test_what_came_back_and_arrived_as_well_counts_twice(firm: Firm) -> None:
    firm.sent()
    firm.arrived_there()
    firm.failed()
    (found,) = firm.reconcile()
    assert found.detail == "counts twice: arrived there and came back here"
    assert (found.ours, found.theirs) == ("failed 10 USDT", "arrived 9.5 at kraken")
    assert [again.id for again in firm.reconcile()] == [found.id], "looked at again"


def test_what_arrived_as_something_else_is_told(firm: Firm) -> None:
    firm.sent()
    firm.arrived_there(arrived="9")
    firm.arrived_here()
    (found,) = firm.reconcile()
    assert found.detail == "arrived there as something else than here"


def test_what_was_never_sent_is_told(firm: Firm) -> None:
    firm.arrived_there("T9")
    (found,) = firm.reconcile()
    assert (found.subject, found.detail) == ("main>other:T9", "arrived, and was never sent")


def test_only_new_entries_are_read(firm: Firm) -> None:
    firm.sent()
    firm.reconcile()
    first = f"{firm.books['main'].seq()}-0"
    assert firm.client.xtrim(keys.journal("main"), minid=first, approximate=False)
    firm.arrived_there()
    firm.arrived_here()
    assert firm.reconcile() == []
