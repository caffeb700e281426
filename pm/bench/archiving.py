"""What the archive costs: entries written a second, read back a second, and bytes for each.

The entries are a desk's fills, over days. Writing is the whole of it: read from Redis, the
chain checked, compressed, synced, read back and checked again, listed. Reading back checks the
bytes of each file first.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, get_args

import redis

from pm import keys
from pm.archive.archiving import Extent, archive_book
from pm.archive.reader import ParquetArchive
from pm.bench.book import BOOK, Calls, apply_all, open_bench_book
from pm.bench.errors import BenchError
from pm.bench.figures import Result, Row
from pm.bench.private_server import private_server
from pm.bench.scale import Scale
from pm.bench.workload import EXCHANGE, FIRST_AT, SIDE, Desk, Spread, reference_of
from pm.books import journal, reference_store
from pm.connect import connect
from pm.rules.digest import chain_digest
from pm.rules.journal import FIELDS
from pm.settings import Settings, StorageSettings

PART: Final = "archive"

_DEFAULT: Final = "lz4"
_OTHERS_MAX: Final = 100_000
_ALL: Final = 2**62  # nothing is trimmed: the next row archives the same
_TRADED_MAX: Final = 20_000
_ENTRIES_A_WRITE: Final = 1_000
_APART_NS: Final = 400_000_000
_TIMEOUT_S: Final = 120.0


def measure_archiving(scale: Scale) -> Result:
    """The default compression over all entries, the others over the first of them."""
    with _written_journal(scale) as (client, entries):
        in_redis = _bytes_in_redis(client) / entries
        rows = [_row(scale, client, _DEFAULT, entries, in_redis)]
        fewer = min(entries, _OTHERS_MAX)
        for compression in _compressions():
            if compression != _DEFAULT:
                rows.append(_row(scale, client, compression, fewer, in_redis))
    return Result(
        PART,
        f"The archive, {entries:,} journal entries of fills",
        tuple(rows),
        ("bytes in Redis: MEMORY USAGE of the journal's stream over its entries",),
    )


def _row(scale: Scale, client: redis.Redis, compression: str, entries: int, in_redis: float) -> Row:
    scale.say(f"{compression}: {entries:,} entries")
    with TemporaryDirectory(prefix="pmb-") as folder:
        storage = StorageSettings.model_validate({"archive_compression": compression})
        settings = Settings(data=Path(folder), storage=storage)
        started = time.perf_counter()
        done = archive_book(
            client,
            settings,
            BOOK,
            now_ns=FIRST_AT,
            extent=Extent(through=entries, kept_entries=_ALL),
        )
        written_s = time.perf_counter() - started
        started = time.perf_counter()
        archive = ParquetArchive(settings.archive_path)
        read = sum(1 for _ in archive.read(BOOK, after=0, through=entries))
        read_s = time.perf_counter() - started
    if not done.entries == read == entries:
        raise BenchError(f"{done.entries} entries were archived and {read} read of {entries}")
    each = done.bytes / entries
    return {
        "compression": compression,
        "entries": entries,
        "written/s": int(entries / written_s),
        "read back/s": int(entries / read_s),
        "bytes/entry": each,
        "bytes/entry in Redis": in_redis,
        "ratio": in_redis / each,
    }


@contextmanager
def _written_journal(scale: Scale) -> Iterator[tuple[redis.Redis, int]]:
    """A server whose book has so many entries, and how many they are.

    Beyond what a desk has traded they are the same fills under later seqs, ids and times.
    """
    spread = Spread(scale.positions, SIDE)
    reference, desk = reference_of(spread), Desk(spread, EXCHANGE, seed=scale.positions)
    with (
        private_server(scale.program) as target,
        connect(target, role="bench", decode=False, timeout_s=_TIMEOUT_S) as client,
        connect(target, role="bench", timeout_s=_TIMEOUT_S) as reading,
    ):
        reference_store.merge(client, reference)
        open_bench_book(client)
        calls = Calls(reference)
        apply_all(client, calls, list(desk.openings()))
        traded = min(_TRADED_MAX, scale.archived_entries)
        scale.say(f"applying {traded:,} fills")
        apply_all(client, calls, desk.fills(max(0, traded - spread.positions)))
        known = list(journal.read(reading, BOOK))
        seq = max(len(known), scale.archived_entries)
        scale.say(f"writing {seq - len(known):,} entries like them")
        _write_on(reading, known, seq)
        yield reading, seq


def _write_on(client: redis.Redis, known: list[dict[str, str]], through: int) -> None:
    """Journal what is known again and again, each time later; the chain goes on."""
    seq, digest = len(known), known[-1]["digest"]
    while seq < through:
        pipeline: Any = client.pipeline(transaction=False)
        for _ in range(min(_ENTRIES_A_WRITE, through - seq)):
            seq += 1
            values = _later(known[1 + seq % (len(known) - 1)], seq)
            digest = chain_digest(digest, values)
            fields = dict(zip(FIELDS, (*values, digest), strict=True))
            pipeline.xadd(keys.journal(BOOK), fields, id=f"{seq}-0")
        pipeline.execute()
    client.hset(keys.book(BOOK), mapping={"seq": str(seq), "digest": digest})


def _later(entry: dict[str, str], seq: int) -> list[str]:
    """The values of an entry but its digest, as those of entry `seq`."""
    facts = json.loads(entry["facts"])
    by_ns = seq * _APART_NS
    facts["entry"] = f"{seq}-0"
    facts["id"] = f"{facts['id'].rpartition('/')[0]}/{7_000_000_000 + seq}"
    for name in ("received_at", "executed_at"):
        facts[name] = str(int(facts[name]) + by_ns)
    told = {**entry, "facts": json.dumps(facts, separators=(",", ":"))}
    told["previous_update"] = str(seq - 1)
    return [told[name] for name in FIELDS[:-1]]


def _bytes_in_redis(client: redis.Redis) -> int:
    found: Any = client.memory_usage(keys.journal(BOOK), samples=0)
    return int(found)


def _compressions() -> tuple[str, ...]:
    found: Any = StorageSettings.model_fields["archive_compression"].annotation
    return get_args(found)
