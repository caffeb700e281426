"""`pm bust`, `correct`, `adjust`, `restatements`: who changed what, why, and what came of it."""

from __future__ import annotations

import pytest

from tests.cli.site import INSTRUMENTS, Shell, fill, write_events

WHO = ("--by", "anna", "--why", 'wrong "price"')


@pytest.fixture
def traded(shell: Shell) -> Shell:
    """Two fills of strategy 8: 0.5 bought at 65000.12 twice."""
    events = write_events(shell.path("events.jsonl"), fill(1), fill(2))
    shell.ok("ingest", events, "--instruments", INSTRUMENTS)
    return shell


def test_a_bust_tells_what_it_changed(traded: Shell) -> None:
    told = traded.ok("bust", "binance/P1/X1", *WHO, "--id", "C1")
    assert told == (
        "busted binance/P1/X1: BTC at binance 1 -> 0.5;"
        " USDT at binance -65006.62 -> -32503.31, below zero;"
        " position binance.coin.BTCUSDT of strategy 8 1 -> 0.5 (book main, entry 6, id C1)\n"
    )
    again = traded.ok("bust", "binance/P1/X1", *WHO, "--id", "C1")
    assert again.startswith("nothing changed: this has been made before ")
    assert "is right" in traded.ok("verify")


def test_an_execution_id_alone_is_enough_where_it_is_the_only_one(traded: Shell) -> None:
    more = write_events(
        traded.path("more.jsonl"), fill(3, execution_id="X1"), fill(4, execution_id="X4")
    )
    traded.ok("ingest", more)
    assert traded.json("bust", "X4", *WHO)["status"] == "restated"
    line = traded.refused("bust", "X1", *WHO)
    assert line == "pm: several executions are called X1: binance/P1/X1, binance/P3/X1"
    line = traded.refused("bust", "X9", *WHO)
    assert line.startswith("pm: no book knows an execution X9: ")
    line = traded.refused("bust", "a/b", *WHO, code=2)
    assert line.startswith("Error: Invalid value for 'EXECUTION': 'a/b' names no execution: ")


def test_a_correction_gives_a_trade_other_terms(traded: Shell) -> None:
    terms = ("--quantity", "0.25", "--price", "60000", "--fee", "1.5 USDT")
    told = traded.json("correct", "X2", *terms, *WHO, "--id", "C2")
    assert (told["result"], told["status"], told["correction_id"]) == ("applied", "restated", "C2")
    assert not {"id", "made", "correction"} & set(told)
    [position] = told["positions"]
    assert position["new_position"]["cost"] == "47500.06"
    [record] = traded.json("restatements")
    assert (record["status"], record["by"], record["why"]) == ("restated", "anna", "wrong 'price'")
    assert (record["old"]["quantity"], record["new"]["quantity"]) == ("1", "0.75")
    assert record["new"]["fees_paid"] == {"USDT": "4.75"}
    assert {move["token"]: move["amount"] for move in record["cash"]} == {
        "BTC": "-0.25",
        "USDT": "17501.81",
    }
    shown = traded.ok("restatements")
    assert "quantity 1 -> 0.75, cost 65000.12 -> 47500.06" in shown
    assert "by anna: wrong 'price'" in shown


def test_the_journal_shows_what_was_restated(traded: Shell) -> None:
    seq = traded.json("bust", "X1", *WHO)["seq"]
    [entry] = [entry for entry in traded.json("journal") if "restated_by" in entry]
    assert (entry["event"], entry["facts"]["id"]) == ("fill", "binance/P1/X1")
    assert entry["restated_by"] == seq
    assert f"restated by {seq}" in traded.ok("journal")


def test_no_corrections_are_said_to_be_none_and_no_book_is_an_error(traded: Shell) -> None:
    assert traded.ok("restatements") == "there are none\n"
    assert traded.json("restatements") == []
    assert traded.refused("restatements", "--book", "none") == "pm: book none does not exist"


def test_a_correction_waits_for_its_trade(traded: Shell) -> None:
    told = traded.ok("bust", "binance/P7/X7", *WHO, "--id", "C7")
    assert told.startswith("waiting for the trade binance/P7/X7: nothing changed yet (book main, ")
    [record] = traded.json("restatements")
    assert (record["status"], record["trade_seq"], record["new"]) == ("waiting", None, None)
    traded.ok("ingest", write_events(traded.path("late.jsonl"), fill(7)))
    [record] = traded.json("restatements")
    assert (record["status"], record["correction_id"]) == ("restated", "C7")


def test_what_cannot_be_made_is_one_line(traded: Shell) -> None:
    line = traded.refused("correct", "X1", "--quantity", "-1", *WHO, "--id", "C1")
    assert line == (
        "pm: the correction of binance/P1/X1 cannot be made: a buy cannot become a sell: bust it"
        " and tell the right trade"
    )
    [record] = traded.json("restatements")
    assert (record["status"], record["reason"]) == ("failed", "side_differs")
    assert "failed " in traded.ok("restatements")
    (row,) = [row for row in traded.ok("journal").splitlines() if " correction_failed " in row]
    assert " side_differs " in row
    assert " binance/P1/X1 " in row


@pytest.mark.parametrize(
    ("command", "fault"),
    [
        (("bust", "X1", "--why", "x"), "Missing option '--by'."),
        (("bust", "X1", "--by", "x", "--why", ""), "Invalid value for '--why': is empty"),
        (("correct", "X1", "--price", "1", "--by", "", "--why", "x"), "'--by': is empty"),
        (("bust", "X1", "--by", "x"), "Missing option '--why'."),
        (("correct", "X1", *WHO), "say what is corrected: "),
        (("correct", "X1", "--fee", "0.5", *WHO), "'0.5' is no fee: write '0.5 USDT'"),
        (("correct", "X1", "--fee", "1 USDT", "--no-fees", *WHO), "--no-fees cannot stand "),
    ],
)
def test_a_wrong_use_is_told(traded: Shell, command: tuple[str, ...], fault: str) -> None:
    assert fault in traded.refused(*command, code=2)


def test_an_adjustment_says_who_and_why(traded: Shell) -> None:
    place = ("--token", "USDT", "--amount", "-12.5", "--venue", "binance")
    told = traded.ok("adjust", *place, *WHO, "--id", "J1")
    assert told.startswith("adjusted: USDT at binance -65006.62 -> -65019.12, below zero (")
    [entry] = [entry for entry in traded.json("journal") if entry["event"] == "adjustment"]
    facts = entry["facts"]
    assert (facts["by"], facts["why"]) == ("anna", "wrong 'price'")


LEG = ("--strategy", "8", "--instrument", "binance.coin.BTCUSDT", "--quantity", "1", "--cost", "1")
BALANCE = ("--token", "USDT", "--amount", "1")


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        (("--token", "USDT", *WHO), "beside --token say --amount"),
        ((*LEG[2:], *WHO), "beside --instrument, --quantity, --cost say --strategy"),
        ((*LEG[:2], *LEG[4:], *WHO), "beside --strategy, --quantity, --cost say --instrument"),
        (WHO, "say what is adjusted: --token and --amount, or --strategy, --instrument, "),
        ((*BALANCE, *WHO), "say where the balance is: --venue, --location, "),
        ((*BALANCE, "--location", "x", "--account", "y", *WHO), "--account is part of a --loc"),
        ((*LEG, "--by", "x", "--why", " "), "Invalid value for '--why': is empty"),
        ((*LEG, "--by", "", "--why", "x"), "Invalid value for '--by': is empty"),
        ((*LEG, *WHO, "--id", ""), "Invalid value for '--id': '' must not be empty"),
        ((*LEG[:4], "--quantity", "0", *LEG[6:], *WHO), "'--quantity': must not be 0"),
        ((*BALANCE, "--venue", "", *WHO), "Invalid value for '--venue': '' must not be empty"),
        ((*BALANCE, "--chain-id", str(1 << 32), *WHO), "Invalid value for '--chain-id': "),
        (("--frob", *LEG, *WHO), "No such option '--frob'"),
    ],
)
def test_a_wrong_adjustment_is_told_in_its_options(
    shell: Shell, options: tuple[str, ...], fault: str
) -> None:
    assert fault in shell.refused("adjust", *options, code=2)


def test_an_adjustment_of_a_position_is_a_leg_and_no_flow(traded: Shell) -> None:
    leg = ("--strategy", "8", "--instrument", "binance.coin.BTCUSDT")
    told = traded.json("adjust", *leg, "--quantity", "-0.5", "--cost", "-32500", *WHO)
    [position] = told["positions"]
    assert position["new_position"]["quantity"] == "0.5"
    assert position["new_position"]["realized_pnl"] == "-0.06"
    assert "is right" in traded.ok("verify")


def test_a_file_may_correct_its_own_trades(shell: Shell) -> None:
    correction = {"kind": "correct", "event_id": "C1", "execution_id": "X1", "order_id": "P1"}
    correction |= {"venue": "binance", "price": "60000", "by": "binance", "why": "mistyped"}
    correction |= {"executed_at": 1_700_000_100_000_000_000}
    early = {**correction, "kind": "bust", "event_id": "C2", "execution_id": "X9", "price": None}
    events = write_events(shell.path("all.jsonl"), fill(1), correction, early)
    told = shell.ok("ingest", events, "--instruments", INSTRUMENTS)
    assert told.splitlines()[-1] == "corrections: restated 1, waiting 1"
    [position] = shell.json("positions")
    assert position["cost"] == "30000"
    late = write_events(shell.path("late.jsonl"), fill(9, order_id="P1"))
    assert shell.json("ingest", late)["corrections"] == {"restated": 1}
    assert "is right" in shell.ok("verify")


def test_a_fee_is_two_words_however_they_are_spaced(traded: Shell) -> None:
    told = traded.json("correct", "X2", "--fee", " 1.5   USDT", *WHO)
    [position] = told["positions"]
    assert position["new_position"]["fees_paid"] == {"USDT": "4.75"}
    assert "is no fee" in traded.run("correct", "X2", "--fee", "1 US DT", *WHO).output


@pytest.mark.parametrize("execution", ["", "x" * 129])
def test_what_cannot_be_an_execution_id_is_one_line(traded: Shell, execution: str) -> None:
    line = traded.refused("bust", execution, *WHO, code=2)
    assert line.startswith("Error: Invalid value for 'EXECUTION': ")


def test_a_book_that_is_not_there_has_no_restatements(traded: Shell) -> None:
    assert traded.refused("restatements", "--book", "nope") == "pm: book nope does not exist"
