"""The data folder of a private server: what lies in it, and where its socket is.

A socket's path is limited to about 104 bytes. Where the folder's own path is longer, the socket
goes into a private directory under /tmp; the folder records which path its server listens on.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pm.server.errors import EmbeddedServerError

FORMAT = 1
_SOCKET_PATH_BYTES = 100


@dataclass(frozen=True, slots=True)
class Folder:
    """The paths inside one data folder; `path` is absolute and without symlinks."""

    path: Path

    @property
    def starting_lock(self) -> Path:
        return self.path / "starting.lock"

    @property
    def users_lock(self) -> Path:
        return self.path / "users.lock"

    @property
    def alive_lock(self) -> Path:
        return self.path / "alive.lock"

    @property
    def kept(self) -> Path:
        return self.path / "server.keep"

    @property
    def record(self) -> Path:
        return self.path / "server.json"

    @property
    def configuration(self) -> Path:
        return self.path / "server.conf"

    @property
    def log(self) -> Path:
        return self.path / "server.log"

    @property
    def pid_file(self) -> Path:
        return self.path / "server.pid"


def open_folder(data_dir: Path, *, create: bool = True) -> Folder:
    """The data folder, made with mode 0700 if it is not there; EmbeddedServerError if unusable."""
    folder = Folder(data_dir.expanduser().resolve())
    try:
        if create:
            folder.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not folder.path.is_dir():
            raise EmbeddedServerError(f"{folder.path}: there is no such data folder")
    except FileExistsError:
        raise EmbeddedServerError(f"{folder.path}: is a file, not a data folder") from None
    except OSError as error:
        reason = error.strerror
        raise EmbeddedServerError(f"{folder.path}: cannot make the folder: {reason}") from None
    if not os.access(folder.path, os.W_OK | os.X_OK):
        raise EmbeddedServerError(f"{folder.path}: the data folder is not writable")
    _check_format(folder)
    return folder


def write_record(folder: Folder, socket_path: Path) -> None:
    """Record where the folder's server listens; replaces the record as a whole."""
    text = json.dumps({"format": FORMAT, "socket": str(socket_path)}) + "\n"
    draft = folder.record.with_suffix(".draft")
    draft.write_text(text)
    draft.replace(folder.record)


def recorded_socket(folder: Folder) -> Path:
    """Where the running server listens, else where the next one would."""
    found = _read_record(folder).get("socket")
    return Path(found) if isinstance(found, str) else choose_socket_path(folder)


def choose_socket_path(folder: Folder) -> Path:
    """The socket's path: in the folder if the system takes a path that long, else under /tmp."""
    inside = folder.path / "server.sock"
    if len(os.fsencode(inside)) <= _SOCKET_PATH_BYTES:
        return inside
    # Always /tmp, never TMPDIR: every command must come to the same place.
    private = Path(f"/tmp/pm-{os.getuid()}")
    with suppress(FileExistsError):
        private.mkdir(mode=0o700)
    facts = private.lstat()
    if not stat.S_ISDIR(facts.st_mode) or facts.st_uid != os.getuid() or facts.st_mode & 0o077:
        raise EmbeddedServerError(f"{private}: must be a directory of this user with mode 0700")
    return private / f"{hashlib.sha256(os.fsencode(folder.path)).hexdigest()[:16]}.sock"


def _read_record(folder: Folder) -> dict[str, object]:
    try:
        found = json.loads(folder.record.read_text())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError):
        raise EmbeddedServerError(f"{folder.record}: is damaged: delete it") from None
    return found if isinstance(found, dict) else {}


def _check_format(folder: Folder) -> None:
    found = _read_record(folder).get("format", FORMAT)
    if found != FORMAT:
        raise EmbeddedServerError(
            f"{folder.path}: the data folder has format {found}, this version of pm knows "
            f"{FORMAT}: use the version that made it, or another --data folder"
        )
