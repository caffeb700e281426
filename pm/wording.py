"""How things are put in words for people."""

from __future__ import annotations


def number_of(count: int, one: str, many: str = "") -> str:
    """A count in words: 1 worker, 2 workers."""
    return f"{count} {one}" if count == 1 else f"{count} {many or one + 's'}"
