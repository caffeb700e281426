"""Fills as a desk makes them: opens, adds, partial closes, flips and closes, a fee for each.

Amounts come in two sizes, because exact decimals cost by their digits: those of an exchange (8
decimals, prices in cents) and those of tokens (18 decimals everywhere). Nothing else differs
between the two. The same seed gives the same fills.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Final

from pm.decimals import Amount
from pm.events.model import Fee, Fill
from pm.reference.records import CryptoMetadata, Instrument
from pm.reference.snapshot import Reference

VENUE: Final = "binance"
QUOTE: Final = "USDT"
BASES: Final = 12
SIDE: Final = 12
"""Of a spread, where there is no reason for another."""
FIRST_AT: Final = 1_767_355_200_000_000_000  # 2026-01-02 12:00 UTC

_FEE_PARTS: Final = 1_000
_STEP_NS: Final = 1_000_000
_SECOND_FILL: Final = 0.5
_SOONER: Final = 0.3
_PENDING_MAX: Final = 50


@dataclass(frozen=True, slots=True)
class Digits:
    """The decimals of quantities, prices and fees."""

    name: str
    quantity: int
    price: int
    fee: int


EXCHANGE: Final = Digits("exchange, 8 decimals", 8, 2, 8)
TOKEN: Final = Digits("token, 18 decimals", 18, 18, 18)

Pair = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Spread:
    """How many positions there are, and how they lie.

    Strategies and instruments come in squares of `side`: each strategy of a square holds each of
    its instruments, so the positions of one strategy stay as many when all become more. The assets
    stay as many, too: instruments share their base tokens.
    """

    positions: int
    side: int

    def pairs(self) -> list[Pair]:
        """Every (strategy, instrument), numbered from 1 and from 0."""
        return [self._pair(number) for number in range(self.positions)]

    def of_strategy(self, strategy: int) -> list[Pair]:
        """The positions of one strategy."""
        first = (strategy - 1) * self.side
        return [self._pair(n) for n in range(first, min(first + self.side, self.positions))]

    def _pair(self, number: int) -> Pair:
        square, place = divmod(number, self.side * self.side)
        row, column = divmod(place, self.side)
        return square * self.side + row + 1, square * self.side + column

    def instruments(self) -> list[int]:
        """Every instrument's number."""
        return sorted({instrument for _, instrument in self.pairs()})


def instrument_id(number: int) -> str:
    """The id of an instrument of the workload."""
    return f"{VENUE}.coin.T{number:05d}"


def base_token(number: int) -> str:
    """The base token of an instrument."""
    return f"B{number % BASES:02d}"


def reference_of(spread: Spread, version: int = 0) -> Reference:
    """Reference data of the instruments that are traded."""
    return Reference.build(version, map(_instrument, spread.instruments()))


def _instrument(number: int) -> Instrument:
    return Instrument(
        id=instrument_id(number),
        kind="spot",
        base=base_token(number),
        quote=QUOTE,
        settlement=QUOTE,
        fee_token=QUOTE,
        chain_id=0,
        decimals=8,
        wire_decimals=8,
        multiplier="1",
        inverse=False,
        dust="0",
        risk_weight="1",
        correlation_group=1,
        metadata=CryptoMetadata(decimals=8, is_stablecoin=False),
        wire_id=None,
    )


class Desk:
    """Makes fills, and knows what it holds so that each fill is one of a real desk."""

    def __init__(self, spread: Spread, digits: Digits, seed: int) -> None:
        self._random = Random(seed)
        self._digits = digits
        self._pairs = spread.pairs()
        self._held: dict[Pair, int] = {}
        self._prices: dict[int, int] = {}
        self._second_fills: list[tuple[str, Pair, int]] = []
        self._fills = 0
        self._orders = 0

    def openings(self) -> Iterator[Fill]:
        """One fill for each position."""
        for pair in self._pairs:
            yield self._fill(self._new_order(), pair, self._size() * self._random.choice((1, -1)))

    def fills(self, count: int) -> list[Fill]:
        """The next fills of a desk at work."""
        return [self._next() for _ in range(count)]

    def _next(self) -> Fill:
        waiting = self._second_fills
        if waiting and (len(waiting) > _PENDING_MAX or self._random.random() < _SOONER):
            order, pair, quantity = waiting.pop(self._random.randrange(len(waiting)))
            return self._fill(order, pair, quantity)
        pair = self._random.choice(self._pairs)
        order, quantity = self._new_order(), self._quantity(self._held.get(pair, 0))
        if self._random.random() < _SECOND_FILL:
            waiting.append((order, pair, quantity // 2 or quantity))
        return self._fill(order, pair, quantity)

    def _quantity(self, held: int) -> int:
        if not held:
            return self._size() * self._random.choice((1, -1))
        what = self._random.random()
        direction = 1 if held > 0 else -1
        if what < 0.45:
            return direction * self._size()
        if what < 0.87:
            return -held * self._random.randrange(10, 90) // 100 or -held
        if what < 0.93:
            return -held - direction * self._size()
        return -held

    def _size(self) -> int:
        return self._random.randrange(10 ** (self._digits.quantity - 1), 10**self._digits.quantity)

    def _new_order(self) -> str:
        self._orders += 1
        return f"{4_000_000_000 + self._orders}"

    def _price(self, instrument: int) -> int:
        unit: int = 10**self._digits.price
        price = self._prices.get(instrument) or self._random.randrange(10 * unit, 60_000 * unit)
        price += price * self._random.randrange(-100_000, 100_001) // 10**8
        self._prices[instrument] = price
        return price

    def _fill(self, order: str, pair: Pair, quantity: int) -> Fill:
        self._fills += 1
        strategy, instrument = pair
        self._held[pair] = self._held.get(pair, 0) + quantity
        price, digits = self._price(instrument), self._digits
        paid = abs(quantity) * price // _FEE_PARTS
        paid //= 10 ** (digits.quantity + digits.price - digits.fee)
        return Fill(
            execution_id=f"{7_000_000_000 + self._fills}",
            order_id=order,
            venue=VENUE,
            strategy_id=strategy,
            instrument=instrument_id(instrument),
            quantity=str(Amount(quantity, digits.quantity)),
            price=str(Amount(price, digits.price)),
            executed_at=FIRST_AT + self._fills * _STEP_NS,
            fees=(Fee(QUOTE, str(Amount(paid, digits.fee))),),
        )
