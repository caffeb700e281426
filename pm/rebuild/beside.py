"""What the keys of a book hold that no journal tells: marks, what follows from them, the library.

Taken from the live keys where they are good for it, so that a switch leaves nothing to repair.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pm.functions import library
from pm.rules.expected import ExpectedState, Hash
from pm.rules.state import BookState
from pm.rules.worths import Worths

_POSITION, _STRATEGY = "position:", "strategy:"


@dataclass(slots=True)
class Beside:
    """The fields beside those the journal decides, of one book."""

    _worths: Worths = field(default_factory=Worths)

    def completed(
        self, expected: ExpectedState, live: Mapping[str, Any], state: BookState
    ) -> ExpectedState:
        """The keys as they must be stored, by what the live ones hold.

        Positions that are not among them are as they were when they last were.
        """
        whole = dict(expected)
        for name, held in expected.items():
            if name.startswith(_POSITION) and isinstance(held, dict):
                member = name.removeprefix(_POSITION)
                record = state.positions[member]
                whole[name] = held | self._worths.position(member, record, _hash(live, name))
        for name, held in expected.items():
            if name.startswith(_STRATEGY) and isinstance(held, dict):
                strategy = name.removeprefix(_STRATEGY)
                whole[name] = held | self._worths.strategy(strategy, _hash(live, name))
        book = expected["book"]
        assert isinstance(book, dict)
        whole["book"] = book | self._of_book(_hash(live, "book"))
        return whole

    def _of_book(self, live: Hash) -> Hash:
        totals = self._worths.book(live)
        told = live.get("valuation", "")
        count = int(told) if told.isdecimal() else 0
        is_as_it_was = live.get("valuation_torn") == "0" and totals.items() <= live.items()
        return {
            **totals,
            "epoch": live.get("epoch", "1"),
            "library": live.get("library", library.current().sha),
            "valuation": str(count if is_as_it_was or not live else count + 1),
            "valuation_torn": "0",
        }


def _hash(live: Mapping[str, Any], name: str) -> Hash:
    found = live.get(name)
    return found if isinstance(found, dict) else {}
