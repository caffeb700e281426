"""A market in integers: one price per asset that walks, and what is listed where around it.

Prices, quantities and fees are mantissas, as the relay sends them; a listing says with how many
decimals. No floats, so that a seed gives the same bytes on every machine.
"""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from typing import Final, Literal, NamedTuple

FeeStyle = Literal["quote", "received", "coin"]

PPM: Final = 1_000_000
MID_DECIMALS: Final = 8
_STEP_PPM: Final = 120


class Listing(NamedTuple):
    """What can be traded: the asset whose price it follows, its units, and what a venue charges.

    `fee_style` is the token a fee is in: the quote, whatever the trade brings in, or the coin that
    an inverse contract settles in. A negative `fee_ppm` is a rebate.
    """

    instrument: str
    asset: str
    lot: int
    lots_max: int
    tick: int
    fee_ppm: int
    quantity_decimals: int = 8
    price_decimals: int = 8
    quote_decimals: int = 8
    fee_style: FeeStyle = "quote"
    contract_size: int = 1


_ETHER: Final = 10**18

BINANCE_SPOT: Final = (
    Listing("binance.coin.BTCUSDT", "BTC", 1_000, 40_000, 1_000_000, 400),
    Listing("binance.coin.ETHUSDT", "ETH", 10_000, 60_000, 1_000_000, 400),
    Listing("binance.coin.SOLUSDT", "SOL", 1_000_000, 20_000, 1_000_000, -50),
)
DOLLAR_SPOT: Final = (
    Listing("kraken.coin.BTC", "BTC", 10_000, 5_000, 10_000_000, 1_600),
    Listing("kraken.coin.ETH", "ETH", 100_000, 9_000, 1_000_000, 1_600),
    Listing("coinbase.coin.BTC-USD", "BTC", 10_000, 5_000, 1_000_000, 2_500),
    Listing("coinbase.coin.ETH-USD", "ETH", 100_000, 9_000, 1_000_000, 2_500),
)
SHARES: Final = (Listing("nasdaq.stock.AAPL", "AAPL", 10**8, 120, 1_000_000, 30),)
ETHER_POOLS: Final = (
    Listing("uniswapv3.pool.0x367f72e0b033da17", "ETH", _ETHER // 10**9, 4 * 10**9, 1, 500,
            18, 6, 6, "received"),
    Listing("uniswapv3.pool.0xc9d5122edcbd169d", "ETH", _ETHER // 10**9, 4 * 10**9, 1, 500,
            18, 6, 6, "received"),
    Listing("uniswapv3arbitrum.pool.0x82c2afb11b33813f", "ETH", _ETHER // 10**9, 4 * 10**9, 1, 500,
            18, 6, 6, "received"),
)  # fmt: skip
OTHER_POOLS: Final = (
    Listing("uniswapv3.pool.0xe9e90830775522f6", "BTC/ETH", 1, 30_000_000, 1, 3_000,
            8, 18, 18, "received"),
    Listing("quickswap.pool.0xc4431536362db703", "POL", _ETHER // 10**9, 900 * 10**9, 1, 3_000,
            18, 6, 6, "received"),
)  # fmt: skip
OPTIONS: Final = (
    Listing("deribit.option.0x000186a005202800", "BTC CALL", 10_000_000, 60, 50_000, 3_000),
    Listing("deribit.option.0x0001388005202000", "BTC PUT", 10_000_000, 60, 50_000, 3_000),
)
HEDGE: Final = Listing(
    "deribit.future.BTC-PERP", "BTC", 10**8, 4_000, 50_000_000, 500,
    fee_style="coin", contract_size=10,
)  # fmt: skip
BASIS: Final = (
    Listing("binance.future.BTCUSDT", "BTC", 100_000, 900, 10_000_000, 450),
    Listing(
        "deribit.future.BTC25JUN", "BTC", 10**8, 4_000, 50_000_000, 500,
        fee_style="coin", contract_size=10,
    ),
)  # fmt: skip
LATE: Final = Listing("binance.coin.AVAXUSDT", "AVAX", 1_000_000, 9_000, 100_000, 400)
LISTINGS: Final = (
    *BINANCE_SPOT, *DOLLAR_SPOT, *SHARES, *ETHER_POOLS, *OTHER_POOLS, *OPTIONS, HEDGE, *BASIS, LATE,
)  # fmt: skip

_MIDS: Final = {
    "BTC": 65_000 * 10**8,
    "ETH": 3_200 * 10**8,
    "SOL": 150 * 10**8,
    "POL": 45 * 10**6,
    "AVAX": 31 * 10**8,
    "AAPL": 185 * 10**8,
    "BTC CALL": 1_250_000,
    "BTC PUT": 2_100_000,
}


class Execution(NamedTuple):
    """One execution in a listing's units; the quantity has no sign."""

    quantity: int
    price: int
    fee: int


class Market:
    """Prices that walk with every `step`."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._mids = dict(_MIDS)

    def step(self) -> None:
        """Move the price of one asset by up to a basis point or so."""
        asset = self._random.choice(tuple(self._mids))
        move = self._random.randint(-_STEP_PPM, _STEP_PPM)
        self._mids[asset] += self._mids[asset] * move // PPM

    def price(self, listing: Listing, spread_ppm: int) -> int:
        """A price around the asset's, on the listing's tick and never 0."""
        noise = self._random.randint(-150, 150)
        price = self._mid(listing) * (PPM + spread_ppm + noise) // PPM
        return max(1, price // listing.tick) * listing.tick

    def execution(self, listing: Listing, quantity: int, *, buys: bool, price: int) -> Execution:
        """An execution with the fee the venue takes for it."""
        return Execution(quantity, price, _fee(listing, quantity, price, buys=buys))

    def mids(self) -> dict[str, int]:
        """The price of each asset now, with 8 decimals."""
        return dict(self._mids)

    def _mid(self, listing: Listing) -> int:
        return listed_price(self._mids, listing)


def listed_price(mids: Mapping[str, int], listing: Listing) -> int:
    """What a listing is worth at these prices of assets, in its price decimals."""
    if listing.asset == "BTC/ETH":
        return mids["BTC"] * _power(listing.price_decimals) // mids["ETH"]
    return mids[listing.asset] * _power(listing.price_decimals) // _power(MID_DECIMALS)


def fee_decimals(listing: Listing, *, buys: bool) -> int:
    """How many decimals a fee of this listing has."""
    if listing.fee_style == "received" and buys:
        return listing.quantity_decimals
    return listing.quote_decimals


def _fee(listing: Listing, quantity: int, price: int, *, buys: bool) -> int:
    """The fee, rounded down to its decimals."""
    if listing.fee_style == "received" and buys:
        return quantity * listing.fee_ppm // PPM
    if listing.fee_style == "coin":
        contracts = quantity * listing.contract_size * _power(listing.price_decimals)
        return contracts * listing.fee_ppm // (price * PPM)
    notional = quantity * price * listing.fee_ppm // PPM
    decimals = listing.quantity_decimals + listing.price_decimals - listing.quote_decimals
    return notional // _power(decimals)


def _power(decimals: int) -> int:
    return int(10**decimals)
