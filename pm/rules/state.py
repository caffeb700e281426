"""The state of a book between two entries: what a journal folds into.

Only what the journal decides is here. Each record carries the seq of the entry that last changed
it. Keys are the text keys of the store without their prefix, so that both can be compared name by
name.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

from pm.decimals import Amount
from pm.rules.balances import Balance
from pm.rules.digest import GENESIS_DIGEST
from pm.rules.facts import Place, Terms
from pm.rules.orders import Order
from pm.rules.pending import Pending
from pm.rules.position import Position
from pm.rules.seen import SeenIds
from pm.rules.totals import AttributionRow, Totals
from pm.rules.traces import Trace

RESULTS = ("applied", "duplicate", "covered", "stale", "noted", "refused", "declined")


class PositionRecord(NamedTuple):
    """A position with whose it is, its terms as last told and where it lies."""

    strategy: str
    instrument: str
    terms: Terms
    place: Place
    position: Position
    seq: int


class BalanceRecord(NamedTuple):
    """A balance with where it lies."""

    location: str
    chain_id: str
    token: str
    balance: Balance
    last_update: str
    seq: int


class OrderRecord(NamedTuple):
    """An order with the time of its last news, ns as text."""

    order: Order
    told_at: str
    seq: int


@dataclass(slots=True)
class StrategyRecord:
    """A strategy's totals; times are ns as text."""

    inception_time: str
    last_update_time: str = ""
    totals: Totals = field(default_factory=Totals)
    seq: int = 0


@dataclass(slots=True)
class AttributionDay:
    """A strategy's attribution of one day, rows by venue and instrument."""

    rows: dict[str, AttributionRow] = field(default_factory=dict)
    seq: int = 0


@dataclass(slots=True)
class BookState:
    """Everything a book knows; keys as in the store, e.g. "7:binance.coin.BTCUSDT"."""

    schema: str = ""
    name: str = ""
    reference_version: str = "0"
    seq: int = 0
    digest: str = GENESIS_DIGEST
    previous_update: int = 0
    seen: SeenIds = field(default_factory=SeenIds)
    cursors: dict[str, str] = field(default_factory=dict)
    counters: dict[str, int] = field(default_factory=lambda: dict.fromkeys(RESULTS, 0))
    totals: Totals = field(default_factory=Totals)
    in_flight: dict[str, Amount] = field(default_factory=dict)
    receivables: dict[str, Amount] = field(default_factory=dict)
    traces_ended: dict[str, int] = field(default_factory=lambda: {"expired": 0, "stranded": 0})
    positions: dict[str, PositionRecord] = field(default_factory=dict)
    holders: dict[str, set[str]] = field(default_factory=dict)
    balances: dict[str, BalanceRecord] = field(default_factory=dict)
    orders: dict[str, OrderRecord] = field(default_factory=dict)
    traces: dict[str, tuple[Trace, int]] = field(default_factory=dict)
    pendings: dict[str, tuple[Pending, int]] = field(default_factory=dict)
    strategies: dict[str, StrategyRecord] = field(default_factory=dict)
    attribution: dict[str, AttributionDay] = field(default_factory=dict)

    def order(self, key: str) -> Order | None:
        """The order under `key`, None when nothing was told of it."""
        found = self.orders.get(key)
        return None if found is None else found.order

    def trace(self, trace_id: str) -> Trace | None:
        """The trace of that id, None before its first step and once it is archived."""
        found = self.traces.get(trace_id)
        return None if found is None else found[0]

    def pending(self, pending_id: str) -> Pending | None:
        """The transfer or dividend of that id, ended or not, None when there was none."""
        found = self.pendings.get(pending_id)
        return None if found is None else found[0]

    def balance(self, key: str) -> Balance | None:
        """A balance, None when nothing ever moved it."""
        found = self.balances.get(key)
        return None if found is None else found.balance

    def record(self, strategy: str, instrument: str) -> PositionRecord | None:
        """A strategy's position in an instrument, None when it never had one."""
        return self.positions.get(f"{strategy}:{instrument}")
