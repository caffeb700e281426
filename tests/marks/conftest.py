"""A server that has the function library."""

from __future__ import annotations

import pytest
import redis

from pm.functions import library
from tests.servers import Server


@pytest.fixture
def client(server: Server) -> redis.Redis:
    """A client of each engine in turn, which has the library."""
    made = server.client()
    library.load(made)
    return made
