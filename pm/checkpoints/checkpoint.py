"""One checkpoint: a book's state after one journal entry, as a file and back.

The file is gzipped text of JSON lines: a head (book, seq, digest, received_at, rules), one line for
each key of the book as the store would hold it, and last the sha256 of all lines before. What does
not read back exactly is CheckpointDamaged, never a state.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, BinaryIO

from pm.rules.expected import Hash, expected_state
from pm.rules.journal import RULES_VERSION
from pm.rules.restored import NotAState, restored_state
from pm.rules.state import BookState

_COMPRESSION = 6
_UNREADABLE = (EOFError, OSError, ValueError, KeyError, TypeError, zlib.error)


class CheckpointDamaged(Exception):
    """A file is no whole checkpoint of what its name says; the text names the file and why."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A book's state; `received_at` (ns) is the latest receipt among its entries, 0 with none."""

    book: str
    received_at: int
    state: BookState

    @property
    def seq(self) -> int:
        """The entry the state is after."""
        return self.state.seq

    @property
    def digest(self) -> str:
        """That entry's digest."""
        return self.state.digest


def write_to(file: BinaryIO, checkpoint: Checkpoint) -> None:
    """Write a checkpoint; the same state gives the same bytes."""
    proof = sha256()
    with gzip.GzipFile("", "wb", _COMPRESSION, file, mtime=0) as packed:
        for line in _lines(checkpoint):
            proof.update(line)
            packed.write(line)
        packed.write(f"{proof.hexdigest()}\n".encode())


def read_from(path: Path, book: str, seq: int) -> Checkpoint:
    """The checkpoint of a book at `seq` in a file; CheckpointDamaged when it is not there whole."""
    try:
        text = gzip.decompress(path.read_bytes())
        body, _, proof = text.removesuffix(b"\n").rpartition(b"\n")
        if sha256(body + b"\n").hexdigest().encode() != proof:
            raise CheckpointDamaged(f"{path}: its content is not what was written")
        head, *lines = body.split(b"\n")
        told = json.loads(head)
        if (told["book"], told["seq"]) != (book, str(seq)):
            raise CheckpointDamaged(f"{path}: is of book {told['book']} at seq {told['seq']}")
        if told["rules"] != RULES_VERSION:
            raise CheckpointDamaged(f"{path}: is of rules {told['rules']}, not {RULES_VERSION}")
        return Checkpoint(book, int(told["received_at"]), restored_state(dict(_keys(lines))))
    except NotAState as error:
        raise CheckpointDamaged(f"{path}: {error}") from None
    except _UNREADABLE as error:
        raise CheckpointDamaged(f"{path}: {error or type(error).__name__}") from None


def _lines(checkpoint: Checkpoint) -> Iterator[bytes]:
    state = checkpoint.state
    head = {
        "book": checkpoint.book,
        "seq": str(state.seq),
        "digest": state.digest,
        "received_at": str(checkpoint.received_at),
        "rules": RULES_VERSION,
    }
    yield _line(head)
    for key, held in expected_state(state).items():
        yield _line([key, sorted(held) if isinstance(held, set) else held])


def _line(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"


def _keys(lines: list[bytes]) -> Iterator[tuple[str, Hash | set[str]]]:
    for line in lines:
        key, held = json.loads(line)
        yield key, set(held) if isinstance(held, list) else held
