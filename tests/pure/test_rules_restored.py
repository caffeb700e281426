"""A state read back from its keys is the state, and folds on like it."""

import json
import random
from typing import Any

import pytest

from pm.rules.book import Book
from pm.rules.expected import ExpectedState, expected_state
from pm.rules.laws import differences
from pm.rules.restored import NotAState, restored_state
from pm.rules.tally import Tally
from tests.random_books import RandomLife
from tests.state import eventful

EVENTS = 300


def _life(seed: int) -> list[str]:
    size = str((5, 50, 100_000)[seed % 3])
    opened = {"kind": "opened", "name": "main", "schema": "2", "generation_size": size}
    return [json.dumps(opened), *RandomLife(seed).take(EVENTS)]


def _through_text(expected: ExpectedState) -> ExpectedState:
    """The keys as a file would give them back."""
    told: dict[str, Any] = {
        key: sorted(held) if isinstance(held, set) else held for key, held in expected.items()
    }
    read: dict[str, Any] = json.loads(json.dumps(told))
    return {key: set(held) if isinstance(held, list) else held for key, held in read.items()}


def _folds_on(texts: list[str], cuts: list[int], about: str) -> None:
    whole, restored, tally = Book(), Book(), Tally()
    for place, text in enumerate(texts):
        if place in cuts:
            restored.state = restored_state(_through_text(restored.expected_state()))
            tally = Tally.of(restored.state)
        entry = restored.apply(text)
        tally.add(entry)
        assert whole.apply(text) == entry, f"{about}, event {place}"
    assert whole.expected_state() == restored.expected_state(), about
    assert differences(restored.state, tally) == [], about


@pytest.mark.parametrize("seed", range(900, 912))
def test_a_restored_life_goes_on_as_if_nothing_had_happened(seed: int) -> None:
    cuts = random.Random(seed).sample(range(1, EVENTS), 6)
    _folds_on(_life(seed), cuts, f"seed {seed}, cuts {sorted(cuts)}")


def test_every_kind_of_key_is_read_back_in_every_way_it_changes() -> None:
    opened = {"kind": "opened", "name": "main", "schema": "2", "generation_size": "28"}
    events = [event.text for event in (*eventful.past(), *eventful.batch())]
    texts = [json.dumps(opened), *events]
    _folds_on(texts, list(range(1, len(texts))), "every cut")


def test_keys_that_are_no_state_are_refused_by_name() -> None:
    book = Book()
    for text in _life(0):
        book.apply(text)
    good = _through_text(expected_state(book.state))
    position = next(key for key in good if key.startswith("position:"))

    held = good[position]
    assert isinstance(held, dict)
    with pytest.raises(NotAState, match=position):
        restored_state({**good, position: {**held, "cost": "a lot"}})
    with pytest.raises(NotAState, match="rules 0"):
        restored_state({**good, "book": {**good["book"], "rules": "0"}})  # type: ignore[dict-item]
    with pytest.raises(NotAState):
        restored_state({key: held for key, held in good.items() if key != "seen:future"})
