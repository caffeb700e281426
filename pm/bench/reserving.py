"""What it takes to reserve and to release, alone and with others on the same balance.

At the end all ask together for twice what is left, and the balance must have given what it had and
no more: what the book says is reserved is compared with what the callers were told.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Final, NamedTuple

from pm.bench.book import open_bench_book
from pm.bench.errors import BenchError
from pm.bench.figures import Latency, Result, Row
from pm.bench.private_server import Appendfsync, private_server
from pm.bench.reserving_process import Done, Reserver, Work, reservers
from pm.bench.scale import Scale
from pm.bench.workload import QUOTE, VENUE, Spread, reference_of
from pm.books import reference_store
from pm.client import Balance, Client
from pm.client.capital import Capital
from pm.connect import connect
from pm.decimals import ZERO, Amount, divide

PART: Final = "reserve"

_APPENDFSYNC: Final[tuple[Appendfsync, ...]] = ("everysec", "always")
_PROCESSES: Final = (1, 4)
_ROUNDS: Final = 3
_WORKS: Final[tuple[Work, ...]] = ("HSET", "reserve", "release")
_DEPOSIT: Final = Amount.parse("1000000000")
_RESERVED: Final = Amount.parse("1234.56780012")
_RELEASED: Final = Amount.parse("1000.00000012")
_DECIMALS: Final = 8
_SPREAD: Final = Spread(positions=12, side=12)


class _Case(NamedTuple):
    """One kind of call, by so many processes at once."""

    appendfsync: Appendfsync
    processes: int
    work: Work


@dataclass(slots=True)
class _Spent:
    """What the calls of one kind took, in ns, and how many were made a second, round by round."""

    times_ns: list[int] = field(default_factory=list)
    rates: list[float] = field(default_factory=list)

    def add(self, done: Sequence[Done]) -> None:
        """What the processes did at the same time."""
        calls = [time for part in done for time in part.times_ns]
        lasted_ns = max(part.ended for part in done) - min(part.started for part in done)
        self.times_ns += calls
        self.rates.append(len(calls) * 1e9 / lasted_ns)


def measure_reserving(scale: Scale) -> Result:
    """Under both settings of the disk by one process and by all, in turns; last, the rush."""
    spent: dict[_Case, _Spent] = defaultdict(_Spent)
    reserved = ZERO
    with private_server(scale.program, "always") as target:
        _open_book(target)
        with reservers(target, max(_PROCESSES)) as found, connect(target, role="bench") as client:
            for number in range(_ROUNDS):
                scale.say(f"round {number + 1} of {_ROUNDS}")
                for appendfsync in _APPENDFSYNC:
                    client.config_set("appendfsync", appendfsync)
                    for processes in _PROCESSES:
                        case = _Case(appendfsync, processes, "HSET")
                        reserved += _work(found[:processes], case, scale.reservations, spent)
            note = _rush(target, found, scale.reservations, reserved)
    rows = tuple(
        _row(case, spent[case], spent[case._replace(work="HSET")])
        for case in spent
        if case.work != "HSET"
    )
    return Result(
        PART,
        "Reserving and releasing on one balance",
        rows,
        ("HSET: bare, under the same appendfsync, by as many processes at once, in turns", note),
    )


def _open_book(target: str) -> None:
    with connect(target, role="bench", decode=False) as client, Capital.open(target) as capital:
        reference_store.merge(client, reference_of(_SPREAD))
        open_bench_book(client)
        capital.deposit(_DEPOSIT, QUOTE, venue=VENUE)


def _work(
    found: Sequence[Reserver], case: _Case, calls: int, spent: Mapping[_Case, _Spent]
) -> Amount:
    """Every kind of call, one after the other; how much more is reserved after them."""
    more = ZERO
    for work in _WORKS:
        done = _together(found, work, calls, _RELEASED if work == "release" else _RESERVED)
        if any(part.declined for part in done):
            raise BenchError("a reservation was declined on a balance that has enough")
        spent[case._replace(work=work)].add(done)
        moved = sum((part.amount for part in done), ZERO)
        more = more - moved if work == "release" else more + moved
    return more


def _rush(target: str, found: Sequence[Reserver], calls: int, reserved: Amount) -> str:
    """Ask for twice what is left; a line that says what was given."""
    with Client.open(target) as client:
        left = _balance(client).available
        asks = calls * len(found)
        # A little less than that, so that no rounding keeps one from its share.
        amount = divide(left + left, Amount(asks), _DECIMALS) - Amount(1, _DECIMALS)
        done = _together(found, "rush", calls, amount)
        accepted = sum((part.amount for part in done), ZERO)
        declined = sum(part.declined for part in done)
        after = _balance(client)
    if after.reserved != reserved + accepted or after.reserved + after.available != _DEPOSIT:
        raise BenchError(
            f"{reserved + accepted} of {_DEPOSIT} were accepted, but {after.reserved} are reserved"
            f" and {after.available} available"
        )
    if not declined or after.available.sign < 0 or after.available >= amount:
        raise BenchError(f"{declined} of {asks} were declined, and {after.available} are left")
    return (
        f"last, of {asks:,} asking for twice what was left {asks - declined:,} were accepted;"
        f" reserved is what was accepted, {after.reserved}"
    )


def _together(found: Sequence[Reserver], work: Work, calls: int, amount: Amount) -> list[Done]:
    for reserver in found:
        reserver.start(work, calls, amount)
    return [reserver.wait() for reserver in found]


def _balance(client: Client) -> Balance:
    balance = client.balance(VENUE, QUOTE)
    if balance is None:
        raise BenchError("the book does not know its balance")
    return balance


def _row(case: _Case, spent: _Spent, beside: _Spent) -> Row:
    found, bare = Latency.of(spent.times_ns), Latency.of(beside.times_ns)
    return {
        "appendfsync": case.appendfsync,
        "call": case.work,
        "processes": case.processes,
        "calls/s": int(median(spent.rates)),
        "p50 µs": found.p50,
        "p99 µs": found.p99,
        "HSET p50 µs": bare.p50,
        "HSET p99 µs": bare.p99,
        "p50 ratio": found.p50 / bare.p50,
        "p99 ratio": found.p99 / bare.p99,
    }
