"""Values as the text fields of a hash, and back, by the type each dataclass field declares.

Amounts are canonical decimal text and "" is unknown, so that a person reads the hash and no number
is rounded on the way; lists and maps are JSON. A field the hash lacks reads as its default.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, fields
from typing import Any, Final, NamedTuple, TypeVar

from pm.connect.replies import texts_of
from pm.decimals import Amount

Record = TypeVar("Record")


class _Codec(NamedTuple):
    write: Callable[[Any], str]
    read: Callable[[str], Any]


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), sort_keys=True)


def _write_amounts(amounts: Mapping[str, Amount]) -> str:
    return _json({name: str(amount) for name, amount in amounts.items()})


def _read_amounts(text: str) -> dict[str, Amount]:
    return {name: Amount.parse(amount) for name, amount in json.loads(text).items()}


def _write_known(amounts: Mapping[str, Amount | None]) -> str:
    return _json({name: None if one is None else str(one) for name, one in amounts.items()})


def _read_known(text: str) -> dict[str, Amount | None]:
    told = json.loads(text).items()
    return {name: None if one is None else Amount.parse(one) for name, one in told}


def _read_matrix(text: str) -> tuple[tuple[float | None, ...], ...]:
    return tuple(tuple(row) for row in json.loads(text))


_CODECS: Final[dict[str, _Codec]] = {
    "int": _Codec(str, int),
    "str": _Codec(str, str),
    "Amount": _Codec(str, Amount.parse),
    "Amount | None": _Codec(
        lambda amount: "" if amount is None else str(amount),
        lambda text: Amount.parse(text) if text else None,
    ),
    "Mapping[str, Amount]": _Codec(_write_amounts, _read_amounts),
    "Mapping[str, Amount | None]": _Codec(_write_known, _read_known),
    "Mapping[str, int]": _Codec(_json, json.loads),
    "Mapping[str, float]": _Codec(_json, json.loads),
    "tuple[str, ...]": _Codec(_json, lambda text: tuple(json.loads(text))),
    "tuple[float, ...]": _Codec(_json, lambda text: tuple(json.loads(text))),
    "Matrix": _Codec(_json, _read_matrix),
}


def register(annotation: str, write: Callable[[Any], str], read: Callable[[str], Any]) -> None:
    """Teach the type a dataclass field is annotated with, as it is spelled there."""
    _CODECS[annotation] = _Codec(write, read)


def write_fields(record: Any) -> dict[str, str]:
    """The fields of a dataclass value as text, in their order."""
    return {
        field.name: _CODECS[str(field.type)].write(getattr(record, field.name))
        for field in fields(record)
    }


def read_fields(kind: type[Record], stored: Mapping[Any, Any]) -> Record:
    """The dataclass value that a hash holds, of text or of bytes.

    ValueError when a field without a default is missing.
    """
    texts = texts_of(stored)
    values = {
        field.name: _read(kind, field, texts.get(field.name))
        for field in fields(kind)  # type: ignore[arg-type]
        if field.name in texts or _is_required(field)
    }
    return kind(**values)


def read_or_none(kind: type[Record], stored: Mapping[Any, Any]) -> Record | None:
    """The same; None when the hash holds no such record yet, or one of another layout.

    The next mark-to-market writes it anew, so nothing is lost by not reading an old one.
    """
    try:
        return read_fields(kind, stored)
    except ValueError:
        return None


def _read(kind: type[Any], field: Field[Any], text: str | None) -> Any:
    if text is None:
        raise ValueError(f"{kind.__name__}: the stored record has no {field.name}")
    return _CODECS[str(field.type)].read(text)


def _is_required(field: Field[Any]) -> bool:
    return field.default is MISSING and field.default_factory is MISSING
