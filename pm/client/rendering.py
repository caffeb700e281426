"""Any result as JSON-able values: the one place that decides how they look outside.

Amounts become decimal strings, ids stay text unless they are numbers, times (nanoseconds) and seqs
stay integers, unknown is null, lists are arrays. A class's own fields come before those it shares
with others.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import Field, fields, is_dataclass
from functools import lru_cache
from typing import Any

from pm.client.results import Listing
from pm.decimals import Amount
from pm.reference.records import CryptoMetadata, EquityMetadata, FutureMetadata, OptionMetadata

_ASSET_TYPES: dict[Hashable, str] = {
    CryptoMetadata: "crypto",
    EquityMetadata: "equity",
    OptionMetadata: "option",
    FutureMetadata: "future",
}

_NUMBERED = frozenset({"strategy_id", "chain_id"})
"""Ids that are numbers wherever they come from, though keys of the books hold them as text."""


def to_json(value: Any) -> Any:
    """A result, a list of them or a part of one as dicts, lists, text, integers and None."""
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, Amount):
        return str(value)
    if isinstance(value, Listing):
        return [to_json(item) for item in value.items]
    if isinstance(value, Mapping):
        return {str(name): to_json(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [to_json(part) for part in value]
    if is_dataclass(value) and not isinstance(value, type):
        return _object(value)
    raise TypeError(f"{type(value).__name__} is no result of a query")


def _object(value: Any) -> dict[str, Any]:
    kind: Any = type(value)
    told: dict[str, Any] = {"type": _ASSET_TYPES[kind]} if kind in _ASSET_TYPES else {}
    for name in _shown_names(kind):
        part = getattr(value, name)
        told[name] = int(part) if name in _NUMBERED and part and part.isdecimal() else to_json(part)
    return told


@lru_cache(maxsize=64)
def _shown_names(kind: Hashable) -> tuple[str, ...]:
    untyped: Any = kind
    shown: list[Field[Any]] = [
        part for part in fields(untyped) if part.metadata.get("in_json", True)
    ]
    own = untyped.__annotations__
    shown.sort(key=lambda part: part.name not in own)
    return tuple(part.name for part in shown)
