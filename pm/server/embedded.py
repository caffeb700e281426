"""The private server that `pm` uses when no other is configured: who starts it, who stops it.

One server serves one data folder, however many commands use it at once. Joining (start it unless
it runs, wait until it answers, count as a user) and leaving (stop counting; the last one stops it)
each happen under the folder's starting lock, so no command joins a server that another is stopping.
A killed command leaves its server behind: the next command joins it and, if it is the last to
leave, stops it. A killed server is started again, from its append-only file, by the next command.
`start_detached` marks the server as kept: leaving does not stop it, `stop` does.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pm.redis_url import socket_url
from pm.server.configuration import Appendfsync
from pm.server.errors import EmbeddedServerError
from pm.server.folder import Folder, open_folder, recorded_socket
from pm.server.locks import become_user, has_users, is_alive, joining_or_leaving
from pm.server.process import (
    ANSWER_WITHIN_S,
    LOAD_WITHIN_S,
    STOP_WITHIN_S,
    launch,
    shut_down,
    strengthen,
    wait_until_ready,
)

_TURN_WITHIN_S = LOAD_WITHIN_S + ANSWER_WITHIN_S + STOP_WITHIN_S


@dataclass(frozen=True, slots=True)
class StopReport:
    """What `stop` found: whether a server ran, and one line to show."""

    stopped: bool
    message: str


@contextmanager
def embedded_server(data_dir: Path, appendfsync: Appendfsync = "always") -> Iterator[str]:
    """The unix:// URL of the folder's private server, which runs at least until the block ends.

    A server that runs already is joined; it keeps the stricter of its own and the asked
    `appendfsync`. EmbeddedServerError if the folder or the server cannot be used.
    """
    folder = open_folder(data_dir)
    user = _join(folder, appendfsync)
    try:
        yield socket_url(recorded_socket(folder))
    finally:
        _leave(folder, user)


def start_detached(data_dir: Path, appendfsync: Appendfsync = "always") -> str:
    """Start the folder's server, or join it, and have it run until `stop`; its unix:// URL."""
    folder = open_folder(data_dir)
    with joining_or_leaving(folder, _TURN_WITHIN_S):
        _start_or_join(folder, appendfsync)
        folder.kept.touch(mode=0o600)
        return socket_url(recorded_socket(folder))


def stop(data_dir: Path) -> StopReport:
    """Stop the folder's server, its data flushed, even if commands still use it."""
    if not data_dir.expanduser().exists():
        return StopReport(False, f"no server runs for {data_dir}: there is no such folder")
    folder = open_folder(data_dir, create=False)
    with joining_or_leaving(folder, _TURN_WITHIN_S):
        folder.kept.unlink(missing_ok=True)
        if not is_alive(folder):
            return StopReport(False, f"no server runs for {folder.path}")
        shut_down(folder)
    return StopReport(True, f"stopped the server of {folder.path}")


def _join(folder: Folder, appendfsync: Appendfsync) -> int:
    with joining_or_leaving(folder, _TURN_WITHIN_S):
        _start_or_join(folder, appendfsync)
        return become_user(folder)


def _leave(folder: Folder, user: int) -> None:
    with joining_or_leaving(folder, _TURN_WITHIN_S):
        os.close(user)
        if not has_users(folder) and not folder.kept.exists():
            shut_down(folder)


def _start_or_join(folder: Folder, appendfsync: Appendfsync) -> None:
    launched = launch(folder, appendfsync)
    try:
        wait_until_ready(folder)
    except EmbeddedServerError:
        # A server found on its last legs (killed, or told to end, just now) is replaced once.
        if launched or is_alive(folder):
            raise
        launch(folder, appendfsync)
        wait_until_ready(folder)
    if not launched:
        strengthen(folder, appendfsync)
