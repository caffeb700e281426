"""One key-value table to one checked event: which kinds there are, and which keys each has.

The table is what JSON or msgpack gave, with every number kept as text or as an exact integer. Ids
are taken in their outside spelling and escaped here, once. Any fault refuses the whole event, and
an unknown key is a fault: a misspelt `quote_amount` would otherwise change a notional unseen.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from pm.events import (
    read_capital,
    read_correction,
    read_life_event,
    read_order_event,
    read_upkeep,
)
from pm.events.model import Event, EventError
from pm.events.read_order_event import without_aliases
from pm.reference.table import KeyFault, Table, one_of

MARK: Final = "mark"

_KEYS: Final = {
    **read_order_event.KEYS,
    **read_capital.KEYS,
    **read_life_event.KEYS,
    **read_upkeep.KEYS,
    **read_correction.KEYS,
}
_READERS: Final[dict[str, Callable[[Table], Event]]] = {
    **read_order_event.READERS,
    **read_capital.READERS,
    **read_life_event.READERS,
    **read_upkeep.READERS,
    **read_correction.READERS,
}

KINDS: Final = tuple(_KEYS)

_parse_kind: Final = one_of(KINDS)


def read_event(values: Mapping[str, Any]) -> Event:
    """Return the event a table describes; EventError names the kind and the first wrong key."""
    if values.get("kind") == MARK:
        raise EventError("mark: is no event of a book")
    try:
        kind = Table(values).required("kind", _parse_kind)
    except KeyFault as error:
        raise EventError(str(error)) from None
    try:
        if kind == "execution_result":
            values = without_aliases(values)
        table = Table(values)
        table.refuse_unknown(_KEYS[kind])
        return _READERS[kind](table)
    except KeyFault as error:
        raise EventError(f"{kind}: {error}") from None
