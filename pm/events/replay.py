"""Facts back to the event they were written from, to replay one that the books refused.

Written again, the event gives the same facts but for its place, as long as the reference data is
the same. That is why account, chain and order date come back as stated, though they may have been
derived, and fees name the tokens they were resolved to.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Final

from pm.events import replay_capital, replay_correction, replay_life, replay_orders, replay_upkeep
from pm.events.facts_fields import FactsTable
from pm.events.model import Event, EventError

_READERS: Final[dict[str, Callable[[FactsTable], Event]]] = {
    **replay_orders.READERS,
    **replay_capital.READERS,
    **replay_life.READERS,
    **replay_upkeep.READERS,
    **replay_correction.READERS,
}


def event_from_facts(text: str) -> Event:
    """Return the event; EventError for text that is no facts, or facts that hold no event."""
    try:
        facts = json.loads(text)
        read = _READERS.get(facts["kind"])
        if read is None:
            raise EventError(f"facts of kind {facts['kind']} hold no event")
        return read(facts)
    except EventError:
        raise
    except (ValueError, KeyError, TypeError, IndexError, RecursionError) as error:
        raise EventError(f"is not the facts of an event: {error}") from None
