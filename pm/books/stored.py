"""The keys of a book as a server holds them, in the form `pm.rules.expected` says they must have.

What is read, and how it is compared with what must be there, field by field.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import redis

from pm import keys
from pm.rules.expected import NOT_FOLDED, RESTATEMENTS, SORTED_SETS, ExpectedState

KEYS_A_READ = 500


def read_keys(
    client: redis.Redis, expected: ExpectedState, key_of: Callable[[str], str]
) -> dict[str, Any]:
    """What the server holds of every expected key; one of a wrong type as {"error": text}.

    `key_of` makes the full key of a name without prefix.
    """
    found: dict[str, Any] = {}
    names = list(expected)
    for start in range(0, len(names), KEYS_A_READ):
        part = names[start : start + KEYS_A_READ]
        pipeline = client.pipeline(transaction=False)
        for name in part:
            _read(pipeline, key_of(name), expected[name], name)
        for name, value in zip(part, pipeline.execute(raise_on_error=False), strict=True):
            found[name] = _texts(value)
    return found


def is_sorted_set(name: str) -> bool:
    """Whether a key without prefix is a sorted set (else a hash, or a set by its content)."""
    is_one = name in SORTED_SETS or name == RESTATEMENTS
    return is_one or name.startswith(("instrument:", "chain:"))


def state_differences(expected: ExpectedState, stored: Mapping[str, Any]) -> Iterator[str]:
    """Where stored keys differ in what the journal decides, one line for each field or member."""
    for name, found in stored.items():
        if name != "lanes":
            yield from key_differences(name, expected[name], found)


def key_differences(name: str, wanted: Any, found: Any) -> Iterator[str]:
    """Where one key differs in what the journal decides."""
    if wanted == found:
        return
    if isinstance(wanted, set):
        if not isinstance(found, set):
            yield f"{name}: is no set"
            return
        for member in sorted((wanted ^ found) - {keys.SENTINEL}):
            yield f"{name}: {member} {'is missing' if member in wanted else 'is not due'}"
        return
    ignored = NOT_FOLDED.get(name.partition(":")[0], frozenset())
    for part in sorted((wanted.keys() | found.keys()) - ignored):
        if wanted.get(part) != found.get(part):
            yield f"{name} {part}: is {found.get(part)!r}, must be {wanted.get(part)!r}"


def _read(pipeline: Any, key: str, expected: Any, name: str) -> None:
    if isinstance(expected, set):
        pipeline.smembers(key)
    elif is_sorted_set(name):
        pipeline.zrange(key, 0, -1, withscores=True)
    else:
        pipeline.hgetall(key)


def _texts(value: Any) -> Any:
    if isinstance(value, Exception):
        return {"error": str(value)}
    if isinstance(value, list):
        return {_text(member): f"{float(score):.0f}" for member, score in value}
    try:
        # Nearly always all of it is UTF-8, and this is done for every field of a book.
        if isinstance(value, dict):
            return {name.decode(): text.decode() for name, text in value.items()}
        return {member.decode() for member in value}
    except (AttributeError, UnicodeDecodeError):
        if isinstance(value, dict):
            return {_text(name): _text(text) for name, text in value.items()}
        return {_text(member) for member in value}


def _text(value: Any) -> str:
    # What is no text must differ from what is due, not end the comparison.
    return value.decode(errors="backslashreplace") if isinstance(value, bytes) else str(value)
