"""Who trades in the demo, in which book, and with what it starts."""

from __future__ import annotations

from typing import Final, NamedTuple

MARKET_MAKING: Final = 20
ARBITRAGE: Final = 21
TREND: Final = 22
TREASURY: Final = 24
OPTIONS_DESK: Final = 30
BASIS_DESK: Final = 31
EQUITIES: Final = 40

STRATEGY_NAMES: Final = {
    MARKET_MAKING: "market making",
    ARBITRAGE: "arbitrage",
    TREND: "trend",
    TREASURY: "treasury",
    OPTIONS_DESK: "options",
    BASIS_DESK: "basis",
    EQUITIES: "equities",
}

DEFAULT_BOOK: Final = "main"
BOOK_OF_STRATEGY: Final = {
    ARBITRAGE: "onchain",
    TREASURY: "onchain",
    OPTIONS_DESK: "derivatives",
    BASIS_DESK: "derivatives",
}
BOOKS: Final = tuple(sorted({DEFAULT_BOOK, *BOOK_OF_STRATEGY.values()}))

LATE_REFERENCE: Final = """
[[instrument]]
id = "binance.coin.AVAXUSDT"
kind = "spot"
base = "AVAX"
quote = "USDT"
dust = 0.0001
correlation_group = 1
"""


def book_of(strategy: int) -> str:
    """The book a strategy trades in."""
    return BOOK_OF_STRATEGY.get(strategy, DEFAULT_BOOK)


class Funding(NamedTuple):
    """What a book starts with at one location."""

    book: str
    location: str
    token: str
    amount: str


FUNDING: Final = (
    Funding("main", "binance", "USDT", "4000000"),
    Funding("main", "binance", "BTC", "25"),
    Funding("main", "binance", "ETH", "400"),
    Funding("main", "binance", "SOL", "5000"),
    Funding("main", "kraken", "USD", "1500000"),
    Funding("main", "kraken", "BTC", "10"),
    Funding("main", "kraken", "ETH", "150"),
    Funding("main", "coinbase", "USD", "1500000"),
    Funding("main", "coinbase", "BTC", "10"),
    Funding("main", "coinbase", "ETH", "150"),
    Funding("main", "nasdaq", "USD", "750000.25"),
    Funding("onchain", "ethereum", "USDC", "2500000"),
    Funding("onchain", "ethereum", "WETH", "1500.000000000000000001"),
    Funding("onchain", "ethereum", "WBTC", "12.5"),
    Funding("onchain", "ethereum", "ETH", "3"),
    Funding("onchain", "polygon", "USDC", "2500000"),
    Funding("onchain", "polygon", "USDC.e", "400000"),
    Funding("onchain", "polygon", "WETH", "300"),
    Funding("onchain", "polygon", "WPOL", "25000"),
    Funding("onchain", "arbitrum", "USDC", "2500000"),
    Funding("onchain", "arbitrum", "WETH", "300"),
    Funding("derivatives", "deribit", "BTC", "40"),
    Funding("derivatives", "binance", "USDT", "900000"),
)


class OpeningPosition(NamedTuple):
    """A position held before the day began, with what it cost."""

    strategy: int
    instrument: str
    location: str
    token: str
    quantity: str
    cost: str


OPENING_POSITIONS: Final = (
    OpeningPosition(EQUITIES, "nasdaq.stock.AAPL", "nasdaq", "AAPL", "600", "104250.5"),
    OpeningPosition(TREASURY, "uniswapv3.pool.0x367f72e0b033da17", "ethereum", "WETH",
                    "40", "126100"),
)  # fmt: skip


class Allocation(NamedTuple):
    """Capital that a strategy is given to work with."""

    strategy: int
    token: str
    amount: str


ALLOCATIONS: Final = (
    Allocation(MARKET_MAKING, "USDT", "3000000"),
    Allocation(ARBITRAGE, "USDC", "4000000"),
    Allocation(TREND, "USD", "2500000"),
    Allocation(TREASURY, "WETH", "600"),
    Allocation(OPTIONS_DESK, "BTC", "25"),
    Allocation(BASIS_DESK, "USDT", "750000"),
    Allocation(EQUITIES, "USD", "500000"),
)


class BridgeTerms(NamedTuple):
    """A part of a position that goes to another chain; `arrived` is what the bridge leaves of it.

    Its strategy trades neither instrument, so the cost is the same whenever it is sent.
    """

    transfer_id: str
    strategy: int
    token: str
    source: str
    target: str
    sent: str
    arrived: str


BRIDGE: Final = BridgeTerms(
    "demo-bridge",
    TREASURY,
    "WETH",
    "uniswapv3.pool.0x367f72e0b033da17",
    "uniswapv3arbitrum.pool.0x82c2afb11b33813f",
    "10",
    "9.99",
)


class FailedTransaction(NamedTuple):
    """A swap that the chain refused: it moved nothing, but its gas was paid."""

    strategy: int
    instrument: str
    venue: str
    location: str
    gas_token: str
    gas: str


FAILED_TRANSACTIONS: Final = (
    FailedTransaction(ARBITRAGE, "uniswapv3.pool.0x367f72e0b033da17", "uniswapv3", "ethereum",
                      "ETH", "0.004217390055120081"),
    FailedTransaction(TREASURY, "uniswapv3.pool.0xe9e90830775522f6", "uniswapv3", "ethereum",
                      "ETH", "0.00180411"),
)  # fmt: skip
