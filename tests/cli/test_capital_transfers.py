"""`pm transfer`: at once, in steps, to another book, and finished after a death at every step."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.cli.site import INSTRUMENTS, Shell, spawn

TO_KRAKEN = ("transfer", "100", "USDT", "--from", "binance", "--to", "kraken")
POSITION = ("--strategy", "7", "--instrument", "binance.coin.BTCUSDT")


@pytest.fixture
def funded(shell: Shell) -> Shell:
    """Books main and second; main has 1000 USDT and 3 BTC of strategy 7 that cost 300."""
    shell.path("pm.toml").write_text('[books.strategies]\n8 = "second"\n')
    two = Shell(shell.folder, "--config", str(shell.path("pm.toml")), *shell.options)
    two.ok("reference", "load", INSTRUMENTS)
    two.ok("deposit", "1000", "USDT", "--venue", "binance")
    two.ok("deposit", "3", "BTC", "--venue", "binance", *POSITION, "--cost", "300")
    return two


def totals(shell: Shell, token: str = "USDT") -> dict[str, str]:
    """What lies where, by book and location."""
    return {
        f"{balance['book']} {balance['location']}": balance["total"]
        for balance in shell.json("balances")
        if balance["token"] == token
    }


def standing(shell: Shell) -> list[tuple[int, str]]:
    """Where every book stands; it differs after any event."""
    return [(report["seq"], report["digest"]) for report in shell.json("verify")]


def held(shell: Shell) -> dict[str, tuple[str, str, str]]:
    """Quantity, cost and transfer cost of every position, by book and instrument."""
    return {
        f"{found['book']} {found['instrument_id']}": (
            found["quantity"],
            found["cost"],
            found["transfer_cost"],
        )
        for found in shell.json("positions")
    }


@pytest.mark.parametrize("loss", [("--arrived", "99"), ("--fee", "1"), ("--fee", "1.00")])
def test_an_amount_moves_at_once_less_what_gets_lost(funded: Shell, loss: tuple[str, ...]) -> None:
    told = funded.ok(*TO_KRAKEN, *loss, "--id", "T1")
    assert told.startswith(
        "moved 100 USDT from binance to kraken: USDT at binance 1000 -> 900;"
        " USDT at kraken (new) 0 -> 99 (book main, entry "
    )
    assert told.endswith(", id T1)\n")
    assert funded.ok(*TO_KRAKEN, *loss, "--id", "T1").startswith("nothing changed: ")
    assert totals(funded) == {"main binance": "900", "main kraken": "99"}


def test_the_word_move_and_options_may_stand_where_they_like(funded: Shell) -> None:
    funded.ok("transfer", "move", "1", "USDT", "--from", "binance", "--to", "kraken")
    funded.ok("transfer", "--from", "binance", "--to", "kraken", "1", "USDT")
    assert totals(funded) == {"main binance": "998", "main kraken": "2"}


def test_a_position_moves_along(funded: Shell) -> None:
    funded.ok(
        *("transfer", "1", "BTC", "--from", "binance", "--to", "kraken", "--fee", "0.01"),
        *(*POSITION, "--to-instrument", "kraken.coin.BTC", "--rate", "2"),
    )
    assert held(funded) == {
        "main binance.coin.BTCUSDT": ("2", "200", "1"),
        "main kraken.coin.BTC": ("0.99", "198", "0"),
    }


def test_a_transfer_tells_what_left_the_position_and_what_had_none(funded: Shell) -> None:
    funded.ok("deposit", "2", "BTC", "--venue", "binance")
    told = funded.ok(
        *("transfer", "4", "BTC", "--from", "binance", "--to", "kraken"),
        *(*POSITION, "--to-instrument", "kraken.coin.BTC", "--rate", "2"),
    )
    assert "; position binance.coin.BTCUSDT of strategy 7 3 -> 0; position kraken.coin.BTC" in told
    assert "; 1 BTC had no position (book main" in told


def test_what_was_sent_is_listed_until_it_arrives(funded: Shell) -> None:
    told = funded.ok(*TO_KRAKEN, "--two-step", "--id", "T1")
    assert told.startswith("sent 100 USDT from binance")
    assert "USDT at binance 1000 -> 900 (" in told
    listed = funded.ok("transfer", "list")
    assert listed.splitlines()[1].split()[:6] == ["main", "T1", "100", "USDT", "binance", "kraken"]
    [record] = funded.json("transfer", "list")
    assert (record["transfer_id"], record["status"], record["amount"]) == ("T1", "in_flight", "100")
    told = funded.ok("transfer", "arrive", "T1", "--fee", "1")
    assert told.startswith("99 of 100 USDT arrived: USDT at kraken (new) 0 -> 99 (book ")
    assert funded.json("transfer", "list") == []
    assert funded.ok("transfer", "arrive", "T1").startswith("nothing changed: ")


def test_what_failed_is_back(funded: Shell) -> None:
    funded.ok(*TO_KRAKEN, "--two-step", "--id", "T1")
    told = funded.ok("transfer", "fail", "T1")
    assert told.startswith("100 USDT came back: USDT at binance 900 -> 1000 (book main, entry ")
    assert funded.json("transfer", "fail", "T1")["result"] == "duplicate"
    assert totals(funded) == {"main binance": "1000"}


def test_an_amount_goes_to_another_book(funded: Shell) -> None:
    told = funded.json(*TO_KRAKEN, "--fee", "1", "--to-book", "second", "--id", "T1")
    steps = [(step["book"], step["result"]) for step in told["steps"]]
    assert steps == [("main", "applied"), ("second", "applied"), ("main", "applied")]
    assert (told["result"], told["transfer"]["status"]) == ("applied", "arrived")
    assert [(b["book"], b["location"]) for b in told["balances"]] == [
        ("main", "binance"),
        ("second", "kraken"),
    ]
    again = funded.ok(*TO_KRAKEN, "--fee", "1", "--to-book", "second", "--id", "T1")
    assert again.startswith("nothing changed: ")


def test_balances_of_two_books_are_told_apart(funded: Shell) -> None:
    told = funded.ok(*TO_KRAKEN, "--to-book", "second")
    assert (
        "from binance to kraken: main: USDT at binance 1000 -> 900;"
        " second: USDT at kraken (new) 0 -> 100 (" in told
    )


TO_SECOND = (
    *("transfer", "1", "BTC", "--from", "binance", "--to", "kraken", "--fee", "0.01"),
    *(*POSITION, "--to-instrument", "kraken.coin.BTC", "--rate", "2", "--to-book", "second"),
    *("--id", "T1"),
)
ARRIVE = (
    *("transfer", "arrive", "T1", "--fee", "0.01", "--to-instrument", "kraken.coin.BTC"),
    *("--rate", "2"),
)


def killed(shell: Shell, *arguments: str, at: str) -> None:
    """Run a command that is killed at a step."""
    process = spawn(*shell.options, *arguments, cwd=Path(shell.folder), PM_TEST_CRASH_AT=at)
    process.communicate()
    assert process.returncode == -9


def assert_moved(shell: Shell) -> None:
    assert held(shell) == {
        "main binance.coin.BTCUSDT": ("2", "200", "1"),
        "second kraken.coin.BTC": ("0.99", "198", "0"),
    }
    assert totals(shell, "BTC") == {"main binance": "2", "second kraken": "0.99"}
    assert shell.json("transfer", "list") == []
    shell.ok("verify")


@pytest.mark.parametrize("step", ["transfer_after_sent", "transfer_after_arrived"])
def test_a_way_to_another_book_cut_off_by_a_death_is_finished_by_a_repetition(
    funded: Shell, step: str
) -> None:
    killed(funded, *TO_SECOND, at=step)
    [record] = funded.json("transfer", "list")
    assert (record["transfer_id"], record["to_book"]) == ("T1", "second")
    funded.ok("verify")
    funded.ok(*TO_SECOND)
    assert_moved(funded)
    assert funded.ok(*TO_SECOND).startswith("nothing changed: ")
    assert_moved(funded)


@pytest.mark.parametrize("step", ["transfer_after_sent", "transfer_after_arrived"])
def test_it_is_finished_by_its_arrival_as_well(funded: Shell, step: str) -> None:
    killed(funded, *TO_SECOND, at=step)
    funded.ok(*ARRIVE)
    assert_moved(funded)


def test_an_arrival_cut_off_by_a_death_is_finished_by_a_repetition(funded: Shell) -> None:
    funded.ok(
        *("transfer", "1", "BTC", "--from", "binance", "--to", "kraken", *POSITION),
        *("--to-book", "second", "--id", "T1", "--two-step"),
    )
    killed(funded, *ARRIVE, at="transfer_after_arrived")
    told = funded.refused("transfer", "fail", "T1")
    assert told.endswith(", but it has arrived in book second")
    funded.ok(*ARRIVE)
    assert_moved(funded)


T0 = ("--two-step", "--id", "T0")
BAD: tuple[tuple[tuple[str, ...], int, str], ...] = (
    (("transfer", "0", "USDT", "--from", "a", "--to", "b"), 2, "must be more than 0, not 0"),
    (("transfer", "-5", "USDT", "--from", "a", "--to", "b"), 2, "must be more than 0, not -5"),
    (("transfer", "move", "-5", "USDT", "--from", "a", "--to", "b"), 2, "more than 0, not -5"),
    (("transfer", "x", "USDT", "--from", "a", "--to", "b"), 2, "'x' is not a decimal number"),
    (("transfer", "1", "--from", "a", "--to", "b"), 2, "Missing argument 'TOKEN'"),
    (("transfer", "1", "USDT", "--from", "a"), 2, "Missing option '--to'"),
    (("transfer", "1", "USDT", "--from", "a", "--to", "a"), 1, "from and to are the same, a"),
    (("transfer", "1", "USDT", "--from", "", "--to", "a"), 1, "from_location: must not be empty"),
    ((*TO_KRAKEN, "--arrived", "101"), 1, "101 would arrive of 100 that was sent"),
    ((*TO_KRAKEN, "--fee", "100"), 2, "--fee 100: nothing is left of 100"),
    ((*TO_KRAKEN, "--fee", "-1"), 2, "must be 0 or more, not -1"),
    ((*TO_KRAKEN, "--fee", "1", "--arrived", "99"), 2, "give --arrived or --fee, not both"),
    ((*TO_KRAKEN, "--two-step", "--fee", "1"), 2, "--fee belongs to `pm transfer arrive`"),
    ((*TO_KRAKEN, "--two-step", "--to-token", "x"), 2, "--to-token belongs to `pm transfer arr"),
    ((*TO_KRAKEN, "--rate", "0"), 2, "must be more than 0, not 0"),
    ((*TO_KRAKEN, "--instrument", "binance.coin.BTCUSDT"), 1, "strategy_id: is missing beside"),
    ((*TO_KRAKEN, *POSITION), 1, "binance.coin.BTCUSDT is a position in BTC, not in USDT"),
    ((*TO_KRAKEN, "--to-book", "main"), 1, "main is the book it comes from"),
    ((*TO_KRAKEN, "--to-book", "third"), 1, "book third does not exist"),
    ((*TO_KRAKEN, "--book", "third"), 1, "book third does not exist"),
    ((*TO_SECOND[:1], "4", *TO_SECOND[2:]), 1, "holds 3 of binance.coin.BTCUSDT in book main"),
    (("transfer", "arrive", "T9"), 1, "no book knows a transfer T9"),
    (("transfer", "arrive"), 2, "Missing argument 'ID'"),
    (("transfer", "arrive", "T0", "--arrived", "11"), 1, "11 would arrive of 10 that was sent"),
    (("transfer", "arrive", "T0", "--fee", "10"), 2, "--fee 10: nothing is left of 10"),
    (("transfer", "arrive", "T0", "--book", "second"), 1, "book second knows no transfer T0"),
    (("transfer", "fail", "T9"), 1, "no book knows a transfer T9"),
    (("transfer", "list", "--nope"), 2, "No such option '--nope'"),
)


@pytest.mark.parametrize(("arguments", "code", "said"), BAD)
def test_what_is_wrong_is_said_in_one_line_and_changes_nothing(
    funded: Shell, arguments: tuple[str, ...], code: int, said: str
) -> None:
    funded.ok("transfer", "10", "USDT", "--from", "binance", "--to", "kraken", *T0)
    before: Any = (standing(funded), funded.json("balances"))
    assert said in funded.refused(*arguments, code=code)
    assert (standing(funded), funded.json("balances")) == before
