"""The servers of these tests do not wait for the disk, as those of the state's tests."""

from tests.state.conftest import redis_server, valkey_server

__all__ = ["redis_server", "valkey_server"]
