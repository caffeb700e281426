"""A book's shadow: the keys a rebuild writes beside the live ones, and those it took aside.

Everything lies under `shadow:` in the book's own slot. Nothing reads it but a rebuild, and whatever
a killed one has left the next one removes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import redis

from pm import keys
from pm.books.stored import is_sorted_set, read_keys, state_differences
from pm.functions import library
from pm.rules.expected import ExpectedState, Hash

KEYS_A_WRITE = 500
MEMBERS_A_WRITE = 5_000
_OPENED_SETS = frozenset({"seen:0", "seen:future"})
_FOLDED_KINDS = (
    *("position", "balance", "strategy", "order", "pending", "trace", "attribution"),
    *("instrument", "chain", "seen"),
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a book stands, as the switch will compare it."""

    seq: str
    digest: str
    valuation: str


NOWHERE = Place("", "", "")
"""Where a book stands that is not on the server."""


@dataclass(slots=True)
class Shadow:
    """The shadow of one book. `client` must not decode."""

    client: redis.Redis
    book: str
    _written: ExpectedState = field(default_factory=dict)

    def new(self, name: str) -> str:
        """The shadow's key for a key of the book."""
        return keys.shadow(self.book, f"new:{name}")

    def aside(self, name: str) -> str:
        """Where the live key is put when the shadow's takes its place."""
        return keys.shadow(self.book, f"old:{name}")

    def clean(self) -> int:
        """Remove what lies under the shadow's names; how many keys there were."""
        pattern, done = keys.shadow(self.book, "*"), 0
        for part in _parts(self.client.scan_iter(match=pattern, count=1000), KEYS_A_WRITE):
            done += len(part)
            self.client.unlink(*part)
        self._written.clear()
        return done

    def live_names(self) -> set[str]:
        """Names without prefix of the live keys that are of a kind the journal decides."""
        prefix = keys.of_book(self.book, "")
        found = (
            key.decode(errors="backslashreplace").removeprefix(prefix)
            for key in self.client.scan_iter(match=prefix + "*", count=1000)
        )
        return {name for name in found if _is_folded(name)}

    def write(self, made: ExpectedState) -> None:
        """Bring these keys of the shadow to what was made; the others stay as they are."""
        pipeline, waiting = self.client.pipeline(transaction=False), 0
        for name, held in made.items():
            waiting += self._write_key(pipeline, name, held)
            if waiting >= KEYS_A_WRITE:
                pipeline.execute()
                waiting = 0
        pipeline.execute()

    def drop(self, names: Iterable[str]) -> None:
        """Take keys out of the shadow."""
        for part in _parts(names, KEYS_A_WRITE):
            self.client.unlink(*map(self.new, part))
            for name in part:
                del self._written[name]

    @property
    def written(self) -> ExpectedState:
        """The keys the shadow has, and what they hold."""
        return self._written

    def differences(self, expected: ExpectedState) -> list[str]:
        """Where what the shadow holds, read back, is not as expected."""
        return list(state_differences(expected, read_keys(self.client, expected, self.new)))

    def switch(self, place: Place, extra: Iterable[str]) -> bool:
        """Put the shadow in the book's place; False when the book does not stand at `place`."""
        names = sorted(self._written, key=lambda name: name == "book")
        wanted = [keys.book(self.book)]
        for name in names:
            wanted += (self.new(name), keys.of_book(self.book, name), self.aside(name))
        for name in extra:
            wanted += (keys.of_book(self.book, name), self.aside(name))
        arguments = [place.seq, place.digest, place.valuation, str(len(names))]
        return library.call(self.client, "switch", wanted, arguments)[0] == "switched"

    def _write_key(self, pipeline: Any, name: str, held: Hash | set[str]) -> int:
        key, before = self.new(name), self._written.get(name)
        if isinstance(held, set):
            had: set[str] = before if isinstance(before, set) else set()
            self._written[name] = held
            _in_parts(pipeline.srem, key, had - held)
            return _in_parts(pipeline.sadd, key, held - had)
        if held == before:
            return 0
        self._written[name] = held
        if is_sorted_set(name):
            was: Hash = before if isinstance(before, dict) else {}
            _in_parts(pipeline.zrem, key, was.keys() - held.keys())
            changed = {member: at for member, at in held.items() if was.get(member) != at}
            for part in _parts(changed, MEMBERS_A_WRITE):
                pipeline.zadd(key, {member: changed[member] for member in part})
            return 1 + len(changed) // 10
        if before:
            pipeline.delete(key)
        pipeline.hset(key, mapping=held)
        return 1


def in_shadow(expected: ExpectedState) -> ExpectedState:
    """The keys as they are written: without lanes, which gateways open, and as `apply` makes sets.

    A later generation of ids comes to be with its first id and has no sentinel.
    """
    shown: ExpectedState = {}
    for name, held in expected.items():
        if name == "lanes":
            continue
        if isinstance(held, set) and name not in _OPENED_SETS:
            held = held - {keys.SENTINEL}
            if not held:
                continue
        shown[name] = held
    return shown


def _is_folded(name: str) -> bool:
    kind, colon, _ = name.partition(":")
    return bool(colon) and kind in _FOLDED_KINDS


def _in_parts(command: Any, key: str, members: Iterable[str]) -> int:
    done = 0
    for part in _parts(members, MEMBERS_A_WRITE):
        command(key, *part)
        done += len(part)
    return 1 + done // 10


def _parts(items: Iterable[Any], size: int) -> Iterator[list[Any]]:
    part: list[Any] = []
    for item in items:
        part.append(item)
        if len(part) == size:
            yield part
            part = []
    if part:
        yield part
