"""The spelling of ids from outside once they are inside: 1 to 128 of `A-Za-z0-9._-` and `%XX`.

Ids become parts of keys, which split at `:`, and of JSON that is never quoted. So every other
character, `%` included, is written as the percent escapes of its UTF-8 bytes. That makes escaping
injective: two ids that differ outside differ inside, and `unescape_id` gives back what came in.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import unquote

MAX_ID_LENGTH: Final = 128

_PLAIN: Final = re.compile(r"[A-Za-z0-9._-]{1,128}", re.ASCII)
_ESCAPED: Final = re.compile(r"(?:[A-Za-z0-9._-]|%[0-9A-F]{2})+", re.ASCII)
_AWKWARD: Final = re.compile(r"[^A-Za-z0-9._-]", re.ASCII)


def escape_id(text: str) -> str:
    """Return the inside spelling of an outside id.

    ValueError, worded to follow the name of a key, for an empty id, one longer than 128
    characters after escaping, or text that is not valid Unicode.
    """
    if _PLAIN.fullmatch(text):
        return text
    if not text:
        raise ValueError("must not be empty")
    if len(text) <= MAX_ID_LENGTH:
        try:
            escaped = _AWKWARD.sub(_escape_character, text)
        except UnicodeEncodeError:
            raise ValueError("is not valid Unicode text") from None
        if len(escaped) <= MAX_ID_LENGTH:
            return escaped
    raise ValueError(f"is longer than {MAX_ID_LENGTH} characters")


def unescape_id(escaped: str) -> str:
    """Return the outside id of an inside spelling."""
    return unquote(escaped, errors="strict") if "%" in escaped else escaped


def check_id(text: str) -> str:
    """Return `text` if it already is an inside spelling, else raise ValueError."""
    if len(text) <= MAX_ID_LENGTH and _ESCAPED.fullmatch(text):
        return text
    raise ValueError(f"must be 1 to {MAX_ID_LENGTH} of A-Z a-z 0-9 . _ - and %XX")


def _escape_character(match: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in match.group().encode())
