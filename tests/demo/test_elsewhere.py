"""The demo's last checks can fail: what is not the same elsewhere, or at the venue, is named."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import pytest
import redis

from pm import keys
from pm.books import opening, reference_store
from pm.client.capital import Capital
from pm.demo.archived import archive_books
from pm.demo.desk import BOOKS, FUNDING
from pm.demo.elsewhere import rebuild_elsewhere
from pm.demo.ledger import Ledger
from pm.demo.scenario import build_scenario
from pm.demo.statement import VENUE, reconcile_with, write_statement
from pm.functions import library
from pm.settings import Settings
from tests.servers import AnyServer, ServerProcess

REFERENCE = build_scenario(1, 10).reference


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data=tmp_path)


@pytest.fixture
def ledger(valkey_server: ServerProcess, settings: Settings) -> Ledger:
    """The demo's books with the money they start with, and what they must hold."""
    client = valkey_server.client(decode=False)
    library.load(client)
    version, changed = reference_store.merge(client, REFERENCE)
    for book in BOOKS:
        opening.open_book(client, book, seen_generation_size=1_000)
        opening.adopt_reference(client, book, version, len(changed))
    capital, ledger = Capital(client, settings), Ledger(REFERENCE)
    for given in FUNDING:
        capital.deposit(given.amount, given.token, location=given.location, book=given.book)
        ledger.fund(given.book, given.location, given.token, Fraction(given.amount))
    return ledger


def shift(client: redis.Redis, book: str, place: str, token: str) -> None:
    """One more of a token, by no event."""
    client.hincrbyfloat(keys.balance(book, place, token), "total", 1)


def test_books_of_one_engine_are_the_same_on_the_other(
    valkey_server: ServerProcess, redis_server: AnyServer, ledger: Ledger, settings: Settings
) -> None:
    here = valkey_server.client(decode=False)
    archived = archive_books(here, settings)
    assert archived.entries == sum(int(here.hget(keys.book(book), "seq") or 0) for book in BOOKS)
    assert archived.size_bytes > 0

    made = rebuild_elsewhere(here, redis_server.client(decode=False), settings)

    assert list(made.differences) == []
    assert made.keys > len(ledger.balances)


def test_what_is_not_the_same_elsewhere_is_named(
    valkey_server: ServerProcess, redis_server: AnyServer, ledger: Ledger, settings: Settings
) -> None:
    here = valkey_server.client(decode=False)
    archive_books(here, settings)
    shift(here, "onchain", "ethereum", "WBTC")

    made = rebuild_elsewhere(here, redis_server.client(decode=False), settings)

    assert list(made.differences) == [
        "book onchain: rebuilt balance:ethereum:WBTC total: is '12.5', must be '13.5'"
    ]


def test_an_archive_that_is_damaged_is_a_difference_and_not_the_end(
    valkey_server: ServerProcess, redis_server: AnyServer, ledger: Ledger, settings: Settings
) -> None:
    here = valkey_server.client(decode=False)
    archive_books(here, settings)
    (file,) = settings.archive_path.glob("book=main/*/*.parquet")
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 4
    file.write_bytes(content)

    made = rebuild_elsewhere(here, redis_server.client(decode=False), settings)

    assert made.differences
    assert "main" in made.differences[0]


def test_a_statement_of_the_ledger_agrees_with_the_books(
    valkey_server: ServerProcess, ledger: Ledger, settings: Settings, tmp_path: Path
) -> None:
    path = tmp_path / "balances.json"
    write_statement(path, ledger)
    totals = json.loads(path.read_text())["total"]
    # Two books have money there.
    assert totals == {"BTC": "25", "ETH": "400", "SOL": "5000", "USDT": "4900000"}

    report = reconcile_with(valkey_server.client(decode=False), settings, path)

    assert (report.location, report.compared, report.found) == (VENUE, len(totals), ())


def test_a_statement_that_differs_is_a_break(
    valkey_server: ServerProcess, ledger: Ledger, settings: Settings, tmp_path: Path
) -> None:
    path, client = tmp_path / "balances.json", valkey_server.client(decode=False)
    write_statement(path, ledger)
    shift(client, "derivatives", VENUE, "USDT")

    (found,) = reconcile_with(client, settings, path).found

    assert (found.subject, found.ours, found.theirs) == ("binance:USDT", "4900001", "4900000")
