"""A journal entry: its fields in order, and the texts its lists are written as."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from pm.rules.balances import Balance
from pm.rules.decision import Decision, PositionUpdate
from pm.rules.digest import chain_digest
from pm.rules.effects import in_flight_json, receivable_json
from pm.rules.facts import Place
from pm.rules.pending import IN_FLIGHT, pending_json
from pm.rules.position_events import PositionChange

RULES_VERSION = "1"
LEGS_OF_ONE_POSITION = frozenset({"fill", "execution_result", "deposit", "opening", "adjustment"})
"""Kinds whose legs do not name their position."""


class Entry(NamedTuple):
    """One entry of the journal; every field is text, `seq` is its place and no field."""

    seq: int
    event: str
    result: str
    reason: str
    facts: str
    legs: str
    effects: str
    changes: str
    order: str
    trace: str
    contribution: str
    previous_update: str
    rules: str
    digest: str

    def fields(self) -> list[tuple[str, str]]:
        """Names and texts in journal order."""
        return list(zip(FIELDS, self[1:], strict=True))


FIELDS = Entry._fields[1:]


def follows(stored: Mapping[str, str], digest: str) -> bool:
    """Whether an entry as it is stored comes right after the one with this digest."""
    values = [stored.get(name, "") for name in FIELDS[:-1]]
    return chain_digest(digest, values) == stored.get("digest")


def legs_json(kind: str, updates: Sequence[PositionUpdate]) -> str:
    """The JSON list of legs, each a quantity, a notional and for most kinds its position."""
    if not updates:
        return "[]"
    shown = []
    for update in updates:
        named = "" if kind in LEGS_OF_ONE_POSITION else f',"{update.key}"'
        shown += [f'["{leg.quantity}","{leg.notional}"{named}]' for leg in update.effect.legs]
    return "[" + ",".join(shown) + "]"


def effects_json(decision: Decision) -> str:
    """The JSON list of what an entry changes beside legs."""
    shown = list(decision.effects)
    if decision.pending is not None:
        shown.append(pending_json(decision.pending))
    if decision.under_way is not None:
        kind, token, amount = decision.under_way
        make = in_flight_json if kind == IN_FLIGHT else receivable_json
        shown.append(make(token, amount))
    return "[" + ",".join(shown) + "]"


def position_change_json(strategy: str, instrument: str, change: PositionChange) -> str:
    """The JSON of a position's change as the feed sends it."""
    old = "null" if change.old is None else change.old.text
    return (
        f'{{"type":"{change.type}","strategy_id":"{strategy}","instrument":"{instrument}",'
        f'"old":{old},"new":{change.new.text}}}'
    )


def balance_change_json(place: Place, token: str, old: Balance | None, new: Balance) -> str:
    """The JSON of a balance's change as the feed sends it."""
    before = "null" if old is None else old.text
    return (
        f'{{"type":"balance_changed","location":"{place.location}",'
        f'"chain_id":"{place.chain_id}","token":"{token}","old":{before},"new":{new.text}}}'
    )
