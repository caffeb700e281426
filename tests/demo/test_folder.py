"""A demo empties its own folder before a run, and nobody else's."""

from __future__ import annotations

from pathlib import Path

import pytest

from pm.demo.desk import BOOK_OF_STRATEGY
from pm.demo.errors import DemoError
from pm.demo.folder import prepare
from pm.server import start_detached, stop
from pm.settings import load_settings


def test_what_the_last_demo_left_is_gone(tmp_path: Path) -> None:
    folder = prepare(tmp_path / "demo", 2)
    (folder.path / "outbox.sqlite").write_text("old")
    prepare(tmp_path / "demo", 2)
    assert not (folder.path / "outbox.sqlite").exists()


def test_a_folder_that_no_demo_made_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(DemoError, match="holds something that no demo made"):
        prepare(tmp_path, 2)
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


def test_an_empty_folder_is_taken(tmp_path: Path) -> None:
    assert prepare(tmp_path, 2).settings.exists()


def test_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "demo").write_text("")
    with pytest.raises(DemoError, match="is a file"):
        prepare(tmp_path / "demo", 2)


def test_a_folder_whose_server_still_runs_is_refused(tmp_path: Path) -> None:
    folder = prepare(tmp_path / "demo", 2)
    start_detached(folder.path)
    try:
        with pytest.raises(DemoError, match="an earlier demo still runs there"):
            prepare(tmp_path / "demo", 2)
    finally:
        stop(folder.path)


def test_the_settings_name_folder_socket_and_books(tmp_path: Path) -> None:
    folder = prepare(tmp_path / 'de"mo', 3)
    settings = load_settings(folder.settings, {})
    assert settings.data == folder.path
    assert settings.gateway.socket_path == folder.relay_socket
    assert settings.workers.count == 3
    assert settings.portfolio_manager.mark_to_market_interval_seconds == 2
    assert settings.books.strategies == {str(s): book for s, book in BOOK_OF_STRATEGY.items()}


def test_a_deep_folder_has_its_socket_elsewhere_until_it_is_removed(tmp_path: Path) -> None:
    folder = prepare(tmp_path / ("deep" * 30), 2)
    assert len(str(folder.relay_socket)) < 100
    assert folder.relay_socket.parent.exists()
    folder.remove_sockets()
    assert not folder.relay_socket.parent.exists()
