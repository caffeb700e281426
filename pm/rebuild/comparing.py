"""What of a live book is not as it must be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pm import keys
from pm.books.stored import key_differences
from pm.rebuild.shadow import Shadow
from pm.rules.expected import ExpectedState
from pm.rules.worths import VALUED_FIELDS

_TRACE = "trace:"


def damages(
    shadow: Shadow, expected: ExpectedState, found: Mapping[str, Any], extra: Sequence[str]
) -> Iterator[str]:
    """Where keys that were live differ from the shadow, valuation included; `extra` is not due."""
    for name, held in found.items():
        if name == "lanes" or (not held and expected[name] == {keys.SENTINEL}):
            continue
        if not held:
            yield f"{name}: is missing"
            continue
        yield from key_differences(name, expected[name], held)
        made = shadow.written(name)
        for part in VALUED_FIELDS if isinstance(held, dict) else ():
            if held.get(part) != made.get(part):
                yield f"{name} {part}: is {held.get(part)!r}, must be {made.get(part)!r}"
    for name in extra:
        yield f"{name}: is not due"


def extra_keys(shadow: Shadow, generation: int) -> list[str]:
    """Live keys of a kind the journal decides that it knows nothing of.

    What only waits to be swept is left: generations of ids before `generation` and the one before,
    and traces that were archived.
    """
    client = shadow.client
    swept = {f"seen:{number}" for number in range(generation - 1)}
    extra = sorted(shadow.live_names() - shadow.names - swept)
    pipeline = client.pipeline(transaction=False)
    traces = [name for name in extra if name.startswith(_TRACE)]
    for name in traces:
        pipeline.hget(keys.of_book(shadow.book, name), "status")
    told = zip(traces, pipeline.execute(raise_on_error=False), strict=True)
    archived = {name for name, status in told if status == b"archived"}
    return [name for name in extra if name not in archived]
