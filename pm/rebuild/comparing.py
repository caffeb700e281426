"""What of a live book is not as it must be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from typing import Any

from pm import keys
from pm.books.stored import key_differences
from pm.rebuild.shadow import Shadow
from pm.rules.expected import ExpectedState
from pm.rules.worths import VALUED_FIELDS

_SENTINEL = {keys.SENTINEL}
_TRACE = "trace:"


def is_right(made: Any, found: Any) -> bool:
    """Whether a live key is what was made; the sentinel of a set with members does not count."""
    if isinstance(made, set) and isinstance(found, set):
        return bool(found) and made - _SENTINEL == found - _SENTINEL
    return bool(made == found)


def damages(made: ExpectedState, found: Mapping[str, Any], extra: Sequence[str]) -> Iterator[str]:
    """Where live keys differ from what was made, valuation included; none of `extra` is due."""
    for name, held in found.items():
        whole = made[name]
        if not held and whole != _SENTINEL:
            yield f"{name}: is missing"
            continue
        yield from key_differences(name, whole, held)
        if isinstance(whole, dict) and isinstance(held, dict):
            for part in VALUED_FIELDS:
                if held.get(part) != whole.get(part):
                    yield f"{name} {part}: is {held.get(part)!r}, must be {whole.get(part)!r}"
    for name in extra:
        yield f"{name}: is not due"


def extra_keys(shadow: Shadow, known: Set[str], generation: int) -> list[str]:
    """Live keys of a kind the journal decides that are not among the `known` ones.

    What only waits to be swept is left: generations of ids before `generation` and the one before,
    and traces that were archived.
    """
    client = shadow.client
    swept = {f"seen:{number}" for number in range(generation - 1)}
    extra = sorted(shadow.live_names() - known - swept)
    pipeline = client.pipeline(transaction=False)
    traces = [name for name in extra if name.startswith(_TRACE)]
    for name in traces:
        pipeline.hget(keys.of_book(shadow.book, name), "status")
    told = zip(traces, pipeline.execute(raise_on_error=False), strict=True)
    archived = {name for name, status in told if status == b"archived"}
    return [name for name in extra if name not in archived]
