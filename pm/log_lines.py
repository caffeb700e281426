"""Log records as lines: of words for people, of JSON for programs.

What a line is about (book, lane, entry, trace, …) goes by `extra`: a field of its own in JSON, and
part of the text where people need it.
"""

from __future__ import annotations

import json
import logging
import time
from datetime import UTC, datetime
from typing import Final, Literal

_TEXT: Final = "%(asctime)s.%(msecs)03dZ %(levelname)s %(name)s %(message)s"
_STANDARD: Final = frozenset(
    {*vars(logging.makeLogRecord({})), "message", "asctime", "ts", "level", "logger", "error"}
)


class JsonLines(logging.Formatter):
    """One JSON object a line: ts (UTC, to the microsecond), level, logger, message, extras."""

    def format(self, record: logging.LogRecord) -> str:
        """The line; what JSON does not know is told as text, and a traceback under `error`."""
        moment = datetime.fromtimestamp(record.created, UTC)
        line: dict[str, object] = {
            "ts": moment.isoformat(timespec="microseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= {name: value for name, value in vars(record).items() if name not in _STANDARD}
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str, ensure_ascii=False)


def formatter(form: Literal["text", "json"]) -> logging.Formatter:
    """The formatter of `monitoring.log_format`; times are UTC."""
    if form == "json":
        return JsonLines()
    made = logging.Formatter(_TEXT, "%Y-%m-%dT%H:%M:%S")
    made.converter = time.gmtime
    return made
