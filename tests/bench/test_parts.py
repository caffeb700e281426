"""Every part runs, and says what it is meant to say. No figure is looked at."""

from __future__ import annotations

from typing import Any

import pytest

from pm.bench import Scale, machine, run_parts
from pm.bench.figures import Row


def _rows(part: str, scale: Scale) -> tuple[Any, ...]:
    (result,) = run_parts([part], scale)
    assert result.part == part
    assert len({tuple(row) for row in result.rows}) == 1, "all rows have the same columns"
    return result.rows


def test_apply_tells_each_batch_for_both_sizes_of_amounts(tiny: Scale) -> None:
    rows = _rows("apply", tiny)
    assert [(row["amounts"].partition(",")[0], row["batch"]) for row in rows] == [
        ("exchange", 1),
        ("exchange", 10),
        ("exchange", 100),
        ("token", 1),
        ("token", 10),
        ("token", 100),
    ]


def test_read_finds_what_each_query_asks_for(tiny: Scale) -> None:
    hashes = {row["query"]: row["hashes"] for row in _rows("read", tiny)}
    assert hashes == {
        "position": 1,
        "balance": 1,
        "trace": 1,
        "netted position": 12,
        "positions of a strategy": 12,
        "strategy portfolio": 13,
        "chain balances": 13,
    }


def test_flat_tells_each_size_and_how_far_they_differ(tiny: Scale) -> None:
    rows = _rows("flat", tiny)
    assert [row["positions"] for row in rows] == ["100", "200", "largest above smallest"]


def test_queries_tells_each_of_the_five_at_each_size_and_how_far_they_differ(
    five_queries: tuple[Row, ...],
) -> None:
    five = [
        "position",
        "strategy portfolio",
        "chain balances",
        "portfolio summary",
        "risk metrics",
    ]
    sizes = ["100", "200", "largest above smallest, %"]
    told = [(row["query"], row["positions"]) for row in five_queries]
    assert told == [(query, size) for query in five for size in sizes]
    assert len({tuple(row) for row in five_queries}) == 1, "all rows have the same columns"


def test_queries_read_as_many_fields_at_each_size(five_queries: tuple[Row, ...]) -> None:
    small, large = (
        {row["query"]: row["fields"] for row in five_queries if row["positions"] == size}
        for size in ("100", "200")
    )
    assert small == large


def test_queries_of_what_a_pass_leaves_are_also_asked_right_after_one(
    five_queries: tuple[Row, ...],
) -> None:
    asked = {row["query"] for row in five_queries if row["after a pass p50 µs"] != "-"}
    assert asked == {"strategy portfolio", "portfolio summary", "risk metrics"}


def test_reserve_tells_each_call_by_number_of_processes_and_what_was_reserved(tiny: Scale) -> None:
    (result,) = run_parts(["reserve"], tiny)
    told = [(row["appendfsync"], row["call"], row["processes"]) for row in result.rows]
    assert told == [
        (appendfsync, call, processes)
        for appendfsync in ("everysec", "always")
        for processes in (1, 4)
        for call in ("reserve", "release")
    ]
    assert "of 24 asking for twice what was left 12 were accepted" in result.notes[-1]


def test_valuation_tells_passes_alone_and_beside_fills(tiny: Scale) -> None:
    rows = {row["pass"]: row for row in _rows("valuation", tiny)}
    assert {name: row["valued"] for name, row in rows.items()} == {
        "first, nothing remembered": 144,
        "all marks changed": 144,
        "no mark changed": 0,
        "all marks changed, beside fills": 144,
        "no pass, fills alone": "-",
    }
    with_fills = {name for name, row in rows.items() if row["fill p99 µs"] != "-"}
    assert with_fills == {"all marks changed, beside fills", "no pass, fills alone"}


def test_decode_tells_records_and_facts_of_each_frame(tiny: Scale) -> None:
    steps = [row["step"] for row in _rows("decode", tiny)]
    assert steps[3:] == [
        "ER48 frame -> records",
        "ER48 frame -> facts, ready to apply",
        "ER96 frame -> records",
        "ER96 frame -> facts, ready to apply",
        "ER96 with trace frame -> records",
        "ER96 with trace frame -> facts, ready to apply",
    ]


def test_stream_hears_of_every_fill_at_each_rate(tiny: Scale) -> None:
    rows = _rows("stream", tiny)
    assert [row["fills/s"] for row in rows] == ["100", "200"]


@pytest.mark.slow
def test_failover_loses_no_fill(tiny: Scale) -> None:
    (row,) = _rows("failover", tiny)
    assert row["kills"] == 1


def test_peer_sets_the_naive_client_beside_each_batch(tiny: Scale) -> None:
    clients = [row["client"] for row in _rows("peer", tiny)]
    assert clients == [
        "WATCH, MULTI, EXEC",
        "apply, batches of 1",
        "apply, batches of 10",
        "apply, batches of 100",
    ]


def test_progress_names_the_part(tiny: Scale, said: list[str]) -> None:
    list(run_parts(["decode"], tiny))
    assert said[0] == "part decode"


def test_the_machine_names_the_server_measured(tiny: Scale) -> None:
    assert str(machine(tiny)["server"]).startswith("valkey ")


def test_rebuild_tells_both_sizes_of_amounts(tiny: Scale) -> None:
    rows = _rows("rebuild", tiny)
    assert [(row["amounts"].partition(",")[0], row["entries"]) for row in rows] == [
        ("exchange", 444),
        ("token", 444),
    ]


def test_archive_tells_each_compression_and_what_redis_takes(tiny: Scale) -> None:
    rows = {row["compression"]: row for row in _rows("archive", tiny)}
    assert list(rows) == ["lz4", "zstd", "snappy", "gzip", "none"]
    assert all(
        row["bytes/entry"] < rows["none"]["bytes/entry"]
        for row in rows.values()
        if row is not rows["none"]
    )
