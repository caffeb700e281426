"""Old files move to a folder or an fsspec URL, and are read from there as before."""

from __future__ import annotations

from pathlib import Path

import fsspec
import pytest

from pm.archive import ArchiveDamaged, ArchiveError
from pm.archive.checking import check_book
from pm.days import DAY_NS, midnight_ns
from tests.archive.site import made, put
from tests.attribution.told_books import ToldBook
from tests.servers import ServerProcess


@pytest.fixture(params=["folder", "memory"])
def location(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "memory":
        fsspec.filesystem("memory").store.clear()
        return "memory://cold"
    return str(tmp_path / "cold")


def test_moved_files_are_read_as_before(
    valkey_server: ServerProcess, tmp_path: Path, location: str
) -> None:
    site = made(valkey_server, tmp_path, cold_path=location)

    done = site.run(all_but=20)

    assert done.moved_files == len(site.archive.manifest("main").files) > 3
    assert site.files() == []
    assert site.history() == site.entries
    assert check_book(site.archive, "main").faults == ()
    assert site.run(all_but=1).moved_files == 1
    assert site.history() == site.entries


def test_only_days_older_than_the_transition_move(
    valkey_server: ServerProcess, tmp_path: Path, location: str
) -> None:
    told = ToldBook()
    for day in (1, 2, 3):
        told.fill(f"2025-03-0{day}T12:00:00", "1", "100")
    site = put(valkey_server, tmp_path, told, cold_path=location, cold_storage_transition_days=30)
    now_ns = midnight_ns("2025-04-01") + 1
    assert site.run(all_but=0, now_ns=now_ns).moved_files == 1
    assert site.run(all_but=0, now_ns=now_ns + DAY_NS).moved_files == 1
    assert [record.place for record in site.archive.manifest("main").files] == [
        "cold",
        "cold",
        "archive",
    ]
    assert site.history() == site.entries


def test_a_changed_copy_is_found_and_the_original_kept(
    valkey_server: ServerProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = made(valkey_server, tmp_path, cold_path=str(tmp_path / "cold"))
    from pm.archive.cold import ColdStore

    put = ColdStore.put

    def put_wrongly(self: ColdStore, book: str, path: str, source: Path) -> None:
        put(self, book, path, source)
        copy = tmp_path / "cold" / "book=main" / path
        copy.write_bytes(copy.read_bytes()[:-1] + b"?")

    monkeypatch.setattr(ColdStore, "put", put_wrongly)
    with pytest.raises(ArchiveDamaged, match=r"cold/book=main/date=.*does not have the hash"):
        site.run(all_but=1)
    assert {record.place for record in site.archive.manifest("main").files} == {"archive"}
    monkeypatch.undo()
    site.run(all_but=1)
    assert site.history() == site.entries


def test_a_changed_bit_in_the_cold_location_is_named(
    valkey_server: ServerProcess, tmp_path: Path, location: str
) -> None:
    site = made(valkey_server, tmp_path, cold_path=location)
    site.run(all_but=20)
    record = site.archive.manifest("main").files[1]
    files, root = fsspec.url_to_fs(location)
    path = f"{root}/book=main/{record.path}"
    content = bytearray(files.cat_file(path))
    content[len(content) // 2] ^= 4
    files.pipe_file(path, bytes(content))

    with pytest.raises(ArchiveDamaged, match="does not have the hash") as error:
        site.history()
    assert error.value.path.endswith(record.path)
    assert error.value.path.startswith(location)


def test_without_the_setting_moved_files_are_named(
    valkey_server: ServerProcess, tmp_path: Path, location: str
) -> None:
    site = made(valkey_server, tmp_path, cold_path=location)
    site.run(all_but=20)
    with pytest.raises(ArchiveDamaged, match=r"set storage\.cold_path"):
        site.with_storage().history()


def test_a_location_of_an_unknown_kind_is_named(
    valkey_server: ServerProcess, tmp_path: Path
) -> None:
    site = made(valkey_server, tmp_path, cold_path="nowhere://x")
    with pytest.raises(ArchiveError, match="cold_path nowhere://x"):
        site.run(all_but=20)
    assert site.with_storage().history() == site.entries


def test_a_location_that_cannot_be_written_is_one_error_and_loses_nothing(
    valkey_server: ServerProcess, tmp_path: Path
) -> None:
    (tmp_path / "cold").write_text("a file where the folder belongs")
    site = made(valkey_server, tmp_path, cold_path=str(tmp_path / "cold"))
    with pytest.raises(ArchiveError, match=f"{tmp_path}/cold/book=main/.*: Not a directory"):
        site.run(all_but=20)
    assert site.history() == site.entries
    assert {record.place for record in site.archive.manifest("main").files} == {"archive"}


def test_a_reader_that_knew_the_file_where_it_was_finds_it(
    valkey_server: ServerProcess, tmp_path: Path, location: str
) -> None:
    site = made(valkey_server, tmp_path)
    site.run(all_but=20)
    moving = site.with_storage(cold_path=location)
    reading = moving.archive.read("main", after=0, through=180)
    first = [next(reading)]
    moving.run(all_but=19)
    assert first + list(reading) == site.entries[:180]
