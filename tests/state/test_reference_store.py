"""Versions of the reference data: each can be had again, and no merge loses another's records."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from pm import keys
from pm.books import reference_store
from pm.books.reference_store import ReferenceMissing, current_version, load_version, merge
from pm.reference.record_reader import read_instrument
from pm.reference.snapshot import DuplicateRecord, Reference, difference
from tests.servers import Server
from tests.state.reference_data import ADA, BTC, ETH, instruments, token_and_venue

MERGERS = 4


def test_before_any_merge_version_0_is_empty(server: Server) -> None:
    client = server.client(decode=False)
    assert current_version(client) == 0
    loaded = load_version(client)
    assert (loaded.version, len(loaded.instruments)) == (0, 0)


@pytest.mark.parametrize("decode", [True, False])
def test_a_merge_makes_a_version_and_names_what_changed(server: Server, decode: bool) -> None:
    client = server.client(decode=decode)
    assert merge(client, instruments(BTC, ETH)) == (1, [f"instrument/{BTC}", f"instrument/{ETH}"])
    assert merge(client, token_and_venue()) == (2, ["token/USDC.e", "venue/gmx"])
    assert current_version(client) == 2
    loaded = load_version(client)
    assert loaded.version == 2
    assert sorted(loaded.instruments) == [BTC, ETH]
    assert loaded.asset("USDC.e") == "USDC"
    assert loaded.chain_of_venue("gmx") == 42161


def test_a_merge_that_changes_nothing_makes_no_version(server: Server) -> None:
    client = server.client(decode=False)
    merge(client, instruments(BTC, ETH))
    assert merge(client, instruments(BTC)) == (1, [])
    assert current_version(client) == 1


def test_every_older_version_can_be_had_again(server: Server) -> None:
    client = server.client(decode=False)
    merge(client, instruments(BTC))
    merge(client, instruments(ETH))
    merge(client, instruments(BTC, ADA, dust="0.01"))
    merge(client, instruments(BTC, dust="0.5"))
    found = {
        version: {
            id_: record.dust for id_, record in load_version(client, version).instruments.items()
        }
        for version in range(5)
    }
    assert found == {
        0: {},
        1: {BTC: "0"},
        2: {BTC: "0", ETH: "0"},
        3: {BTC: "0.01", ETH: "0", ADA: "0.01"},
        4: {BTC: "0.5", ETH: "0", ADA: "0.01"},
    }


def test_a_version_that_was_not_made_yet_is_missing(server: Server) -> None:
    client = server.client(decode=False)
    merge(client, instruments(BTC))
    with pytest.raises(ReferenceMissing, match="version 2 does not exist; newest 1"):
        load_version(client, 2)


def test_records_that_clash_with_stored_ones_change_nothing(server: Server) -> None:
    client = server.client(decode=False)
    merge(client, instruments(BTC))
    wire_id = load_version(client).instruments[BTC].wire_bytes()
    assert wire_id is not None
    table = {"id": "other.BTC", "kind": "spot", "base": "BTC", "quote": "USDT"}
    clashing = read_instrument({**table, "wire_id": wire_id.hex()}, {})
    with pytest.raises(DuplicateRecord, match=r"other\.BTC"):
        merge(client, Reference.build(0, [clashing]))
    assert current_version(client) == 1
    assert client.xlen(keys.reference_history()) == 1


def test_concurrent_merges_lose_nothing(server: Server) -> None:
    def merge_some(number: int) -> list[int]:
        client = server.client(decode=False)
        ids = [f"binance.coin.A{number}{each}USDT" for each in range(10)]
        return [merge(client, instruments(id_))[0] for id_ in ids]

    with ThreadPoolExecutor(MERGERS) as pool:
        versions = [made for each in pool.map(merge_some, range(MERGERS)) for made in each]
    assert sorted(versions) == list(range(1, 10 * MERGERS + 1))
    client = server.client(decode=False)
    assert len(load_version(client).instruments) == 10 * MERGERS
    for version in range(1, 10 * MERGERS + 1):
        older, newer = load_version(client, version - 1), load_version(client, version)
        assert len(difference(older, newer).ids()) == 1


def test_a_merge_that_meets_another_starts_again(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, other = server.client(decode=False), server.client(decode=False)
    read_current = reference_store.current_version

    def overtaken(asked: object) -> int:
        monkeypatch.setattr(reference_store, "current_version", read_current)
        found = read_current(client)
        merge(other, instruments(ETH))
        return found

    monkeypatch.setattr(reference_store, "current_version", overtaken)
    assert merge(client, instruments(BTC)) == (2, [f"instrument/{BTC}"])
    assert sorted(load_version(client).instruments) == [BTC, ETH]
