"""How the product reaches its server: clients, start-up checks, and errors in one line."""

from pm.connect.check import ServerFacts, check_server
from pm.connect.client import connect, connect_async
from pm.connect.errors import ServerError, in_one_line

__all__ = [
    "ServerError",
    "ServerFacts",
    "check_server",
    "connect",
    "connect_async",
    "in_one_line",
]
