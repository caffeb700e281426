"""What Redis keeps of marks and splits, as text, back to values."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from pm.connect.replies import text_of
from pm.decimals import Amount
from pm.marks.mark import MARK_KINDS, Mark, MarkKind
from pm.marks.splits import Split


def current_marks(name: str, text: str | bytes) -> Iterator[Mark]:
    """The newest mark of each kind, from one field of the hash of marks."""
    subject, _, quote = name.partition("/")
    stored = json.loads(text)
    for kind in MARK_KINDS:
        if kind in stored:
            yield mark_of(subject, quote, kind, stored[kind])


def mark_of(subject: str, quote: str, kind: MarkKind, values: Mapping[str, str]) -> Mark:
    """One mark from its fields."""
    return Mark(
        subject,
        quote,
        Amount.parse(values["price"]),
        int(values["time"]),
        values["source"],
        kind,
        int(values["received_at"]),
    )


def splits_by_instrument(stored: Mapping[Any, Any]) -> dict[str, tuple[Split, ...]]:
    """All splits by instrument, the earliest first, from their hash."""
    found: dict[str, list[Split]] = {}
    for name, text in stored.items():
        instrument, _, event_id = text_of(name).partition("/")
        terms = json.loads(text)
        ratio = Amount.parse(terms["numerator"]), Amount.parse(terms["denominator"])
        split = Split(instrument, event_id, int(terms["time"]), *ratio)
        found.setdefault(instrument, []).append(split)
    return {name: tuple(sorted(found[name], key=_split_order)) for name in sorted(found)}


def _split_order(split: Split) -> tuple[int, str]:
    return split.time, split.event_id
