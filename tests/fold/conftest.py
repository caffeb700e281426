"""The servers of these tests do not wait for the disk, as those of the state's tests."""

from tests.state.conftest import valkey_server

__all__ = ["valkey_server"]
