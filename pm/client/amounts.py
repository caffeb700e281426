"""Text of the books to values: amounts, maps of amounts, times that may be unknown.

Amounts are immutable and readers meet the same ones again and again (0, 1, a position that did not
move), so their texts are remembered: it makes reading a position three times as fast.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType

from pm.decimals import Amount

_REMEMBERED_TEXTS = 16_384
_REMEMBERED_MAPS = 4_096


@lru_cache(maxsize=_REMEMBERED_TEXTS)
def parse_amount(text: str) -> Amount:
    """An amount; ValueError for what is no plain decimal text."""
    return Amount.parse(text)


def parse_optional(text: str | None) -> Amount | None:
    """An amount; None for none and for empty text."""
    return parse_amount(text) if text else None


def parse_time(text: str | None) -> int | None:
    """Nanoseconds since the epoch; None where the books write no time, "" or "0"."""
    return int(text) if text and text != "0" else None


def parse_amounts(told: Mapping[str, str]) -> dict[str, Amount]:
    """A map of amounts from decoded JSON."""
    return {name: parse_amount(text) for name, text in told.items()}


def read_amounts(text: str | None) -> Mapping[str, Amount]:
    """A map of amounts from JSON text; empty for none."""
    return _read_amounts(text) if text and text != "{}" else {}


@lru_cache(maxsize=_REMEMBERED_MAPS)
def _read_amounts(text: str) -> Mapping[str, Amount]:
    # Shared by all who read the same text, so it must not be changed.
    return MappingProxyType(parse_amounts(json.loads(text)))
