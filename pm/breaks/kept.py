"""The breaks of a book as they are kept on the server.

Every change of one break is one transaction that is made again if somebody else changed it
meanwhile: two runs at once make one break, and no run undoes what a person said. They are no part
of the books: the journal does not know them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

import redis
from redis.exceptions import WatchError

from pm import keys
from pm.breaks import record
from pm.breaks.found import Found
from pm.breaks.record import Break
from pm.connect.replies import text_of, texts_of
from pm.crash_points import crash_point

_NS_PER_MS: Final = 1_000_000
NEW_MAX: Final = 1_000
"""More new breaks than this a run only counts: so many have one cause, and fill the memory."""

_RECORDS_A_READ: Final = 500

_Change = Callable[[Break | None], Break]


class BreakError(Exception):
    """A break cannot be changed so; the text names it and says why."""


@dataclass(slots=True)
class Outcome:
    """What a run did to the breaks of a book; `left_out` were too many new ones to keep."""

    found: int = 0
    new: int = 0
    reopened: int = 0
    resolved: int = 0
    open: int = 0
    explained: int = 0
    left_out: int = 0


class Breaks:
    """The breaks of one book."""

    def __init__(self, client: redis.Redis, book: str) -> None:
        self._client = client
        self.book = book

    def record(
        self,
        found: Iterable[Found],
        covers: Callable[[Break], bool],
        source: str,
        now_ns: int,
    ) -> Outcome:
        """Keep what a run found, and resolve what it covered and did not find any more."""
        outcome = Outcome()
        ids: set[str] = set()
        for each in found:
            ids.add(each.break_id)
            outcome.found += 1
            if outcome.new >= NEW_MAX and self.one(each.break_id) is None:
                outcome.left_out += 1
                continue
            before, after = self._change(each.break_id, _seen(each, source, now_ns))
            outcome.new += before is None
            outcome.reopened += before is not None and _opened_again(before, after)
            crash_point("break_recorded")
        for kept in self.listed(only_open=True):
            if kept.id not in ids and covers(kept):
                before, after = self._change(kept.id, _agreed(now_ns))
                outcome.resolved += before is not None and before.state != after.state
                crash_point("break_resolved")
        for left in self.listed(only_open=True):
            outcome.open += left.state == "open"
            outcome.explained += left.state == "explained"
        return outcome

    def explain(self, break_id: str, *, by: str, why: str, now_ns: int) -> Break:
        """Give a reason for a break; BreakError where it is resolved."""
        return self._by_person(break_id, lambda old: record.explained(old, by, why, now_ns))

    def dismiss(self, break_id: str, *, by: str, why: str, now_ns: int) -> Break:
        """End a break without agreement; it stays so while its amount stays."""
        resolution = f"{record.DISMISSED} by {by}"
        return self._by_person(
            break_id, lambda old: record.resolved(old, resolution, now_ns, by, why)
        )

    def adjusted(self, break_id: str, seq: int, *, by: str, why: str, now_ns: int) -> Break:
        """End a break by the adjustment with this journal seq."""
        resolution = f"{record.ADJUSTED}{seq}"
        return self._by_person(
            break_id, lambda old: record.resolved(old, resolution, now_ns, by, why)
        )

    def one(self, break_id: str) -> Break | None:
        """The break of an id, None when there is none."""
        return self._read(self._client, break_id)

    def listed(self, *, only_open: bool = False) -> list[Break]:
        """Every break, oldest first, or those that are not resolved."""
        key = keys.open_breaks(self.book) if only_open else keys.breaks(self.book)
        members: Any = self._client.zrange(key, 0, -1)
        ids = [text_of(member) for member in members]
        found = []
        for start in range(0, len(ids), _RECORDS_A_READ):
            pipeline = self._client.pipeline(transaction=False)
            for break_id in ids[start : start + _RECORDS_A_READ]:
                pipeline.hgetall(keys.break_record(self.book, break_id))
            found += [_parsed(fields) for fields in pipeline.execute() if fields]
        return [each for each in found if not only_open or each.state != "resolved"]

    def _by_person(self, break_id: str, change: Callable[[Break], Break]) -> Break:
        def checked(old: Break | None) -> Break:
            if old is None:
                raise BreakError(f"book {self.book} has no break {break_id}")
            if old.state == "resolved":
                raise BreakError(f"break {break_id} is resolved: {old.resolution}")
            return change(old)

        return self._change(break_id, checked)[1]

    def _change(self, break_id: str, change: _Change) -> tuple[Break | None, Break]:
        """Change one break in a transaction; it before and after."""
        key = keys.break_record(self.book, break_id)
        while True:
            pipeline: Any = self._client.pipeline()
            with pipeline:
                try:
                    pipeline.watch(key)
                    before = self._read(pipeline, break_id)
                    after = change(before)
                    if after == before:
                        return before, after
                    pipeline.multi()
                    pipeline.hset(key, mapping=_mapping(after))
                    found_ms = after.found_at // _NS_PER_MS
                    pipeline.zadd(keys.breaks(self.book), {break_id: found_ms})
                    if after.state == "resolved":
                        pipeline.zrem(keys.open_breaks(self.book), break_id)
                    else:
                        pipeline.zadd(keys.open_breaks(self.book), {break_id: found_ms})
                    pipeline.execute()
                except WatchError:
                    continue
                return before, after

    def _read(self, client: Any, break_id: str) -> Break | None:
        fields = client.hgetall(keys.break_record(self.book, break_id))
        return _parsed(fields) if fields else None


def _seen(found: Found, source: str, now_ns: int) -> _Change:
    return lambda old: record.seen(old, found, source, now_ns)


def _agreed(now_ns: int) -> _Change:
    def change(old: Break | None) -> Break:
        assert old is not None, "it was listed"
        if old.state == "resolved":
            return old
        return record.resolved(old, record.AGREED_AGAIN, now_ns)

    return change


def _opened_again(before: Break, after: Break) -> bool:
    return before.state != "open" and after.state == "open"


def _mapping(after: Break) -> dict[Any, Any]:
    return dict(after.to_fields())


def _parsed(fields: Any) -> Break:
    return Break.from_fields(texts_of(fields))
