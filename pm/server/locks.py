"""The locks that make it one server per folder, whoever starts, leaves or dies.

Three files, none ever deleted, so that a name always means the same lock. `starting.lock` is held
while a command joins or leaves, one at a time; `users.lock` is shared by every command that uses
the server; `alive.lock` is held by the server process itself, through a descriptor it inherits. The
kernel drops a lock when its last holder dies, however it dies, so each question (is it used? does
it run?) has a true answer without trusting a recorded pid. A forked child counts as a user for as
long as it lives: it has a copy of its parent's descriptor.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pm.server.errors import EmbeddedServerError
from pm.server.folder import Folder

_FIRST_POLL_S = 0.002
_LONGEST_POLL_S = 0.05


@contextmanager
def joining_or_leaving(folder: Folder, timeout_s: float) -> Iterator[None]:
    """Hold the folder's starting lock; EmbeddedServerError if others hold it for `timeout_s`."""
    descriptor = _open_lock(folder.starting_lock)
    try:
        deadline = time.monotonic() + timeout_s
        pause_s = _FIRST_POLL_S
        while not _try_lock(descriptor, fcntl.LOCK_EX):
            if time.monotonic() > deadline:
                raise EmbeddedServerError(
                    f"{folder.path}: another command has been starting or stopping its server "
                    f"for {timeout_s:.0f} s"
                )
            time.sleep(pause_s)
            pause_s = min(2 * pause_s, _LONGEST_POLL_S)
        yield
    finally:
        os.close(descriptor)


def become_user(folder: Folder) -> int:
    """A descriptor that counts as one user of the server until it is closed."""
    descriptor = _open_lock(folder.users_lock)
    fcntl.flock(descriptor, fcntl.LOCK_SH)
    return descriptor


def has_users(folder: Folder) -> bool:
    """Whether any process uses the server."""
    descriptor = _open_lock(folder.users_lock)
    try:
        return not _try_lock(descriptor, fcntl.LOCK_EX)
    finally:
        os.close(descriptor)


def is_alive(folder: Folder) -> bool:
    """Whether a server process of this folder exists, answering or not."""
    descriptor = _open_lock(folder.alive_lock)
    try:
        return not _try_lock(descriptor, fcntl.LOCK_SH)
    finally:
        os.close(descriptor)


def take_life(folder: Folder) -> int | None:
    """The alive lock, for a new server to inherit; None while another server holds it."""
    descriptor = _open_lock(folder.alive_lock)
    if _try_lock(descriptor, fcntl.LOCK_EX):
        return descriptor
    os.close(descriptor)
    return None


def _open_lock(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise EmbeddedServerError(f"{path}: cannot be opened: {error.strerror}") from None


def _try_lock(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
