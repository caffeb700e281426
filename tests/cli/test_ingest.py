"""`pm ingest`, the quarantine and the reference data, from a stranger's first file on."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pm import keys
from pm.connect import connect
from pm.marks import store
from pm.server.folder import open_folder, recorded_socket
from tests.cli.site import EVENTS, INSTRUMENTS, Shell, fill, spawn, write_events

NOPE = '[[instrument]]\nid = "binance.coin.NOPE"\nkind = "spot"\nbase = "NOPE"\nquote = "USDT"\n'


def test_events_are_applied_with_the_instruments_they_need(shell: Shell) -> None:
    events = write_events(shell.path("e.jsonl"), *EVENTS)
    told = shell.ok("ingest", events, "--instruments", INSTRUMENTS)
    assert told == "applied 4, refused 0, duplicate 0, covered 0, stale 0, noted 1, declined 0\n"
    [position] = shell.json("positions")
    assert (position["strategy_id"], position["quantity"]) == (7, "0.75")


def test_a_file_ingested_twice_counts_once(shell: Shell) -> None:
    events = write_events(shell.path("e.jsonl"), *EVENTS)
    shell.ok("ingest", events, "--instruments", INSTRUMENTS)
    before = shell.json("positions", "--all")
    assert shell.json("ingest", events)["duplicate"] == 5
    assert shell.json("positions", "--all") == before


def test_events_are_read_from_standard_input(shell: Shell) -> None:
    result = shell.run("ingest", "-", "--json", stdin=json.dumps(EVENTS[0]) + "\n")
    assert json.loads(result.stdout)["applied"] == 1


def test_an_unknown_instrument_is_quarantined_and_replayed_when_it_is_known(shell: Shell) -> None:
    events = write_events(
        shell.path("e.jsonl"), EVENTS[0], *(fill(n, instrument="binance.coin.NOPE") for n in (1, 2))
    )
    told = shell.ok("ingest", events)
    assert "applied 1, refused 2" in told
    assert "refused 2: unknown_instrument: binance.coin.NOPE is not in the reference" in told
    assert "`pm reference load FILE`, then `pm quarantine replay --all`" in told

    [first, second] = shell.json("quarantine")
    assert (first["book"], first["reason"]) == ("main", "unknown_instrument")
    assert shell.run("quarantine", "replay", "--all").exit_code == 1
    assert shell.json("quarantine") == [first, second]

    shell.path("nope.toml").write_text(NOPE)
    assert (
        shell.ok("reference", "load", shell.path("nope.toml")) == "version 1: 1 records changed\n"
    )
    [outcome] = shell.json("quarantine", "replay", str(first["entry"]))
    assert outcome == {"book": "main", "entry": first["entry"], "taken": True, "how": "applied"}
    assert "yes    applied" in shell.ok("quarantine", "replay", "--all")
    assert shell.json("quarantine") == []
    [position] = shell.json("positions")
    assert (position["instrument_id"], position["quantity"]) == ("binance.coin.NOPE", "1")
    shell.ok("verify")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"kind":"fill"}', "e.jsonl: line 2: fill: quantity: is missing"),
        ("{", "e.jsonl: line 2: is not JSON"),
        ('{"kind":"gift"}', "e.jsonl: line 2: "),
        ("[]", "e.jsonl: line 2: is not a JSON object"),
    ],
)
def test_a_malformed_line_is_named_and_nothing_is_applied(
    shell: Shell, line: str, said: str
) -> None:
    events = write_events(shell.path("e.jsonl"), EVENTS[0], line, EVENTS[1])
    told = shell.refused("ingest", events, "--instruments", INSTRUMENTS)
    assert told.startswith("pm: ")
    assert said in told
    assert told.endswith("; nothing was applied")
    assert shell.json("balances") == []
    assert shell.json("reference")["version"] == 0


def test_a_file_that_is_no_text_is_refused(shell: Shell) -> None:
    shell.path("e.jsonl").write_bytes(b"\xff\xfe")
    assert "is not UTF-8 text" in shell.refused("ingest", shell.path("e.jsonl"))


def test_reference_data_that_is_wrong_is_refused_before_anything_is_applied(shell: Shell) -> None:
    shell.path("bad.toml").write_text('[[instrument]]\nid = "binance.coin.NOPE"\n')
    events = write_events(shell.path("e.jsonl"), EVENTS[0])
    result = shell.run("ingest", events, "--instruments", shell.path("bad.toml"))
    assert result.exit_code == 1
    assert "binance.coin.NOPE" in result.stderr
    assert shell.json("balances") == []


def test_an_ingest_killed_in_the_middle_is_finished_by_the_next(shell: Shell) -> None:
    events = write_events(shell.path("e.jsonl"), *EVENTS)
    shell.ok("reference", "load", INSTRUMENTS)
    arguments = (*shell.options, "ingest", str(events))
    killed = spawn(*arguments, cwd=shell.folder, PM_TEST_CRASH_AT="worker_before_apply")
    killed.communicate()
    assert killed.returncode == -9
    assert shell.json("ingest", events)["duplicate"] == 5
    [position] = shell.json("positions")
    assert position["quantity"] == "0.75"
    shell.ok("verify")


def test_a_large_file_is_applied_whole(shell: Shell) -> None:
    events = write_events(
        shell.path("e.jsonl"),
        *(fill(n, side="sell" if n % 2 else "buy", quantity=str(n)) for n in range(1, 2_501)),
    )
    told = shell.json("ingest", events, "--instruments", INSTRUMENTS)
    assert told["applied"] == 2_500
    [position] = shell.json("positions")
    assert (position["quantity"], position["total_trades"]) == ("1250", 2_500)


def test_books_are_chosen_by_the_table_of_strategies(shell: Shell) -> None:
    shell.path("pm.toml").write_text('[books.strategies]\n8 = "second"\n')
    two = Shell(shell.folder, "--config", str(shell.path("pm.toml")), *shell.options)
    events = write_events(shell.path("e.jsonl"), *EVENTS, fill(1))
    two.ok("ingest", events, "--instruments", INSTRUMENTS)
    found = [(p["book"], p["strategy_id"]) for p in two.json("positions")]
    assert found == [("main", 7), ("second", 8)]
    assert [report["book"] for report in two.json("verify")] == ["main", "second"]
    assert two.json("strategy", "8")["book"] == "second"
    assert [p["book"] for p in two.json("positions", "--book", "second")] == ["second"]


def test_a_book_that_only_an_event_names_is_opened_and_told(shell: Shell) -> None:
    events = write_events(shell.path("e.jsonl"), {**EVENTS[0], "book": "third"})
    told = shell.ok("ingest", events)
    assert told.startswith("opened book third\napplied 1, ")
    assert "opened" not in shell.ok("ingest", events)
    other = write_events(shell.path("o.jsonl"), {**EVENTS[0], "book": "4th"})
    assert shell.json("ingest", other)["opened"] == ["4th"]


@pytest.mark.parametrize("name", ["a b", "a:b", "100%", "b" * 129, "é"])
def test_an_event_of_a_book_that_cannot_be_named_stops_everything(shell: Shell, name: str) -> None:
    events = write_events(shell.path("e.jsonl"), EVENTS[0], {**EVENTS[0], "book": name})
    told = shell.refused("ingest", events)
    assert "book" in told
    assert told.endswith("; nothing was applied")
    assert shell.json("balances") == []
    assert [report["book"] for report in shell.json("verify")] == ["main"]


AT = {"executed_at": 1_700_000_010_000_000_000}
AAPL = {"instrument": "nasdaq.stock.AAPL", **AT}


@pytest.fixture
def two_books(shell: Shell) -> Shell:
    """Books main and second; strategies 7 and 8 hold 15 and 25 AAPL in them."""
    shell.path("pm.toml").write_text('[books.strategies]\n8 = "second"\n')
    two = Shell(shell.folder, "--config", str(shell.path("pm.toml")), *shell.options)
    two.ok("reference", "load", INSTRUMENTS)
    place = ("--venue", "nasdaq", "--instrument", "nasdaq.stock.AAPL")
    two.ok("deposit", "15", "AAPL", *place, "--strategy", "7", "--cost", "1500")
    two.ok("deposit", "25", "AAPL", *place, "--strategy", "8", "--cost", "2500")
    return two


def told(shell: Shell, *events: dict[str, Any]) -> Any:
    """Ingest events; what was counted."""
    return shell.json("ingest", write_events(shell.path("e.jsonl"), *events))


def counted(shell: Shell, *events: dict[str, Any]) -> dict[str, int]:
    """Ingest events; the results that occurred."""
    counts = told(shell, *events)
    counts.pop("reasons")
    return {name: count for name, count in counts.items() if count}


def quantities(shell: Shell) -> list[tuple[str, str]]:
    """The open positions by book."""
    return [(found["book"], found["quantity"]) for found in shell.json("positions")]


def balances(shell: Shell, token: str) -> list[tuple[str, str]]:
    """A token's balances by book."""
    found = shell.json("balances")
    return [(each["book"], each["total"]) for each in found if each["token"] == token]


def client_of(shell: Shell):  # type: ignore[no-untyped-def]
    """A client of the private server."""
    return connect(str(recorded_socket(open_folder(shell.path("data")))), role="test")


def test_capital_moves_by_a_file_too_and_what_is_declined_is_told(shell: Shell) -> None:
    reserve = {"kind": "reserve", "venue": "binance", "token": "USDT", **AT}
    events = write_events(
        shell.path("e.jsonl"),
        EVENTS[0],
        {**reserve, "event_id": "R1", "order_id": "O1", "amount": "400"},
        {**reserve, "event_id": "R2", "order_id": "O2", "amount": "99999"},
        {**reserve, "kind": "release", "event_id": "L1", "order_id": "O1"},
        {
            "kind": "allocation",
            "event_id": "A1",
            "strategy_id": 7,
            "token": "USDT",
            "amount": 5,
            **AT,
        },
        {
            "kind": "transfer",
            "event_id": "T1",
            "step": "whole",
            "token": "USDT",
            **AT,
            "amount": "100",
            "fee": "1",
            "from_venue": "binance",
            "to_venue": "kraken",
        },
        {
            "kind": "withdrawal",
            "event_id": "W1",
            "venue": "kraken",
            "token": "USDT",
            "amount": 9,
            **AT,
        },
    )
    assert shell.ok("ingest", events) == (
        "applied 6, refused 0, duplicate 0, covered 0, stale 0, noted 0, declined 1\n"
        "  declined 1: insufficient_balance: event/R2\n"
    )
    found = {each["location"]: each["total"] for each in shell.json("balances")}
    assert found == {"binance": "99900", "kraken": "90"}


MARK = {"kind": "mark", "subject": "BTC", "quote": "USD", "price": "65000.5", "time": 10**18}


def test_marks_are_recorded_and_counted(shell: Shell) -> None:
    of_instrument = {**MARK, "subject": "binance.coin.BTCUSDT", "quote": None, "price": "65001"}
    events = write_events(shell.path("e.jsonl"), EVENTS[0], MARK, of_instrument)
    told = shell.ok("ingest", events, "--instruments", INSTRUMENTS)
    assert told == (
        "applied 1, refused 0, duplicate 0, covered 0, stale 0, noted 0, declined 0, marks 2\n"
    )
    with client_of(shell) as client:
        marks = {mark.pair: str(mark.price) for mark in store.read_all(client)}
    assert marks == {("BTC", "USD"): "65000.5", ("binance.coin.BTCUSDT", "USDT"): "65001"}


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"price": "-1"}, "line 2: mark: price: must be 0 or more, not -1"),
        ({"quote": None}, "line 2: mark: quote: is missing"),
        ({"subject": "binance.coin.BTCUSDT"}, "line 2: mark: quote: is USD, but"),
    ],
)
def test_a_wrong_mark_stops_everything(shell: Shell, changed: dict[str, Any], said: str) -> None:
    events = write_events(shell.path("e.jsonl"), EVENTS[0], {**MARK, **changed})
    told = shell.refused("ingest", events, "--instruments", INSTRUMENTS)
    assert said in told
    assert told.endswith("; nothing was applied")
    assert shell.json("balances") == []
    assert shell.json("reference")["version"] == 0


def test_what_happens_to_an_instrument_goes_to_every_book(two_books: Shell) -> None:
    split = {"kind": "split", "event_id": "S1", "numerator": 2, "denominator": 1, **AAPL}
    assert counted(two_books, split) == {"applied": 2}
    assert quantities(two_books) == [("main", "30"), ("second", "50")]
    assert counted(two_books, split) == {"duplicate": 2}
    with client_of(two_books) as client:
        [known] = store.splits(client)["nasdaq.stock.AAPL"]
    assert (known.event_id, str(known.numerator), str(known.denominator)) == ("S1", "2", "1")
    settlement = {"kind": "settlement", "event_id": "E1", "price": "1", **AT}
    assert counted(two_books, {**settlement, "instrument": "binance.future.BTCUSDT"}) == {
        "noted": 2
    }


@pytest.mark.parametrize(
    ("named", "found"), [({"book": "second"}, "50"), ({"strategy_id": 8}, "50")]
)
def test_what_names_a_book_or_a_strategy_goes_to_one_book(
    two_books: Shell, named: dict[str, Any], found: str
) -> None:
    split = {"kind": "split", "event_id": "S1", "numerator": 2, "denominator": 1, **AAPL, **named}
    assert counted(two_books, split) == {"applied": 1}
    assert quantities(two_books) == [("main", "15"), ("second", found)]


def test_a_dividend_is_paid_in_each_book_where_it_is_receivable(two_books: Shell) -> None:
    dividend = {"kind": "dividend", "dividend_id": "D1", **AAPL}
    ex = {**dividend, "event_id": "X1", "step": "ex", "rate": "0.5"}
    paid = {**dividend, "event_id": "X2", "step": "paid"}
    assert counted(two_books, ex, paid) == {"applied": 4}
    assert balances(two_books, "USD") == [("main", "7.5"), ("second", "12.5")]
    assert counted(two_books, ex, paid) == {"duplicate": 4}


def test_a_dividend_with_its_amount_is_paid_in_the_one_book_that_waits_for_it(
    two_books: Shell,
) -> None:
    dividend = {"kind": "dividend", "dividend_id": "D1", **AAPL}
    ex = {**dividend, "event_id": "X1", "step": "ex", "rate": "0.5", "strategy_id": 8}
    paid = {**dividend, "event_id": "X2", "step": "paid", "amount": "12"}
    assert counted(two_books, ex, paid) == {"applied": 2}
    assert balances(two_books, "USD") == [("second", "12")]


def test_a_payment_with_its_amount_is_of_the_default_book(two_books: Shell) -> None:
    whole = {
        "kind": "dividend",
        "event_id": "X1",
        "step": "whole",
        "rate": "0.5",
        "amount": 7,
        **AAPL,
    }
    funding = {"kind": "funding", "event_id": "F1", "amount": "-3", **AT}
    perpetual = {"instrument": "binance.future.BTCUSDT"}
    assert counted(two_books, whole, {**funding, **perpetual}) == {"applied": 2}
    assert balances(two_books, "USD") == [("main", "7")]
    assert balances(two_books, "USDT") == [("main", "-3")]


def test_a_dividend_nobody_waits_for_is_refused_once(two_books: Shell) -> None:
    paid = {"kind": "dividend", "event_id": "X2", "step": "paid", **AAPL}
    found = told(two_books, paid)
    assert found["refused"] == 1
    assert list(found["reasons"]) == ["unknown_dividend: dividend/X2/paid"]


def test_a_key_that_was_tampered_with_is_named_by_verify(shell: Shell) -> None:
    shell.ok(
        "ingest",
        write_events(shell.path("e.jsonl"), *EVENTS),
        *("--instruments", INSTRUMENTS),
    )
    socket = recorded_socket(open_folder(shell.path("data")))
    with connect(str(socket), role="test") as client:
        client.hset(keys.position("main", "7", "binance.coin.BTCUSDT"), "quantity", "0.76")
    result = shell.run("verify")
    assert result.exit_code == 1
    assert "book main IS WRONG" in result.stdout
    wrong = "position:7:binance.coin.BTCUSDT quantity: is '0.76', must be '0.75'"
    assert wrong in result.stdout
    [report] = json.loads(shell.run("verify", "--json").stdout)
    assert (report["whole"], report["differences"]) == (False, [wrong])
