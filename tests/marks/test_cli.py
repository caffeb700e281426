"""`pm mark` on a private server, as a stranger uses it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pm.marks.mark import SECOND_NS
from pm.server import embedded_server
from pm.wire.encode import encode_frame
from pm.wire.header import MARKET_DATA_DOMAIN
from pm.wire.instrument_id import InstrumentId
from pm.wire.side_layouts import Trade
from tests.cli.site import EVENTS, INSTRUMENTS, Shell, spawn, write_events
from tests.marks.made import BTCUSDT
from tests.servers import server_folder

LONG_AGO = "2023-11-14T22:13:20Z"


@pytest.fixture
def folder() -> Iterator[Path]:
    """A new folder with a short path."""
    with server_folder() as made:
        yield made


@pytest.fixture
def shell(folder: Path) -> Iterator[Shell]:
    """Commands on a private server that knows the instruments of the repository."""
    with embedded_server(folder / "data"):
        made = Shell(folder, "--data", str(folder / "data"))
        made.ok("reference", "load", INSTRUMENTS)
        yield made


def listed(shell: Shell, *options: str) -> list[tuple[str, str, str, str, bool]]:
    fields = ("subject", "quote", "price", "class", "stale")
    return [tuple(mark[field] for field in fields) for mark in shell.json("mark", "list", *options)]


def lines(path: Path, *marks: dict[str, Any]) -> Path:
    path.write_text("".join(f"{json.dumps(mark)}\n" for mark in marks))
    return path


def test_before_any_mark_the_list_is_empty(shell: Shell) -> None:
    assert shell.json("mark", "list") == []
    assert shell.ok("mark", "list").split() == [
        *("subject", "price", "quote", "class", "source", "time", "(UTC)", "age", "s", "flag")
    ]


def test_a_mark_that_is_set_is_listed_with_what_was_said_of_it(shell: Shell) -> None:
    assert shell.ok("mark", "set", BTCUSDT, "65000.10") == "accepted 1, older 0\n"
    shell.ok("mark", "set", "BTC", "64000", "--quote", "USD", "--class", "mid", "--source", "desk")
    [pair, instrument] = shell.json("mark", "list")
    assert (instrument["subject"], instrument["quote"]) == (BTCUSDT, "USDT")
    assert (instrument["price"], instrument["source"]) == ("65000.1", "manual")
    assert (instrument["class"], instrument["stale"]) == ("last", False)
    assert (pair["subject"], pair["class"], pair["source"]) == ("BTC", "mid", "desk")
    assert abs(pair["time"] - time.time_ns()) < 600 * SECOND_NS


def test_an_older_mark_is_counted_and_changes_nothing(shell: Shell) -> None:
    shell.ok("mark", "set", BTCUSDT, "1")
    told = shell.ok("mark", "set", BTCUSDT, "2", "--time", LONG_AGO)
    assert told == "accepted 0, older 1\n"
    assert listed(shell) == [(BTCUSDT, "USDT", "1", "last", False)]


def test_stale_marks_are_flagged_and_can_be_listed_alone(shell: Shell) -> None:
    shell.ok("mark", "set", "BTC", "1", "--quote", "USD", "--time", LONG_AGO)
    shell.ok("mark", "set", "ETH", "2", "--quote", "USD")
    assert listed(shell, "--stale") == [("BTC", "USD", "1", "last", True)]
    assert len(listed(shell)) == 2
    [stale] = shell.ok("mark", "list", "--stale").splitlines()[1:]
    assert stale.endswith("  stale")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("BTC", "1"), "quote: is missing, and BTC is no known instrument"),
        (("BTC", "one", "--quote", "USD"), "price: 'one' is not a decimal number"),
        (("BTC", "1", "--quote", "USD", "--time", "2999-01-01T00:00:00Z"), "time: "),
        ((BTCUSDT, "1", "--quote", "USD"), f"quote: is USD, but {BTCUSDT} is quoted in USDT"),
    ],
)
def test_a_mark_that_cannot_be_is_refused_in_one_line(
    shell: Shell, arguments: tuple[str, ...], said: str
) -> None:
    told = shell.refused("mark", "set", *arguments)
    assert told.startswith(f"pm: mark: {said}")
    assert told.endswith("; nothing was recorded")
    assert shell.json("mark", "list") == []


def test_marks_are_loaded_from_lines(shell: Shell) -> None:
    now = time.time_ns()
    file = lines(
        shell.path("marks.jsonl"),
        {"kind": "mark", "subject": BTCUSDT, "price": "65000", "time": now},
        {"subject": BTCUSDT, "price": 64999, "time": now - 1},
        {"subject": "USDT", "quote": "USD", "price": 0.999, "time": now, "class": "mark"},
    )
    assert shell.ok("mark", "load", file) == "accepted 2, older 1\n"
    assert listed(shell) == [
        ("USDT", "USD", "0.999", "mark", False),
        (BTCUSDT, "USDT", "65000", "last", False),
    ]


def test_a_wrong_line_is_named_and_no_mark_is_recorded(shell: Shell) -> None:
    good = {"subject": "BTC", "quote": "USD", "price": "1", "time": LONG_AGO}
    file = lines(shell.path("marks.jsonl"), good, {**good, "price": "x"})
    told = shell.refused("mark", "load", file)
    where = f"pm: {file}: line 2: mark: price: 'x' is not a decimal number"
    assert told == f"{where}; nothing was recorded"
    assert shell.json("mark", "list") == []


def test_marks_are_loaded_from_the_frames_of_a_relay(shell: Shell) -> None:
    now = time.time_ns()
    known, unknown = (InstrumentId.from_text(text) for text in (BTCUSDT, "kraken.coin.NOPE"))
    trades = [
        Trade(of, price, 1, now, 0) for of, price in ((known, 650), (unknown, 1), (known, 651))
    ]
    frames = (
        encode_frame([trade], sequence=0, timestamp=now, source=1, domain=MARKET_DATA_DOMAIN)
        for trade in trades
    )
    shell.path("trades.bin").write_bytes(b"".join(frames))
    told = shell.ok("mark", "load", "--frames", shell.path("trades.bin"))
    assert told == "accepted 2, older 0\n  skipped 1: unknown_instrument\n"
    [mark] = shell.json("mark", "list")
    assert (mark["subject"], mark["price"], mark["source"]) == (BTCUSDT, "0.00000651", "binance")


def test_a_process_of_its_own_records_what_another_lists(shell: Shell) -> None:
    arguments = (*shell.options, "mark", "set", BTCUSDT, "65000", "--json")
    started = spawn(*arguments, cwd=shell.folder)
    out, err = started.communicate()
    assert (started.returncode, err) == (0, "")
    assert json.loads(out) == {"accepted": 1, "older": 0, "skipped": {}}
    assert listed(shell) == [(BTCUSDT, "USDT", "65000", "last", False)]


def test_a_book_that_is_not_there_cannot_be_valued(shell: Shell) -> None:
    told = shell.refused("mark", "to-market", "--book", "nope")
    assert told.endswith("book nope does not exist")


def test_positions_are_valued_at_the_marks_that_were_set(shell: Shell) -> None:
    shell.ok("ingest", write_events(shell.path("e.jsonl"), *EVENTS))
    before = shell.json("mark", "to-market")
    assert (before["positions"], before["unmarked"], before["stale"]) == (1, 1, 0)
    shell.ok("mark", "set", BTCUSDT, "65000")
    after = shell.json("mark", "to-market")
    assert (after["positions"], after["unmarked"], after["stale"]) == (1, 0, 0)
    assert "without a mark" in shell.ok("mark", "to-market", "--book", "main")
