"""What is kept of the runs of a book: when, how far, how much was found, what has agreed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

import redis

from pm import keys
from pm.connect.replies import text_of, texts_of

_AGREED: Final = "agreed:"


class Runs:
    """The record of a book's reconciliations.

    `runs` and `differences` count up over all runs; `open_breaks` and `at` (ns) are the last one's.
    """

    def __init__(self, client: redis.Redis, book: str) -> None:
        self._client = client
        self._key = keys.reconciliation(book)

    def finished(self, now_ns: int, *, found: int, open_breaks: int, **more: str | int) -> None:
        """Count a run that has been through."""
        told: dict[Any, Any] = {"at": now_ns, "open_breaks": open_breaks, "error": "", **more}
        with self._client.pipeline() as pipeline:
            pipeline.hset(self._key, mapping=told)
            pipeline.hincrby(self._key, "runs", 1)
            pipeline.hincrby(self._key, "differences", found)
            pipeline.execute()

    def also_found(self, found: int, open_breaks: int) -> None:
        """Add to the run that has been through what belongs to no single book."""
        with self._client.pipeline() as pipeline:
            pipeline.hset(self._key, "open_breaks", str(open_breaks))
            pipeline.hincrby(self._key, "differences", found)
            pipeline.execute()

    def failed(self, now_ns: int, error: str) -> None:
        """Keep why a run did not get through; that of the last one that did stays."""
        told: dict[Any, Any] = {"failed_at": now_ns, "error": error}
        self._client.hset(self._key, mapping=told)

    def last(self) -> dict[str, str]:
        """Everything kept but what has agreed; empty before the first run."""
        found: Any = self._client.hgetall(self._key)
        told = texts_of(found)
        return {name: value for name, value in told.items() if not name.startswith(_AGREED)}

    def agreed(self, figures: Iterable[tuple[str, str]], seqs: Mapping[str, int]) -> None:
        """Keep that these figures, by kind and subject, agreed at the seqs of the books."""
        told: dict[Any, Any] = {_field(figure): json.dumps(dict(seqs)) for figure in figures}
        if told:
            self._client.hset(self._key, mapping=told)

    def transfers_done(self) -> dict[str, int]:
        """Up to which seq of each book its transfers were looked at."""
        found: Any = self._client.hget(self._key, "transfers_done")
        done: dict[str, int] = json.loads(text_of(found)) if found else {}
        return done

    def transfers_looked_at(self, seqs: Mapping[str, int]) -> None:
        """Keep up to where the transfers of each book were looked at."""
        self._client.hset(self._key, "transfers_done", json.dumps(dict(seqs)))

    def last_agreed(
        self, figures: Iterable[tuple[str, str]]
    ) -> dict[tuple[str, str], dict[str, int]]:
        """Up to which seq of each book figures have agreed; those that never have are left out."""
        wanted = list(figures)
        if not wanted:
            return {}
        found: Any = self._client.hmget(self._key, [_field(figure) for figure in wanted])
        return {
            figure: json.loads(text_of(value))
            for figure, value in zip(wanted, found, strict=True)
            if value is not None
        }


def _field(figure: tuple[str, str]) -> str:
    return f"{_AGREED}{figure[0]}:{figure[1]}"
