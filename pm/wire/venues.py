"""The numbers of venues and asset types, their names in text ids, and the chain of each venue.

Two number tables are in circulation; this is the one the frame builder uses. Names are part of
stored keys, so an entry may be added but never renamed, and a number that was shown as `venueN` or
`typeN` changes its text id when it gets a name.
"""

from __future__ import annotations

from typing import Final

VENUE_NAMES: Final[dict[int, str]] = {
    0: "generic",
    1: "nyse",
    2: "nasdaq",
    3: "lse",
    4: "tse",
    5: "hkex",
    100: "binance",
    101: "kraken",
    102: "coinbase",
    103: "huobi",
    104: "okex",
    105: "ftx",
    106: "bybit",
    107: "kucoin",
    108: "gemini",
    200: "ethereum",
    201: "bitcoin",
    202: "polygon",
    203: "binancesmartchain",
    204: "avalanche",
    205: "fantom",
    206: "arbitrum",
    207: "optimism",
    208: "solana",
    209: "cardano",
    210: "polkadot",
    211: "cosmos",
    300: "uniswapv2",
    301: "uniswapv3",
    302: "sushiswap",
    303: "curve",
    304: "balancer",
    305: "aave",
    306: "compound",
    307: "makerdao",
    308: "yearn",
    309: "synthetix",
    310: "dydx",
    400: "quickswap",
    401: "sushiswappolygon",
    402: "curvepolygon",
    403: "aavepolygon",
    404: "balancerpolygon",
    500: "pancakeswap",
    501: "venusprotocol",
    600: "uniswapv3arbitrum",
    601: "sushiswaparbitrum",
    602: "curvearbitrum",
    700: "deribit",
    701: "bybitderivatives",
    702: "opynprotocol",
    703: "hegic",
    800: "comex",
    801: "cme",
    802: "ice",
    803: "forexcom",
    65000: "testvenue",
    65001: "mockexchange",
}

ASSET_TYPE_NAMES: Final[dict[int, str]] = {
    1: "stock",
    2: "bond",
    3: "etf",
    4: "commodity",
    5: "currency",
    6: "index",
    50: "token",
    51: "coin",
    52: "nft",
    53: "stablecoin",
    54: "wrappedtoken",
    100: "pool",
    101: "lptoken",
    102: "yieldtoken",
    103: "syntheticasset",
    104: "derivativetoken",
    105: "governancetoken",
    150: "option",
    151: "future",
    152: "swap",
    153: "forward",
    154: "cds",
    200: "structurednote",
    201: "convertiblebond",
    250: "testasset",
    251: "mockasset",
}

# Tokens and pools are addresses and hashes, options are packed terms; the rest are symbols.
SYMBOL_ASSET_TYPES: Final = frozenset(
    {1, 2, 3, 4, 5, 6, 51, 151, 152, 153, 154, 200, 201, 250, 251}
)

_CHAIN_IDS: Final[dict[int, int]] = {
    200: 1,
    **dict.fromkeys(range(300, 311), 1),
    202: 137,
    **dict.fromkeys(range(400, 405), 137),
    203: 56,
    500: 56,
    501: 56,
    206: 42161,
    **dict.fromkeys(range(600, 603), 42161),
    207: 10,
    204: 43114,
    205: 250,
}


def chain_id_of_venue(venue: int) -> int | None:
    """Return the EVM chain id a venue lives on, or None.

    A DEX tagged with its Ethereum number resolves to chain 1 even where the pool is on another
    chain; a chain id carried beside the instrument is better evidence.
    """
    return _CHAIN_IDS.get(venue)
