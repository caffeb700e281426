"""Reads that the server keeps true: replies are remembered until it says that a key has changed.

One connection with CLIENT TRACKING both asks and hears of changes. What comes over it has one
order, so a reply is never older than a change heard before it, and replies that all still stand at
one moment are one consistent picture. Before an answer is taken from memory, everything that has
arrived is heard. While the connection is in use, after it was lost and wherever the server does not
offer tracking, the caller asks directly instead; whatever was remembered over a lost connection is
forgotten with it. redis-py's own cache refuses Valkey, has no asyncio and no bound on age.
"""

from __future__ import annotations

import logging
import os
import select
import threading
import time
from collections.abc import Sequence
from typing import Any, Final

import redis
import redis.asyncio
from redis import exceptions

from pm.client.entries import MISSING, Entries
from pm.client.plan import Command

_ATTEMPTS: Final = 3
_PAUSE_S: Final = 1.0
_HEAR_WITHIN_S: Final = 1.0
_HEARD: Final = object()
"""What reading a message of the server's own accord gives, in place of a reply."""

_LOG: Final = logging.getLogger("pm.client")


class _Tracked:
    """What both kinds share: the entries, and when a connection may be made."""

    def __init__(self, entries: Entries) -> None:
        self._entries = entries
        self._connection: Any = None
        self._process = os.getpid()
        self._not_before = 0.0

    def _may_open(self) -> bool:
        return time.monotonic() >= self._not_before

    def _refused(self, error: Exception) -> None:
        self._not_before = float("inf")
        _LOG.warning("queries are not cached: the server refuses CLIENT TRACKING (%s)", error)

    def _forget(self) -> Any:
        """Drop everything; the connection, to be closed."""
        connection, self._connection = self._connection, None
        self._entries.drop(None)
        return connection

    def _leave_to_parent(self) -> None:
        # After a fork the socket is the parent's: it is neither used nor shut down here.
        self._process = os.getpid()
        self._forget()

    def _remembered(self, commands: Sequence[Command]) -> tuple[list[Any], list[Command]]:
        now = time.monotonic()
        replies = [self._entries.get(command, now) for command in commands]
        missing = [
            command for command, reply in zip(commands, replies, strict=True) if reply is MISSING
        ]
        return replies, missing

    def _hear(self, message: Sequence[Any]) -> object:
        self._entries.drop(message[1])
        return _HEARD


class TrackedReads(_Tracked):
    """Remembered reads of blocking code, for any number of threads; see the module."""

    def __init__(self, server: redis.Redis, entries: Entries) -> None:
        super().__init__(entries)
        self._pool: Any = server.connection_pool
        self._lock = threading.Lock()

    def execute(self, commands: Sequence[Command]) -> Sequence[Any] | None:
        """The replies, all true at one moment; None where the server is to be asked directly."""
        if self._process != os.getpid():
            self._lock = threading.Lock()
            self._leave_to_parent()
        if not self._entries.takes(commands) or not self._lock.acquire(blocking=False):
            return None
        try:
            return self._execute(commands)
        except exceptions.TimeoutError:
            self._close()
            raise
        except (exceptions.RedisError, OSError):
            self._close()
            return None
        except BaseException:
            self._close()
            raise
        finally:
            self._lock.release()

    def close(self) -> None:
        """Forget everything and close the connection."""
        with self._lock:
            self._close()

    def _close(self) -> None:
        connection = self._forget()
        if connection is not None:
            connection.disconnect()

    def _execute(self, commands: Sequence[Command]) -> Sequence[Any] | None:
        if self._connection is None:
            if not self._may_open() or not self._open():
                return None
        else:
            while self._connection.can_read(0):
                self._connection.read_response(push_request=True, timeout=_HEAR_WITHIN_S)
        replies, missing = self._remembered(commands)
        attempts = 0
        while missing and attempts < _ATTEMPTS:
            self._fetch(missing)
            replies, missing = self._remembered(commands)
            attempts += 1
        return None if missing else replies

    def _open(self) -> bool:
        self._not_before = time.monotonic() + _PAUSE_S
        options = {**self._pool.connection_kwargs, "protocol": 3}
        self._connection = self._pool.connection_class(**options)
        self._connection._parser.set_invalidation_push_handler(self._hear)
        try:
            self._connection.connect()
            self._connection.send_command("CLIENT", "TRACKING", "ON")
            self._connection.read_response()
        except exceptions.ResponseError as error:
            self._close()
            self._refused(error)
            return False
        return True

    def _fetch(self, commands: Sequence[Command]) -> None:
        asked_at = time.monotonic()
        connection = self._connection
        connection.send_packed_command(connection.pack_commands(commands))
        for command in commands:
            reply = connection.read_response(push_request=True)
            while reply is _HEARD:
                reply = connection.read_response(push_request=True)
            self._entries.put(command, reply, asked_at)


class AsyncTrackedReads(_Tracked):
    """Remembered reads of asyncio code; see the module."""

    def __init__(self, server: redis.asyncio.Redis, entries: Entries) -> None:
        super().__init__(entries)
        self._pool: Any = server.connection_pool
        self._is_busy = False
        self._arrivals = select.poll()

    async def execute(self, commands: Sequence[Command]) -> Sequence[Any] | None:
        """See `TrackedReads.execute`."""
        if self._process != os.getpid():
            self._is_busy = False
            self._leave_to_parent()
        if self._is_busy or not self._entries.takes(commands):
            return None
        self._is_busy = True
        try:
            return await self._execute(commands)
        except exceptions.TimeoutError:
            await self.close()
            raise
        except (exceptions.RedisError, OSError):
            await self.close()
            return None
        except BaseException:
            await self.close()
            raise
        finally:
            self._is_busy = False

    async def close(self) -> None:
        """Forget everything and close the connection."""
        connection = self._forget()
        if connection is not None:
            await connection.disconnect(nowait=True)

    async def _execute(self, commands: Sequence[Command]) -> Sequence[Any] | None:
        if self._connection is None:
            if not self._may_open() or not await self._open():
                return None
        else:
            # What the event loop has not yet read from the socket has arrived, too.
            while await self._connection.can_read() or self._arrivals.poll(0):
                await self._connection.read_response(push_request=True, timeout=_HEAR_WITHIN_S)
        replies, missing = self._remembered(commands)
        attempts = 0
        while missing and attempts < _ATTEMPTS:
            await self._fetch(missing)
            replies, missing = self._remembered(commands)
            attempts += 1
        return None if missing else replies

    async def _open(self) -> bool:
        self._not_before = time.monotonic() + _PAUSE_S
        options = {**self._pool.connection_kwargs, "protocol": 3}
        self._connection = self._pool.connection_class(**options)
        self._connection._parser.set_invalidation_push_handler(self._hear_async)
        try:
            await self._connection.connect()
            await self._connection.send_command("CLIENT", "TRACKING", "ON")
            await self._connection.read_response()
        except exceptions.ResponseError as error:
            await self.close()
            self._refused(error)
            return False
        self._arrivals = select.poll()
        socket = self._connection._writer.get_extra_info("socket")
        self._arrivals.register(socket.fileno(), select.POLLIN)
        return True

    async def _fetch(self, commands: Sequence[Command]) -> None:
        asked_at = time.monotonic()
        connection = self._connection
        await connection.send_packed_command(connection.pack_commands(commands))
        for command in commands:
            reply = await connection.read_response(push_request=True)
            while reply is _HEARD:
                reply = await connection.read_response(push_request=True)
            self._entries.put(command, reply, asked_at)

    async def _hear_async(self, message: Sequence[Any]) -> object:
        return self._hear(message)
