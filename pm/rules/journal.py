"""A journal entry: its fields in order, and the texts its lists are written as."""

from collections.abc import Sequence
from typing import NamedTuple

from pm.rules.balances import Balance
from pm.rules.legs import Leg
from pm.rules.position import PositionChange

RULES_VERSION = "1"


class Entry(NamedTuple):
    """One entry of the journal; every field is text, `seq` is its place and no field."""

    seq: int
    event: str
    result: str
    reason: str
    facts: str
    legs: str
    changes: str
    order: str
    trace: str
    contribution: str
    previous_update: str
    rules: str
    digest: str

    def fields(self) -> list[tuple[str, str]]:
        """Names and texts in journal order."""
        return list(zip(self._fields[1:], self[1:], strict=True))


FIELDS = Entry._fields[1:]


def legs_json(legs: Sequence[Leg]) -> str:
    """The JSON list of legs, each a pair of quantity and notional."""
    return "[" + ",".join([f'["{leg.quantity}","{leg.notional}"]' for leg in legs]) + "]"


def position_change_json(strategy: str, instrument: str, change: PositionChange) -> str:
    """The JSON of a position's change as the feed sends it."""
    old = "null" if change.old is None else change.old.text
    return (
        f'{{"type":"{change.type}","strategy_id":"{strategy}","instrument":"{instrument}",'
        f'"old":{old},"new":{change.new.text}}}'
    )


def balance_change_json(
    location: str, chain_id: str, token: str, old: Balance | None, new: Balance
) -> str:
    """The JSON of a balance's change as the feed sends it."""
    before = "null" if old is None else old.text
    return (
        f'{{"type":"balance_changed","location":"{location}","chain_id":"{chain_id}",'
        f'"token":"{token}","old":{before},"new":{new.text}}}'
    )
