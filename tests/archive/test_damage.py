"""A changed bit anywhere is found and named; a full disk leaves everything as it was."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from pm.archive import ArchiveDamaged, layout
from pm.archive.checking import check_book
from pm.archive.file_writing import check_file
from pm.archive.manifest import manifest_path
from tests.archive.site import Site, made
from tests.cli.site import ROOT, clean_environment
from tests.servers import ServerProcess

FLIPS = 60


@pytest.fixture
def site(valkey_server: ServerProcess, tmp_path: Path) -> Site:
    """A book of which most is only in the archive."""
    found = made(valkey_server, tmp_path)
    found.run(all_but=20)
    return found


def flip(path: Path, place: int) -> None:
    """Change one bit of a file, and nothing that tells of it."""
    before = path.stat()
    content = bytearray(path.read_bytes())
    content[place] ^= 1 << (place % 8)
    path.write_bytes(content)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def places(path: Path) -> list[int]:
    """Positions from the first byte to the last."""
    last = path.stat().st_size - 1
    return [last * step // (FLIPS - 1) for step in range(FLIPS)]


def test_a_changed_bit_in_a_file_is_named_and_never_read(site: Site) -> None:
    path = site.files()[2]
    whole = path.read_bytes()
    for place in places(path):
        path.unlink()
        path.write_bytes(whole)
        flip(path, place)
        os.utime(path, ns=(place, place))
        with pytest.raises(ArchiveDamaged, match="does not have the hash") as error:
            site.history()
        assert error.value.path == str(path)
        assert check_book(site.archive, "main").faults == (str(error.value),)
    path.write_bytes(whole)
    assert site.history() == site.entries


def test_a_changed_bit_in_the_manifest_is_named_and_nothing_is_read(site: Site) -> None:
    path = manifest_path(site.settings.archive_path, "main")
    whole = path.read_bytes()
    for place in places(path):
        flip(path, place)
        with pytest.raises(ArchiveDamaged) as error:
            site.history()
        assert error.value.path == str(path)
        with pytest.raises(ArchiveDamaged):
            site.run(all_but=1)
        (fault,) = check_book(site.archive, "main").faults
        assert fault == str(error.value)
        path.write_bytes(whole)
    assert site.history() == site.entries
    assert len(site.hot_seqs()) == 20


def test_a_file_cut_short_or_missing_is_named(site: Site) -> None:
    path = site.files()[1]
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    with pytest.raises(ArchiveDamaged, match=f"has {len(whole) - 1} bytes, the manifest says"):
        site.history()
    path.unlink()
    with pytest.raises(ArchiveDamaged, match="is listed in the manifest and missing"):
        site.history()


def test_a_file_of_other_entries_under_a_right_hash_breaks_the_chain(site: Site) -> None:
    _, second, *_ = site.archive.manifest("main").files
    check_file(site.folder / second.path, second)
    other = replace(second, digest_before="f" * 40)
    with pytest.raises(ArchiveDamaged, match=f"entry {second.first_seq}: its digest does not"):
        check_file(site.folder / second.path, other)


def test_what_is_damaged_is_not_trimmed(valkey_server: ServerProcess, tmp_path: Path) -> None:
    site = made(valkey_server, tmp_path)
    site.run(through=150, kept=200)
    flip(site.files()[1], 100)
    with pytest.raises(ArchiveDamaged):
        site.run(all_but=1)
    assert site.hot_seqs() == list(range(1, 201))


def test_a_full_disk_leaves_the_journal_whole_and_says_so_in_one_line(
    valkey_server: ServerProcess, tmp_path: Path
) -> None:
    site = made(valkey_server, tmp_path)
    environment = clean_environment(PM_REDIS_URL=valkey_server.url, PM_DATA=str(site.settings.data))

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))

    full = subprocess.run(
        [sys.executable, "-m", "pm.cli.main", "archive", "--all-but", "1"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        preexec_fn=limit,
        timeout=60,
        check=False,
    )

    assert full.returncode == 1
    assert full.stderr == f"pm: {site.folder}: File too large; nothing more was archived\n"
    assert site.hot_seqs() == list(range(1, 201))
    assert site.files() == []
    site.run(all_but=1)
    assert site.history() == site.entries


def test_a_folder_that_may_not_be_written_is_one_line(
    valkey_server: ServerProcess, tmp_path: Path
) -> None:
    site = made(valkey_server, tmp_path)
    site.settings.archive_path.mkdir(parents=True)
    (site.settings.archive_path / "book=main").write_text("a file where the folder belongs")
    with pytest.raises(NotADirectoryError):
        site.run(all_but=1)
    assert len(site.hot_seqs()) == 200
    assert layout.books(site.settings.archive_path) == []
