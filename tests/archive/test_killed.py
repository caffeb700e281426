"""A process killed at any step of archiving, trimming or moving loses and doubles nothing."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from redis.exceptions import ConnectionError

from pm.archive.checking import check_book
from tests.archive.site import Site, made
from tests.servers import ServerProcess

STEPS = (
    "archive_file_written",
    pytest.param("archive_file_synced", marks=pytest.mark.slow),
    "archive_file_renamed:2",
    "archive_file_checked",
    "archive_manifest_written",
    pytest.param("archive_manifest_synced:2", marks=pytest.mark.slow),
    "archive_manifest_renamed:3",
    "archive_journal_trimmed",
    "archive_lane_trimmed",
    pytest.param("archive_cold_written", marks=pytest.mark.slow),
    pytest.param("archive_cold_synced", marks=pytest.mark.slow),
    "archive_cold_renamed:2",
    "archive_cold_checked",
    pytest.param("archive_cold_manifest_written", marks=pytest.mark.slow),
    pytest.param("archive_cold_manifest_synced", marks=pytest.mark.slow),
    "archive_cold_manifest_renamed:2",
    "archive_deleted",
)


@pytest.fixture
def site(valkey_server: ServerProcess, tmp_path: Path) -> Site:
    """A book of which two files are archived, and nothing is in the cold location."""
    found = made(valkey_server, tmp_path)
    found.run(through=60, kept=1)
    return found.with_storage(cold_path=str(tmp_path / "cold"))


@pytest.mark.parametrize("step", STEPS)
def test_killed_and_run_again(site: Site, step: str) -> None:
    killed = site.run_elsewhere(180, PM_TEST_CRASH_AT=step)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert site.history() == site.entries

    site.run(through=180)

    assert site.history() == site.entries
    assert site.hot_seqs() == list(range(181, 201))
    checked = check_book(site.archive, "main")
    assert (checked.faults, checked.unlisted, checked.last_seq) == ((), (), 180)
    records = site.archive.manifest("main").files
    cold = Path(site.settings.storage.cold_path or "") / "book=main"
    assert {record.place for record in records} == {"cold"}
    assert site.files() == []
    found = sorted(path.relative_to(cold).as_posix() for path in cold.rglob("*.parquet"))
    assert found == [record.path for record in records]


@pytest.mark.parametrize("step", [1, 3])
def test_the_server_dies_while_it_is_trimmed(
    valkey_server: ServerProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    site = made(valkey_server, tmp_path)
    passed: list[str] = []

    def die(name: str) -> None:
        passed.append(name)
        if len(passed) == step:
            valkey_server.kill()

    monkeypatch.setattr("pm.archive.trimming.ENTRIES_A_TRIM", 30)
    monkeypatch.setattr("pm.archive.trimming.crash_point", die)
    with pytest.raises(ConnectionError):
        site.run(all_but=20)
    valkey_server.restart()

    assert site.hot_seqs()[0] == 30 * step + 1
    assert site.history() == site.entries
    site.run(all_but=20)
    assert site.hot_seqs() == list(range(181, 201))
    assert site.history() == site.entries
