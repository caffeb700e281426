"""What the keys of a book hold that no journal tells: marks, what follows from them, the library.

Taken from the live keys where they are good for it, so that a switch leaves nothing to repair.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import redis

from pm import keys
from pm.functions import library
from pm.rules.expected import NOT_FOLDED, ExpectedState, Hash
from pm.rules.state import BookState
from pm.rules.worths import Worths

_POSITION, _STRATEGY = "position:", "strategy:"
_KEYS_A_READ: Final = 500


@dataclass(slots=True)
class Beside:
    """The fields beside those the journal decides, of one book. `client` must not decode."""

    client: redis.Redis
    book: str
    _worths: Worths = field(default_factory=Worths)

    def of(self, expected: ExpectedState, state: BookState) -> dict[str, Hash]:
        """Those of each of these keys; positions that are not among them are as they were asked."""
        live = self._live([name for name in expected if name.partition(":")[0] in NOT_FOLDED])
        found: dict[str, Hash] = {}
        for name in live:
            if name.startswith(_POSITION):
                member = name.removeprefix(_POSITION)
                record = state.positions[member]
                found[name] = self._worths.position(member, record, live[name])
        for name in live:
            if name.startswith(_STRATEGY):
                found[name] = self._worths.strategy(name.removeprefix(_STRATEGY), live[name])
        found["book"] = self._of_book(live["book"])
        return found

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

    def _live(self, names: Sequence[str]) -> dict[str, Hash]:
        """The fields of live hashes that no journal decides; none where there is no such hash."""
        found: dict[str, Hash] = {}
        for start in range(0, len(names), _KEYS_A_READ):
            part = names[start : start + _KEYS_A_READ]
            pipeline = self.client.pipeline(transaction=False)
            fields = [sorted(NOT_FOLDED[name.partition(":")[0]]) for name in part]
            for name, wanted in zip(part, fields, strict=True):
                pipeline.hmget(keys.of_book(self.book, name), wanted)
            told = pipeline.execute(raise_on_error=False)
            for name, wanted, values in zip(part, fields, told, strict=True):
                found[name] = _texts(wanted, values)
        return found


def _texts(names: Sequence[str], values: Any) -> Hash:
    if isinstance(values, Exception):
        return {}
    told = zip(names, values, strict=True)
    return {name: value.decode(errors="replace") for name, value in told if value is not None}
