"""The hash chain over the journal.

Each entry's digest covers the previous digest and every field of the entry, each field with its
byte length before it, so that no two different entries spell the same bytes. Anyone who holds the
journal can recompute the chain; a changed, dropped or reordered entry breaks it from there on.
"""

from collections.abc import Iterable
from hashlib import sha1

GENESIS_DIGEST = "0" * 40


def chain_digest(previous: str, values: Iterable[str]) -> str:
    """Digest of an entry whose field values, in journal order, follow `previous`; 40 hex digits."""
    parts = [previous]
    for value in values:
        length = len(value) if value.isascii() else len(value.encode())
        parts.append(f"{length}:{value}")
    return sha1("".join(parts).encode(), usedforsecurity=False).hexdigest()
