"""What a client remembers of the server: replies by command, bounded in number and in age."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from typing import Any, Final

from pm.client.plan import Command

MISSING: Final = object()
"""Stands for no reply; None is one."""

_REMEMBERED: Final = frozenset({"HGETALL", "HGET", "HMGET", "ZRANGE"})


class Entries:
    """At most `capacity` replies, the least recently used leaving first, none older than `ttl_s`.

    Times are those of one monotonic clock, in seconds; a reply is as old as its question.
    """

    def __init__(self, capacity: int, ttl_s: float) -> None:
        self._capacity = capacity
        self._ttl_s = ttl_s
        self._replies: OrderedDict[Command, tuple[Any, float]] = OrderedDict()
        self._commands_of: dict[str, set[Command]] = {}

    def takes(self, commands: Sequence[Command]) -> bool:
        """Whether replies to all of these may be kept.

        A long list is not: it would push out everything that is asked for more often.
        """
        if len(commands) > max(1, self._capacity // 2):
            return False
        return all(command[0] in _REMEMBERED for command in commands)

    def get(self, command: Command, now: float) -> Any:
        """The reply to a command, or MISSING."""
        found = self._replies.get(command)
        if found is None:
            return MISSING
        if now - found[1] > self._ttl_s:
            self._forget(command)
            return MISSING
        self._replies.move_to_end(command)
        return found[0]

    def put(self, command: Command, reply: Any, asked_at: float) -> None:
        """Remember a reply."""
        self._replies[command] = (reply, asked_at)
        self._replies.move_to_end(command)
        self._commands_of.setdefault(command[1], set()).add(command)
        if len(self._replies) > self._capacity:
            self._forget(next(iter(self._replies)))

    def drop(self, keys: Iterable[str] | None) -> None:
        """Forget what was read from keys; None is all of them."""
        if keys is None:
            self._replies.clear()
            self._commands_of.clear()
            return
        for key in keys:
            for command in self._commands_of.pop(key, ()):
                del self._replies[command]

    def __len__(self) -> int:
        return len(self._replies)

    def _forget(self, command: Command) -> None:
        del self._replies[command]
        commands = self._commands_of[command[1]]
        commands.discard(command)
        if not commands:
            del self._commands_of[command[1]]
