"""Rebuilds a book from a server and entries in a file, in a process that may be told to die."""

from __future__ import annotations

import sys
from pathlib import Path

from pm.connect import connect
from pm.history import History
from pm.rebuild import rebuild_book
from tests.rebuild.lived import BOOK, LIMITS
from tests.shelf import Shelf


def main() -> None:
    target, stored = sys.argv[1:]
    shelf = Shelf.from_text(Path(stored).read_text())
    with connect(target, role="test", decode=False, timeout_s=30.0) as client:
        rebuild_book(client, BOOK, History(client, shelf), LIMITS)


main()
