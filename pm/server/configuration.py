"""The private server's configuration, with the durability of a production server.

Written into the data folder at every start, so that a person can read what the server runs with.
Reachable only through its socket, by this user. `daemonize` makes the server nobody's child: no
command has to reap it, and it does not die with the terminal that started it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pm.server.folder import Folder

Appendfsync = Literal["always", "everysec"]


def configuration_text(folder: Folder, socket_path: Path, appendfsync: Appendfsync) -> str:
    """The text of the server's configuration file."""
    directives = [
        ("port", "0"),
        ("unixsocket", _quoted(socket_path)),
        ("unixsocketperm", "700"),
        ("daemonize", "yes"),
        ("pidfile", _quoted(folder.pid_file)),
        ("logfile", _quoted(folder.log)),
        ("dir", _quoted(folder.path)),
        ("appendonly", "yes"),
        ("appendfsync", appendfsync),
        ("save", '""'),
        ("maxmemory-policy", "noeviction"),
        # A subscriber of the feed that reads too slowly is cut off before it costs more than this.
        ("client-output-buffer-limit", "pubsub 64mb 32mb 60"),
    ]
    lines = [f"{name} {value}" for name, value in directives]
    return "\n".join(["# Written by pm at every start; changes are lost.", *lines, ""])


def _quoted(path: Path) -> str:
    text = str(path).replace("\\", "\\\\").replace('"', '\\"')
    return '"' + text.replace("\n", "\\n") + '"'
