"""`pm reserve`, `release`, `deposit`, `withdraw`, `allocate`: one line each, none by mistake."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.cli.site import INSTRUMENTS, Shell

RANDOM_ID = r"id [0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\)"


@pytest.fixture
def funded(shell: Shell) -> Shell:
    """A book with 1000 USDT at binance."""
    shell.ok("reference", "load", INSTRUMENTS)
    shell.ok("deposit", "1000", "USDT", "--venue", "binance", "--id", "D1")
    return shell


def standing(shell: Shell) -> list[tuple[int, str]]:
    """Where every book stands; it differs after any event."""
    return [(report["seq"], report["digest"]) for report in shell.json("verify")]


def test_a_deposit_tells_what_it_changed_and_counts_once_under_its_id(shell: Shell) -> None:
    deposit = ("deposit", "1000.50", "USDT", "--venue", "binance", "--id", "D1")
    told = shell.ok(*deposit)
    assert told == (
        "deposited 1000.5 USDT: USDT at binance (new) 0 -> 1000.5 (book main, entry 2, id D1)\n"
    )
    again = shell.ok(*deposit)
    assert again == "nothing changed: this has counted before (book main, entry 3, id D1)\n"
    [balance] = shell.json("balances")
    assert balance["total"] == "1000.5"


def test_an_id_that_was_made_up_is_told_so_that_the_command_can_be_repeated(
    funded: Shell,
) -> None:
    withdraw = ("withdraw", "1", "USDT", "--venue", "binance")
    told = funded.ok(*withdraw)
    assert re.search(RANDOM_ID, told)
    made_up = told.rpartition("id ")[2].rstrip(")\n")
    assert funded.ok(*withdraw, "--id", made_up).startswith("nothing changed: ")
    assert funded.ok(*withdraw).startswith("withdrew 1 USDT: USDT at binance 999 -> 998 ")


def test_json_tells_result_and_balances(funded: Shell) -> None:
    told = funded.json("deposit", "5", "USDT", "--venue", "binance", "--id", "D2")
    assert (told["result"], told["reason"], told["id"]) == ("applied", "", "D2")
    assert (told["book"], told["seq"]) == ("main", standing(funded)[0][0])
    [change] = told["balances"]
    assert (change["book"], change["location"], change["token"]) == ("main", "binance", "USDT")
    assert change["old_balance"]["total"] == "1000"
    assert change["new_balance"] == {"available": "1005", "reserved": "0", "total": "1005"}
    again = funded.json("deposit", "5", "USDT", "--venue", "binance", "--id", "D2")
    assert again["result"] == "duplicate"


def test_a_reservation_tells_what_is_still_available(funded: Shell) -> None:
    told = funded.ok("reserve", "O1", "200", "USDT", "--venue", "binance", "--strategy", "7")
    assert told.startswith(
        "reserved 200 USDT for order O1 of binance: USDT at binance reserved 0 -> 200,"
        " available 1000 -> 800 (book main, entry "
    )
    again = funded.ok("reserve", "O1", "200", "USDT", "--venue", "binance", "--strategy", "7")
    assert again.startswith("nothing changed: ")
    more = funded.json("reserve", "O1", "50", "USDT", "--venue", "binance", "--id", "R2")
    assert more["balances"][0]["new_balance"]["reserved"] == "250"


def test_what_is_not_there_is_declined_in_one_line(funded: Shell) -> None:
    funded.ok("reserve", "O1", "200", "USDT", "--venue", "binance")
    reserve = ("reserve", "O2", "900", "USDT", "--venue", "binance")
    said = "pm: insufficient balance: 900 USDT asked at binance, 800 available"
    assert funded.refused(*reserve) == said
    assert funded.refused(*reserve, "--json") == said
    [balance] = funded.json("balances")
    assert (balance["available"], balance["reserved"]) == ("800", "200")


def test_a_release_tells_what_it_gave_back(funded: Shell) -> None:
    funded.ok("reserve", "O1", "200", "USDT", "--venue", "binance", "--quantity", "2")
    release = ("release", "O1", "USDT", "--venue", "binance")
    told = funded.ok(*release, "--amount", "50")
    assert told.startswith(
        "released 50 USDT of order O1 of binance: USDT at binance reserved 200 -> 150,"
        " available 800 -> 850 (book main, entry "
    )
    assert funded.json(*release)["released"] == "150"
    told = funded.ok(*release)
    assert told.startswith("released nothing: order O1 of binance has no USDT reserved there (")


def test_a_position_comes_along_with_a_deposit(funded: Shell) -> None:
    place = ("--venue", "binance", "--strategy", "7", "--instrument", "binance.coin.BTCUSDT")
    funded.ok("deposit", "3", "BTC", *place, "--cost", "300")
    funded.ok("withdraw", "1", "BTC", *place)
    [position] = funded.json("positions")
    assert (position["quantity"], position["cost"]) == ("2", "200")


def test_a_withdrawal_tells_what_left_the_position_and_what_had_none(funded: Shell) -> None:
    place = ("--venue", "binance", "--strategy", "7", "--instrument", "binance.coin.BTCUSDT")
    told = funded.ok("deposit", "1.75", "BTC", *place, "--cost", "300")
    assert "; position binance.coin.BTCUSDT of strategy 7 (new) 0 -> 1.75 (book main" in told
    told = funded.ok("withdraw", "100", "BTC", *place)
    assert told.startswith(
        "withdrew 100 BTC: BTC at binance 1.75 -> -98.25, below zero;"
        " position binance.coin.BTCUSDT of strategy 7 1.75 -> 0; 98.25 BTC had no position (book "
    )
    told = funded.ok("withdraw", "1", "BTC", *place)
    assert "-98.25 -> -99.25, below zero; 1 BTC had no position (book main" in told
    [change] = funded.json("deposit", "1", "BTC", *place, "--cost", "100")["positions"]
    assert (change["book"], change["new_position"]["quantity"]) == ("main", "1")


def test_capital_is_allocated_and_taken_back(funded: Shell) -> None:
    told = funded.ok("allocate", "7", "500", "USDT")
    assert told.startswith("allocated 500 USDT to strategy 7: 0 -> 500 (book main, entry ")
    told = funded.ok("allocate", "7", "-120.5", "USDT", "--id", "A2")
    assert told.startswith("allocated -120.5 USDT to strategy 7: 500 -> 379.5 (book main, entry ")
    assert funded.json("allocate", "7", "-120.5", "USDT", "--id", "A2")["allocated"] == "379.5"


def test_the_book_is_the_strategys_unless_one_is_named(shell: Shell) -> None:
    shell.path("pm.toml").write_text('[books.strategies]\n8 = "second"\n')
    two = Shell(shell.folder, "--config", str(shell.path("pm.toml")), *shell.options)
    assert two.json("allocate", "8", "1", "USDT")["book"] == "second"
    assert two.json("allocate", "7", "1", "USDT")["book"] == "main"
    assert two.json("allocate", "7", "1", "USDT", "--book", "second")["book"] == "second"


AT_BINANCE = ("--venue", "binance")
BTC = ("--strategy", "7", "--instrument", "binance.coin.BTCUSDT")
BAD: tuple[tuple[tuple[str, ...], int, str], ...] = (
    (("reserve", "O1", "0", "USDT", *AT_BINANCE), 2, "'AMOUNT': must be more than 0, not 0"),
    (("reserve", "O1", "1.x", "USDT", *AT_BINANCE), 2, "'AMOUNT': '1.x' is not a decimal number"),
    (("reserve", "O1", "1", "USDT"), 2, "Missing option '--venue'"),
    (("reserve", "O1", "1", *AT_BINANCE), 2, "Missing argument 'TOKEN'"),
    (("reserve", "", "1", "USDT", *AT_BINANCE), 1, "pm: reserve: order_id: must not be empty"),
    (
        ("reserve", "O1", "1", "USDT", *AT_BINANCE, "--quantity", "-1"),
        2,
        "'--quantity': must be more than 0, not -1",
    ),
    (
        ("reserve", "O1", "1", "USDT", *AT_BINANCE, "--strategy", "65536"),
        2,
        "65536 is not in the range",
    ),
    (
        ("reserve", "O1", "1", "USDT", *AT_BINANCE, "--location", "a", "--account", "b"),
        1,
        "pm: reserve: account: is part of a location, which is given too",
    ),
    (
        ("reserve", "O1", "1", "USDT", *AT_BINANCE, "--book", "nope"),
        1,
        "pm: book nope does not exist",
    ),
    (("reserve", "O1", "1001", "BTC", *AT_BINANCE), 1, "1001 BTC asked at binance, 0 available"),
    (
        ("release", "O1", "USDT", *AT_BINANCE, "--amount", "0"),
        2,
        "'--amount': must be more than 0, not 0",
    ),
    (("release", "O1", "USDT"), 2, "Missing option '--venue'"),
    (("deposit", "0", "USDT", *AT_BINANCE), 2, "'AMOUNT': must be more than 0, not 0"),
    (("deposit", "-5", "USDT", *AT_BINANCE), 2, "'AMOUNT': must be more than 0, not -5"),
    (("deposit", "5", "USDT", "--vennue", "binance"), 2, "No such option '--vennue'"),
    (("withdraw", "-0.5", "USDT", *AT_BINANCE), 2, "'AMOUNT': must be more than 0, not -0.5"),
    (("reserve", "O1", "-5", "USDT", *AT_BINANCE), 2, "'AMOUNT': must be more than 0, not -5"),
    (("deposit", "5", "USDT"), 1, "pm: deposit: location: is missing, or account, venue"),
    (("deposit", "5", "US DT ", "--venue", ""), 1, "pm: deposit: venue: must not be empty"),
    (
        ("deposit", "5", "BTC", *AT_BINANCE, "--cost", "5"),
        1,
        "pm: deposit: strategy_id: is missing",
    ),
    (
        ("deposit", "5", "BTC", *AT_BINANCE, *BTC, "--cost", "5 USDT"),
        2,
        "'--cost': '5 USDT' is not a decimal number",
    ),
    (
        ("deposit", "5", "ETH", *AT_BINANCE, *BTC, "--cost", "5"),
        1,
        "pm: binance.coin.BTCUSDT is a position in BTC, not in ETH",
    ),
    (
        ("withdraw", "5", "NO", *AT_BINANCE, "--strategy", "7", "--instrument", "binance.coin.NO"),
        1,
        "pm: binance.coin.NO is not in the reference",
    ),
    (("withdraw", "5", "BTC", "--location", "x", "--chain", "1"), 2, "No such option '--chain'"),
    (("allocate", "7", "0", "USDT"), 2, "'AMOUNT': must not be 0"),
    (("allocate", "7", "-x", "USDT"), 2, "'AMOUNT': '-x' is not a decimal number"),
    (("allocate", "x", "1", "USDT"), 2, "'x' is not a valid integer range"),
    (("allocate", "7", "1", "USDT", "--bok", "x"), 2, "unexpected extra arguments (--bok x)"),
)


@pytest.mark.parametrize(("arguments", "code", "said"), BAD)
def test_what_is_wrong_is_said_in_one_line_and_no_balance_moves(
    funded: Shell, arguments: tuple[str, ...], code: int, said: str
) -> None:
    before, was = funded.json("balances"), standing(funded)
    assert said in funded.refused(*arguments, code=code)
    assert funded.json("balances") == before
    # What the books themselves decline is in their journal, as every decision is.
    is_declined = "available" in said
    assert (standing(funded) == was) is not is_declined


def test_what_is_refused_by_the_books_changes_no_balance(funded: Shell) -> None:
    funded.ok("reserve", "O1", "1", "USDT", "--venue", "binance", "--strategy", "7")
    before: Any = funded.json("balances")
    told = funded.refused(
        *("reserve", "O1", "1", "USDT", "--venue", "binance", "--strategy", "8", "--id", "R2")
    )
    assert told == "pm: book main refused the reserve: the order belongs to another strategy"
    assert funded.json("balances") == before
    funded.ok("verify")
