"""The demo's own data folder: emptied before each run, never somebody else's.

A marker says that a folder is a demo's. What is in the folder after a run can be looked at with any
`pm` command, because its settings file names the books, the folder and the relay's socket.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pm.demo import desk
from pm.demo.errors import DemoError
from pm.server.folder import open_folder
from pm.server.locks import is_alive

DEFAULT_DATA: Final = Path(".pm/demo")

STATEMENT: Final = "binance-balances.json"

_MARKER: Final = "made-by-pm-demo"
_SOCKET_PATH_MAX_BYTES: Final = 90


@dataclass(frozen=True, slots=True)
class DemoFolder:
    """Where a run keeps its things; `given` is the path as the user wrote it."""

    given: Path
    path: Path
    relay_socket: Path

    @property
    def settings(self) -> Path:
        """The settings file of every process of the run."""
        return self.path / "portfolio.toml"

    @property
    def shown_settings(self) -> Path:
        """The settings file as the user would write it."""
        return self.given / "portfolio.toml"

    @property
    def clearance(self) -> Path:
        """Where the relay is told how many orders may go out."""
        return self.path / "clearance"

    @property
    def rebuilt(self) -> Path:
        """The data folder of the server on which the books are made once more."""
        return self.path / "rebuilt"

    @property
    def statement(self) -> Path:
        """What a venue says of its account."""
        return self.path / STATEMENT

    @property
    def shown_statement(self) -> Path:
        """That file as the user would write it."""
        return self.given / STATEMENT

    def log(self, name: str) -> Path:
        """Where a process writes what it has to say."""
        return self.path / f"{name}.log"

    def remove_sockets(self) -> None:
        """Remove the relay's socket, and its folder if it had to have one of its own."""
        self.relay_socket.unlink(missing_ok=True)
        if self.relay_socket.parent != self.path:
            shutil.rmtree(self.relay_socket.parent, ignore_errors=True)


def prepare(data: Path | None, workers: int) -> DemoFolder:
    """An empty folder with its settings; DemoError if it is in use or not a demo's."""
    given = data or DEFAULT_DATA
    path = given.expanduser().resolve()
    _check_free(given, path)
    try:
        shutil.rmtree(path, ignore_errors=False) if path.exists() else None
        path.mkdir(mode=0o700, parents=True)
        (path / _MARKER).touch()
    except OSError as error:
        raise DemoError(f"{given}: cannot be made anew: {error.strerror}") from None
    folder = DemoFolder(given, path, _relay_socket(path))
    folder.settings.write_text(_settings_text(folder, workers), encoding="utf-8")
    return folder


def _check_free(given: Path, path: Path) -> None:
    if not path.exists():
        return
    if not path.is_dir():
        raise DemoError(f"{given}: is a file; name a folder with --data")
    if not (path / _MARKER).exists():
        if any(path.iterdir()):
            raise DemoError(
                f"{given}: holds something that no demo made; name another folder with --data"
            )
        return
    if is_alive(open_folder(path, create=False)):
        raise DemoError(
            f"{given}: an earlier demo still runs there; `pm --data {given} stop` ends it, or name"
            " another folder with --data"
        )


def _relay_socket(path: Path) -> Path:
    inside = path / "relay.sock"
    if len(os.fsencode(inside)) <= _SOCKET_PATH_MAX_BYTES:
        return inside
    return Path(tempfile.mkdtemp(prefix="pm-demo-", dir="/tmp")) / "relay.sock"


def _settings_text(folder: DemoFolder, workers: int) -> str:
    """Settings as TOML; a JSON string is a TOML string."""
    lines = [
        "# Written by `pm demo`.",
        f"data = {json.dumps(str(folder.path))}",
        "",
        "[portfolio_manager]",
        "mark_to_market_interval_seconds = 2",
        "",
        "[books]",
        f"default_book = {json.dumps(desk.DEFAULT_BOOK)}",
        "",
        "[books.strategies]",
        *(f"{strategy} = {json.dumps(book)}" for strategy, book in desk.BOOK_OF_STRATEGY.items()),
        "",
        "[gateway]",
        f"socket_path = {json.dumps(str(folder.relay_socket))}",
        "strategy_from_order_id = true",
        "",
        "[workers]",
        f"count = {workers}",
        "",
    ]
    return "\n".join(lines)
