"""A book and clients of it, on each server in turn."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from pm.client import Client
from pm.connect import connect
from tests.client.facts import BookWriter
from tests.servers import AnyServer

OpenBook = Callable[..., BookWriter]
StartServer = Callable[..., AnyServer]


@pytest.fixture
def client(server: AnyServer) -> Iterator[Client]:
    """A client of the server, of the book main."""
    with Client.open(server.url) as opened:
        yield opened


@pytest.fixture
def open_book(server: AnyServer) -> OpenBook:
    """Opens a book on the server."""

    def open_one(book: str = "main", *, sharded: bool = False) -> BookWriter:
        return BookWriter(connect(server.url, role="worker"), book, sharded=sharded)

    return open_one


@pytest.fixture
def book(open_book: OpenBook) -> BookWriter:
    """The book main, open and empty."""
    return open_book()
