"""What lanes hold in the tests: the same seed gives the same entries, ids and times included."""

from __future__ import annotations

import random

from pm.events.message import pack
from pm.events.model import (
    CapitalFlow,
    Event,
    ExecutionResult,
    Fee,
    Fill,
    OrderStatus,
    Rejected,
    Result,
    Trace,
)
from pm.wire.encode import encode_frame
from pm.wire.execution_records import ExecutionResult48
from pm.wire.instrument_id import InstrumentId

START_NS = 1_700_000_000_000_000_000
INSTRUMENTS = (
    ("binance", "binance.coin.BTCUSDT"),
    ("binance", "binance.future.BTCUSDT"),
    ("deribit", "deribit.future.BTC-PERP"),
    ("nasdaq", "nasdaq.stock.AAPL"),
)
BTCUSDT = InstrumentId.from_symbol(100, 51, "BTCUSDT")

LaneContent = list[tuple[str, dict[str, bytes | int]]]


def fill(number: int, *, strategy: int = 7, quantity: str = "0.5", price: str = "65000") -> Fill:
    """A fill of one order, told apart by its number."""
    return Fill(
        execution_id=f"T{number}",
        order_id=f"O{number}",
        venue="binance",
        strategy_id=strategy,
        instrument="binance.coin.BTCUSDT",
        quantity=quantity,
        price=price,
        executed_at=START_NS + number,
        fees=(Fee("USDT", "3.25"),),
    )


def fills(count: int, *, strategy: int = 7) -> LaneContent:
    """A lane of that many fills of half a bitcoin each."""
    return [message(number, fill(number, strategy=strategy)) for number in range(1, count + 1)]


def message(number: int, event: Event) -> tuple[str, dict[str, bytes | int]]:
    """The lane entry of an event."""
    return entry(number, "event", pack(event))


def entry(number: int, field: str, data: bytes) -> tuple[str, dict[str, bytes | int]]:
    """A lane entry with the id `<number>-0`, received at a time that follows from the number."""
    return f"{number}-0", {field: data, "received_at": START_NS + number * 1000}


def mixed(seed: int, count: int) -> LaneContent:
    """Every kind of entry: repeats, several events in one frame, and what must be refused."""
    chance = random.Random(seed)
    found: LaneContent = []
    for number in range(1, count + 1):
        made = chance.choices((_event, _frame, _garbage, _repeat), weights=(80, 10, 4, 6), k=1)[0]
        found.append(made(chance, number, found))
    return found


def _event(
    chance: random.Random, number: int, _: LaneContent
) -> tuple[str, dict[str, bytes | int]]:
    return message(number, _any_event(chance, number))


def _frame(
    chance: random.Random, number: int, _: LaneContent
) -> tuple[str, dict[str, bytes | int]]:
    results = [
        ExecutionResult48(
            1000 + number * 4 + part, BTCUSDT, chance.randrange(1, 10**9), 10**8, 1, 7 + part, 1, 1
        )
        for part in range(chance.randrange(1, 4))
    ]
    return entry(number, "frame", encode_frame(results, sequence=number, timestamp=START_NS))


def _garbage(
    chance: random.Random, number: int, _: LaneContent
) -> tuple[str, dict[str, bytes | int]]:
    return entry(number, chance.choice(("frame", "event", "other")), chance.randbytes(40))


def _repeat(
    chance: random.Random, number: int, before: LaneContent
) -> tuple[str, dict[str, bytes | int]]:
    if not before:
        return _event(chance, number, before)
    return f"{number}-0", chance.choice(before)[1]


def _any_event(chance: random.Random, number: int) -> Event:
    order = chance.randrange(1, 12)
    venue, instrument = INSTRUMENTS[order % len(INSTRUMENTS)]
    if chance.random() < 0.03:
        instrument = "binance.coin.NOPE"
    strategy, order_id, executed_at = 7 + order % 3, f"O{order}", START_NS + number * 10**9
    sign = "-" if order % 2 else ""
    amount = f"{chance.randrange(1, 10**6)}.{chance.randrange(1, 10**8):08d}5"
    kind = chance.random()
    if kind < 0.6:
        trace = Trace(f"{chance.randrange(1, 9):032x}", True) if chance.random() < 0.3 else None
        fees = (Fee(None, "0.01"), Fee("BNB", "-0.001")) if chance.random() < 0.5 else ()
        return Fill(
            *(f"T{number}", order_id, venue, strategy, instrument, sign + amount, "64999.5"),
            *(executed_at, fees),
            trace=trace,
        )
    if kind < 0.8:
        results: tuple[Result, ...] = ("filled", "partial", "cancelled")
        result = chance.choice(results)
        return ExecutionResult(
            *(f"E{number}", order_id, venue, strategy, instrument, sign + amount, "65000.25"),
            result=result,
            executed_at=executed_at,
        )
    if kind < 0.86:
        return Rejected(f"R{number}", order_id, venue, executed_at, strategy)
    if kind < 0.92:
        return OrderStatus(f"S{number}", order_id, venue, "cancelled", executed_at)
    token = chance.choice(("USDT", "BTC", "USD"))
    return CapitalFlow("deposit", f"D{number}", executed_at, token, amount, venue=venue)
