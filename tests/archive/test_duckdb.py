"""The archive opened with DuckDB: the query of the readme, and amounts exact to the last digit."""

from __future__ import annotations

from pathlib import Path

import duckdb

from tests.cli.site import INSTRUMENTS, ROOT, Shell
from tests.servers import ServerProcess

QUERY = """
select date, seq, event, result, strategy, instrument,
       (facts->>'quantity')::decimal(38,18) * (facts->>'price')::decimal(18,2) as notional
from read_parquet('{archive}/book=main/*/*.parquet', hive_partitioning = true)
where instrument = 'binance.coin.BTCUSDT' and result = 'applied'
order by seq
"""


def test_a_day_is_queried_where_it_lies(valkey_server: ServerProcess, tmp_path: Path) -> None:
    shell = Shell(tmp_path, "--data", str(tmp_path / ".pm"), "--redis", valkey_server.url)
    shell.ok("ingest", ROOT / "config" / "day.jsonl", "--instruments", INSTRUMENTS)
    shell.ok("archive", "--all-but", "0")

    with duckdb.connect() as database:
        found = database.sql(QUERY.format(archive=tmp_path / ".pm" / "archive")).fetchall()
        total = database.sql(
            f"select count(*), min(book) from '{tmp_path}/.pm/archive/*/*/*.parquet'"
        ).fetchall()

    assert [(row[1:6], f"{row[6]:.4f}") for row in found] == [
        ((5, "fill", "applied", "7", "binance.coin.BTCUSDT"), "32500.0600"),
        ((6, "execution_result", "applied", "7", "binance.coin.BTCUSDT"), "48750.0000"),
    ]
    assert total == [(10, "main")]
