"""One JSON object a line, whatever is logged."""

from __future__ import annotations

import json
import logging
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from pm.log_lines import JsonLines, formatter


def line(message: str, *arguments: object, **extra: Any) -> dict[str, Any]:
    record = logging.getLogger("pm.test").makeRecord(
        *("pm.test", logging.WARNING, "file.py", 1, message, arguments, None, "f", extra)
    )
    text = JsonLines().format(record)
    assert "\n" not in text
    told: dict[str, Any] = json.loads(text)
    return told


def test_a_line_says_when_how_grave_who_and_what() -> None:
    told = line("book %s is %d", "main", 3)
    assert list(told) == ["ts", "level", "logger", "message"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", told.pop("ts"))
    assert told == {"level": "warning", "logger": "pm.test", "message": "book main is 3"}


def test_what_it_is_about_are_fields_of_their_own() -> None:
    told = line("x", trace="00ff", book="main", seq=7, entry="3-0")
    assert {name: told[name] for name in ("trace", "book", "seq", "entry")} == {
        "trace": "00ff",
        "book": "main",
        "seq": 7,
        "entry": "3-0",
    }


def test_anything_can_be_told() -> None:
    told = line('a "quoted"\nline \x00 ü', path=Path("/x"), raw=b"\xff", ts="mine")
    assert told["message"] == 'a "quoted"\nline \x00 ü'
    assert (told["path"], told["raw"]) == ("/x", "b'\\xff'")
    assert told["ts"] != "mine"


def test_a_traceback_is_in_the_same_line() -> None:
    try:
        raise ValueError("because")
    except ValueError:
        record = logging.makeLogRecord({"msg": "failed", "exc_info": sys.exc_info()})
    told = json.loads(JsonLines().format(record))
    assert told["error"].endswith("ValueError: because")


@pytest.mark.parametrize("form", ["text", "json"])
def test_both_forms_tell_utc(form: Any) -> None:
    record = logging.makeLogRecord({"msg": "m", "name": "n", "levelname": "INFO"})
    record.created, record.msecs = 1_700_000_000.25, 250.0
    text = formatter(form).format(record)
    assert "2023-11-14T22:13:20.250" in text
    assert form == "json" or text == "2023-11-14T22:13:20.250Z INFO n m"
