"""Runs one gateway in a process of its own: settings as JSON, the server's URL, the log file."""

from __future__ import annotations

import json
import logging
import sys

from pm.settings import Settings
from workers.gateway import main

if __name__ == "__main__":
    settings = Settings(**json.loads(sys.argv[1]))
    logging.basicConfig(
        filename=sys.argv[3], level=logging.INFO, format="%(levelname)s %(name)s %(message)s"
    )
    sys.exit(main(settings, sys.argv[2]))
