"""Where the processes log to: standard error, in the form the settings say."""

from __future__ import annotations

import logging
import sys

from pm.log_lines import formatter
from pm.settings import Settings


def log_to_stderr(settings: Settings, verbose: bool) -> None:
    """Log from now on; `verbose` tells more."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter(settings.monitoring.log_format))
    logging.basicConfig(level=logging.DEBUG if verbose else logging.INFO, handlers=[handler])
