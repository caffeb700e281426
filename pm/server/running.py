"""Looks whether a data folder's private server runs, without starting it or making anything."""

from __future__ import annotations

from pathlib import Path

from pm.redis_url import socket_url
from pm.server.folder import open_folder, recorded_socket
from pm.server.locks import is_alive


def running_server(data_dir: Path) -> str | None:
    """The unix:// URL of the server of this folder, None where none runs."""
    record = data_dir.expanduser() / "server.json"
    if not record.exists():
        return None
    folder = open_folder(data_dir, create=False)
    return socket_url(recorded_socket(folder)) if is_alive(folder) else None
