"""Values of random lives: times, amounts, fees, and the orders, places and instruments they name.

Few of each, so that events meet each other. An order's instrument, strategy and side follow from
its number, but for a rare mismatch; every instrument is held by several strategies, long and short.
"""

from __future__ import annotations

import random

START = 1_700_000_000_000_000_000
ORDERS_AN_ERA = 36
EVENTS_AN_ERA = 60
BUSY_ORDERS = 8
"""Orders of an era up to this number get half of its events."""

INSTRUMENTS: tuple[dict[str, str], ...] = (
    {
        "instrument": "binance.coin.BTCUSDT",
        "instrument_kind": "spot",
        "base": "BTC",
        "quote": "USDT",
        "settlement": "USDT",
    },
    {
        "instrument": "uniswapv3.pool.WETHUSDC",
        "instrument_kind": "spot",
        "base": "WETH",
        "quote": "USDC.e",
        "settlement": "USDC.e",
        "dust": "0.000000000000001",
        "chain_id": "1",
    },
    {
        "instrument": "deribit.perpetual.BTC",
        "instrument_kind": "perpetual",
        "base": "BTC",
        "quote": "USD",
        "settlement": "BTC",
        "multiplier": "10",
        "inverse": "1",
    },
    {
        "instrument": "binance.perpetual.ETH",
        "instrument_kind": "perpetual",
        "base": "ETH",
        "quote": "USDT",
        "settlement": "USDT",
        "multiplier": "0.01",
    },
    {
        "instrument": "deribit.option.BTC",
        "instrument_kind": "option",
        "base": "BTC",
        "quote": "USD",
        "settlement": "BTC",
        "multiplier": "0.1",
    },
    {
        "instrument": "nasdaq.stock.AAPL",
        "instrument_kind": "equity",
        "base": "AAPL",
        "quote": "USD",
        "settlement": "USD",
    },
)
QUIET_INSTRUMENTS: tuple[dict[str, str], ...] = (
    {
        "instrument": "binance.future.BTC",
        "instrument_kind": "future",
        "base": "BTC",
        "quote": "USDT",
        "settlement": "USDT",
        "multiplier": "0.1",
    },
    {
        "instrument": "nasdaq.stock.ACME",
        "instrument_kind": "equity",
        "base": "ACME",
        "quote": "USD",
        "settlement": "USD",
        "dust": "0.5",
    },
    {
        "instrument": "deribit.option.ETH-CALL",
        "instrument_kind": "option",
        "base": "ETH",
        "quote": "USD",
        "settlement": "USD",
        "multiplier": "10",
    },
)
"""Never traded: held in small whole quantities, which cancel, close and cross to the digit."""

STRATEGIES = ("7", "8", "9")
PLACES = (("binance", "0"), ("kraken", "0"), ("ethereum", "1"), ("sub1", "0"))


def venue_of(instrument: dict[str, str]) -> str:
    """The venue of an instrument, by its id."""
    return instrument["instrument"].partition(".")[0]


def location_of(instrument: dict[str, str]) -> str:
    """Where an instrument's balances lie."""
    return "ethereum" if "chain_id" in instrument else venue_of(instrument)


def plain(mantissa: int, scale: int) -> str:
    """Canonical decimal text of mantissa / 10^scale, mantissa >= 0."""
    digits = str(mantissa).rjust(scale + 1, "0")
    whole, fraction = digits[: len(digits) - scale], digits[len(digits) - scale :]
    fraction = fraction.rstrip("0")
    return whole + ("." + fraction if fraction else "")


class RandomValues:
    """A source of values; `event` counts the events that asked for times."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.event = 0
        self.reserving: list[dict[str, str]] = []

    def chance(self, probability: float) -> bool:
        """Whether something of that probability happens."""
        return self.random.random() < probability

    def times(self) -> dict[str, str]:
        """Times of the present event, now and then dated far back or received far ahead."""
        executed_at = START + self.event * 1_000_000_007
        if self.chance(0.02):
            executed_at -= self.random.randrange(10**13)
        received_at = executed_at + self.random.randrange(-1000, 10**7)
        if self.chance(0.02):
            received_at -= self.random.randrange(120 * 10**9)
        day = "2023-11-14" if self.event % 3 else "2023-11-15"
        return {"received_at": str(received_at), "executed_at": str(executed_at), "day": day}

    def amount(self, *, signed: bool = False) -> str:
        """An amount above zero, of any size and scale the books take."""
        choice = self.random.random()
        if choice < 0.35:
            mantissa, scale = self.random.randrange(1, 40), self.random.choice((0, 1, 2))
        elif choice < 0.6:
            mantissa, scale = self.random.randrange(1, 10**9), 8
        elif choice < 0.8:
            mantissa, scale = self.random.randrange(1, 10**22), 18
        elif choice < 0.9:
            mantissa, scale = 2**53 + self.random.randrange(-3, 4), self.random.choice((0, 8, 18))
        else:
            mantissa = self.random.randrange(1, 2 ** self.random.randrange(2, 127))
            scale = self.random.randrange(0, 36)
        sign = "-" if signed and self.chance(0.5) else ""
        return sign + plain(mantissa, scale)

    def small(self) -> str:
        """An amount above zero that often equals another one."""
        return plain(self.random.randrange(1, 80), self.random.choice((0, 0, 1, 2)))

    def order(self) -> dict[str, str]:
        """An order: whose, where and in what. Those that reserve come again, old ones rarely."""
        if self.reserving and self.chance(0.4):
            return dict(self.random.choice(self.reserving))
        number = self.random.randrange(BUSY_ORDERS if self.chance(0.5) else ORDERS_AN_ERA)
        era = self.event // EVENTS_AN_ERA
        number += ORDERS_AN_ERA * (self.random.randrange(era + 1) if self.chance(0.1) else era)
        instrument = dict(INSTRUMENTS[number % len(INSTRUMENTS)])
        strategy = STRATEGIES[number // len(INSTRUMENTS) % len(STRATEGIES)]
        if self.chance(0.02):
            strategy = "9"
        venue = venue_of(instrument)
        location = location_of(instrument)
        if self.chance(0.05):
            location = "sub1.ethereum" if "chain_id" in instrument else "sub1"
        return {
            "strategy": strategy,
            "venue": venue,
            "location": location,
            "order": f"{venue}:O{number}",
            **instrument,
        }

    def remember(self, order: dict[str, str]) -> None:
        """Keep an order among the few that reserve."""
        self.reserving = [*self.reserving[-4:], order]

    @staticmethod
    def is_buy(order: dict[str, str]) -> bool:
        """The side of an order."""
        number = int(order["order"].rpartition("O")[2])
        return (number + number // (3 * len(INSTRUMENTS))) % 2 == 0

    def sign(self, order: dict[str, str]) -> str:
        """The sign of an order's quantities."""
        return "" if self.is_buy(order) else "-"

    def instrument(self) -> dict[str, str]:
        """An instrument, the quiet ones as often as all others."""
        return dict(self.random.choice(QUIET_INSTRUMENTS if self.chance(0.5) else INSTRUMENTS))

    def held(self) -> dict[str, str]:
        """An instrument with its venue and where it lies."""
        instrument = self.instrument()
        return {"venue": venue_of(instrument), "location": location_of(instrument), **instrument}

    def strategy(self) -> str:
        """A strategy."""
        return self.random.choice(STRATEGIES)

    def fees(self, order: dict[str, str]) -> list[list[str]]:
        """Fees of an execution, some of them rebates, some gas."""
        fees = []
        tokens = [order["base"], order["quote"], order["settlement"], "BNB"]
        for _ in range(self.random.choice((0, 1, 1, 1, 2))):
            amount = plain(self.random.randrange(1, 10**6), self.random.choice((2, 5, 8, 18)))
            if self.chance(0.15):
                amount = "-" + amount
            fees.append([self.random.choice(tokens), amount, "trading"])
        if self.chance(0.1):
            fees.append(["ETH", plain(self.random.randrange(1, 10**6), 9), "gas"])
        return fees
