"""One run of the archiver in a process that may be killed: `python -m tests.archive.run 120 1`."""

from __future__ import annotations

import os
import sys

from pm.archive.archiving import Extent, archive_book
from pm.connect import connect
from pm.settings import load_settings
from tests.archive.site import NOW_NS, ROWS_A_FILE


def main() -> None:
    through, kept = map(int, sys.argv[1:])
    settings = load_settings(None, os.environ)
    assert settings.redis.target is not None
    with connect(settings.redis.target, role="test") as client:
        archive_book(
            client,
            settings,
            "main",
            now_ns=NOW_NS,
            extent=Extent(through=through, kept_entries=kept),
            rows_a_file=ROWS_A_FILE,
        )


if __name__ == "__main__":
    main()
