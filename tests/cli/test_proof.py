"""verify, rebuild and --at, as they are typed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pm import keys
from pm.connect import connect
from pm.server import embedded_server
from tests.cli.site import EVENTS, INSTRUMENTS, Shell, write_events
from tests.servers import server_folder


@pytest.fixture
def site(shell: Shell) -> Shell:
    """Commands on a server of their own that was told EVENTS."""
    events = write_events(shell.path("events.jsonl"), *EVENTS)
    shell.ok("ingest", events, "--instruments", INSTRUMENTS)
    return shell


def _damage(shell: Shell) -> None:
    with (
        embedded_server(shell.folder / "data") as target,
        connect(target, role="test") as client,
    ):
        client.hset(keys.balance("main", "binance", "USDT"), "total", "1")


def test_verify_goes_on_from_the_checkpoint_it_kept(site: Shell) -> None:
    (whole,) = site.json("verify", "--checkpoint")
    (short,) = site.json("verify", "--from-checkpoint")
    assert whole["entries"] == whole["seq"] == short["seq"] == short["from_seq"]
    assert short["entries"] == 0
    _damage(site)
    again = site.run("verify", "--from-checkpoint", "--json")
    assert again.exit_code == 1
    assert "balance:binance:USDT total: is '1'" in json.loads(again.stdout)[0]["differences"][0]


def test_verify_names_the_checkpoint_it_kept(site: Shell) -> None:
    *_, line = site.ok("verify", "--checkpoint").splitlines()
    assert Path(line.removeprefix("  kept as a checkpoint: ")).is_file()
    assert "checkpoint" not in site.ok("verify")


def test_verify_and_rebuild_count_the_same_keys(site: Shell) -> None:
    (proof,), (done,) = site.json("verify"), site.json("rebuild")
    assert proof["keys"] == done["keys"] > 0


def test_rebuild_tells_what_was_wrong_and_heals_it(site: Shell) -> None:
    before = site.json("balances")
    assert "every key was as it had to be" in site.ok("rebuild")
    _damage(site)
    looked = site.run("rebuild", "--dry-run")
    assert looked.exit_code == 1
    assert "1 is not as it must be:" in looked.stdout
    assert "balance:binance:USDT total: is '1'" in looked.stdout
    assert site.json("balances") != before
    (done,) = site.json("rebuild", "--book", "main")
    assert (done["switched"], done["difference_count"]) == (True, 1)
    assert site.json("balances") == before
    assert site.json("verify")[0]["whole"]


def test_an_accepted_digest_is_one_and_is_told_where_it_was_not_needed(site: Shell) -> None:
    assert "'nonsense' is no digest" in site.refused(
        "rebuild", "--accept-digest", "nonsense", code=2
    )
    digest = site.json("verify")[0]["digest"]
    assert "--accept-digest was not needed" in site.ok("rebuild", "--accept-digest", digest)
    with (
        embedded_server(site.folder / "data") as target,
        connect(target, role="test") as client,
    ):
        client.hset(keys.book("main"), "digest", "0" * 40)
    assert "--accept-digest" in site.refused("rebuild")
    (done,) = site.json("rebuild", "--accept-digest", digest)
    assert (done["switched"], done["used_accepted_digest"]) == (True, True)


def test_setting_aside_is_only_for_what_the_archive_replaces(site: Shell) -> None:
    assert "needs --from archive" in site.refused("rebuild", "--set-aside", code=2)


def test_rebuild_of_what_is_not_there_is_one_line(site: Shell, tmp_path: Path) -> None:
    assert site.refused("rebuild", "--book", "other") == (
        "pm: book other is not rebuilt: there is no journal of it; nothing was changed"
    )
    with server_folder() as empty, embedded_server(empty / "data"):
        shell = Shell(empty, "--data", str(empty / "data"))
        assert "hold no book" in shell.refused("rebuild")


def test_the_past_by_seq_and_by_time_in_every_command(site: Shell) -> None:
    seqs = {entry["event"]: entry["seq"] for entry in site.json("journal")}
    fill = str(seqs["fill"])
    (position,) = site.json("positions", "--at", fill)
    assert (position["quantity"], position["mark"]) == ("0.5", None)
    assert (
        site.json("positions", "--instrument", EVENTS[1]["instrument"], "--at", fill)["quantity"]
        == "0.5"
    )
    assert site.json("positions", "--at", str(seqs["deposit"])) == []
    (usdt,) = site.json("balances", "--at", str(seqs["deposit"]))
    assert usdt["total"] == "100000"
    assert site.json("strategy", "7", "--at", fill)["trade_count"] == 1
    assert site.json("summary", "--at", fill)["trade_count"] == 1
    assert site.json("positions", "--at", "2099-01-01") == site.json("positions")
    assert site.json("balances", "--at", "2099-01-01T00:00:00Z") == site.json("balances")
    assert site.json("positions", "--at", "2001-01-01") == []
    told = site.ok("positions", "--at", "2001-01-01").splitlines()[0]
    assert told.endswith(", before anything was received")
    assert " received by 20" in site.ok("positions", "--at", fill)
    assert "book main after entry " + fill in site.ok("summary", "--at", fill)


def test_a_past_that_cannot_be_told_is_one_line(site: Shell) -> None:
    last = site.json("verify")[0]["seq"]
    assert site.refused("positions", "--at", "99") == (
        f"pm: book main has entries 1 to {last}, not 99"
    )
    assert "is no time" in site.refused("positions", "--at", "yesterday", code=2)
    assert "--margin" in site.refused("balances", "--margin", "--at", "3", code=2)
