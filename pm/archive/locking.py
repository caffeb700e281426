"""One archiver at a time: a lock on the archive's folder that ends with the process holding it."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pm.archive.errors import ArchiveBusy

_LOCK = ".lock"


@contextmanager
def locked(root: Path) -> Iterator[None]:
    """Hold the lock; ArchiveBusy if another process does."""
    root.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(root / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ArchiveBusy(f"{root}: another process is archiving there") from None
        yield
    finally:
        os.close(descriptor)
