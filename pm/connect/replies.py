"""Replies as text, whether the client that asked decodes or not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def text_of(value: Any) -> str:
    """One reply of text or bytes."""
    return value.decode() if isinstance(value, bytes) else str(value)


def texts_of(fields: Mapping[Any, Any]) -> dict[str, str]:
    """The fields of a hash or of a stream entry."""
    return {text_of(name): text_of(value) for name, value in fields.items()}
