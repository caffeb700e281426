"""`pm ingest`, the quarantine and the reference data, from a stranger's first file on."""

from __future__ import annotations

import json

import pytest

from pm import keys
from pm.connect import connect
from pm.server.folder import open_folder, recorded_socket
from tests.cli.site import EVENTS, INSTRUMENTS, Shell, fill, spawn, write_events

NOPE = '[[instrument]]\nid = "binance.coin.NOPE"\nkind = "spot"\nbase = "NOPE"\nquote = "USDT"\n'


def test_events_are_applied_with_the_instruments_they_need(shell: Shell) -> None:
    events = write_events(shell.path("e.jsonl"), *EVENTS)
    told = shell.ok("ingest", events, "--instruments", INSTRUMENTS)
    assert told == "applied 4, refused 0, duplicate 0, covered 0, stale 0, noted 1\n"
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
