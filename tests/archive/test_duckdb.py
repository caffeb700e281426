"""The archive opened with DuckDB: the query of the documentation, exact to the last digit."""

from __future__ import annotations

import re
from pathlib import Path

import duckdb
import pytest

from tests.cli.site import INSTRUMENTS, ROOT, Shell
from tests.servers import ServerProcess

DOCUMENT = ROOT / "docs" / "archive.md"


def test_the_documented_query_says_what_is_documented(
    valkey_server: ServerProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = DOCUMENT.read_text()
    (query,) = re.findall(r"```sql\n(.*?)```", text, re.DOTALL)
    (shown,) = re.findall(r"│ ([\d-]{10}) │ (\w+) +│ (\d+) +│ +(\d+) │ ([\d.]+) │", text)
    monkeypatch.chdir(tmp_path)
    shell = Shell(tmp_path, "--data", ".pm", "--redis", valkey_server.url)
    shell.ok("ingest", ROOT / "config" / "day.jsonl", "--instruments", INSTRUMENTS)
    shell.ok("archive", "--all-but", "0")

    with duckdb.connect() as database:
        (row,) = database.sql(query).fetchall()
        entries = database.sql("select count(*), min(book) from '.pm/archive/*/*/*.parquet'")
        counted = entries.fetchall()

    # the day is that of receipt: today
    assert tuple(map(str, row[1:])) == shown[1:]
    assert counted == [(10, "main")]


def test_amounts_that_no_float_holds_stay_as_they_are(
    valkey_server: ServerProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    shell = Shell(tmp_path, "--data", ".pm", "--redis", valkey_server.url)
    amount = "12345678901234567890.123456789012345678"
    deposit = (
        f'{{"kind":"deposit","event_id":"D1","token":"WEI","amount":"{amount}","venue":"binance",'
        '"executed_at":1700000000000000000}\n'
    )
    shell.ok("ingest", "-", stdin=deposit)
    shell.ok("archive", "--all-but", "0")
    with duckdb.connect() as database:
        query = "select facts->>'amount' from '.pm/archive/*/*/*.parquet' where event = 'deposit'"
        assert database.sql(query).fetchall() == [(amount,)]
