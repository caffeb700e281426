"""The names of chains, and where a balance lies.

A location is an account of a venue, or a wallet on a chain: on a chain one wallet serves every DEX,
so the venue does not count there. Chain names are part of stored keys: one may be added, which
renames the locations shown as `chain-<id>` until then, but none may be changed.
"""

from __future__ import annotations

import re
from typing import Final

NO_CHAIN: Final = 0

CHAIN_NAMES: Final[dict[int, str]] = {
    1: "ethereum",
    10: "optimism",
    56: "bsc",
    100: "gnosis",
    137: "polygon",
    250: "fantom",
    324: "zksync",
    8453: "base",
    42161: "arbitrum",
    43114: "avalanche",
    59144: "linea",
    534352: "scroll",
}

_CHAIN_IDS: Final = {name: chain_id for chain_id, name in CHAIN_NAMES.items()}
_NUMBERED: Final = re.compile(r"chain-([1-9][0-9]{0,9})", re.ASCII)


def chain_name(chain_id: int) -> str:
    """Return the name of a chain, `chain-<id>` where it has none."""
    return CHAIN_NAMES.get(chain_id) or f"chain-{chain_id}"


def chain_of_location(location: str) -> int:
    """Return the chain id that a location ends with, 0 where it ends with no chain."""
    last = location.rpartition(".")[2]
    numbered = _NUMBERED.fullmatch(last)
    if numbered is not None:
        return int(numbered.group(1))
    return _CHAIN_IDS.get(last, NO_CHAIN)


def location(venue: str, account: str | None, chain_id: int) -> str:
    """Return the place of a balance: the account (and chain), else the chain, else the venue."""
    if chain_id == NO_CHAIN:
        return account or venue
    name = chain_name(chain_id)
    return f"{account}.{name}" if account else name
