"""Makes the books say what a break says of the outside: by a journaled adjustment, never silently.

The adjustment's id is made of the break and its difference, so that one that was killed before the
break was marked is made again under the same id, counts once, and ends the break.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import Any, Final

import redis

from pm import keys
from pm.books import opening
from pm.books.submitting import Submitter
from pm.breaks.kept import BreakError, Breaks
from pm.breaks.record import Break
from pm.crash_points import crash_point
from pm.events.facts import Direct, Facts
from pm.events.model import EventError
from pm.events.read_event import read_event
from pm.history import History
from pm.history.receipts import first_received
from pm.reference.snapshot import Reference

_ADJUSTABLE: Final = ("balance", "position")
_QUARANTINED: Final = '{"kind":"quarantined"'


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """Who wants a break adjusted and why; the book, strategy and cost where they are not plain.

    `cost` is the signed cost of the quantity that is added, in the settlement token.
    """

    by: str
    why: str
    book: str | None = None
    strategy: int | None = None
    cost: str | None = None


def adjust(
    client: redis.Redis,
    history: History,
    submitter: Submitter,
    reference: Reference,
    breaks: Breaks,
    found: Break,
    order: Order,
) -> Break:
    """Submit the adjustment that makes ours theirs, and end the break with it.

    BreakError for a break that no adjustment can end, and where the book does not take it.
    `client` must not decode. A repeated adjustment is looked for in `history`.
    """
    if found.kind not in _ADJUSTABLE:
        hint = (
            "rebuild the book" if found.kind == "state" else "bust, correct or tell what happened"
        )
        raise BreakError(f"break {found.id} is of kind {found.kind}: {hint} instead")
    if found.state == "resolved":
        raise BreakError(f"break {found.id} is resolved: {found.resolution}")
    book = _book(found, order)
    event_id = f"adjust-{found.id}-{found.occurrence}-{found.difference}"
    facts = _facts(client, reference, book, found, order, event_id)
    taken = submitter.submit(book, facts)
    crash_point("adjustment_submitted")
    if taken.result == "duplicate":
        seq = _seq_of(client, history, book, event_id, found.found_at)
    elif taken.result == "applied":
        seq = taken.seq
    else:
        raise BreakError(f"book {book} did not take the adjustment: {taken.reason}")
    return breaks.adjusted(found.id, seq, by=order.by, why=order.why, now_ns=time.time_ns())


def _book(found: Break, order: Order) -> str:
    if order.book is not None:
        return order.book
    if len(found.books) != 1:
        which = ", ".join(found.books) or "none yet"
        raise BreakError(f"break {found.id}: say with --book which to adjust (held by {which})")
    return found.books[0]


def _facts(
    client: redis.Redis,
    reference: Reference,
    book: str,
    found: Break,
    order: Order,
    event_id: str,
) -> str:
    location, _, name = found.subject.partition(":")
    now_ns = time.time_ns()
    table: dict[str, Any] = {
        "kind": "adjustment",
        "event_id": event_id,
        "executed_at": now_ns,
        "by": order.by,
        "why": order.why,
        "break_id": found.id,
        "location": location,
    }
    if found.kind == "balance":
        table |= {"token": name, "amount": found.difference}
    else:
        if order.cost is None:
            raise BreakError(f"break {found.id}: say with --cost what {found.difference} cost")
        strategy = _strategy(client, book, name) if order.strategy is None else order.strategy
        table |= {"instrument": name, "strategy_id": strategy, "cost": order.cost}
        table["quantity"] = found.difference
    try:
        facts = Facts(reference).text(read_event(table), Direct(now_ns))
    except EventError as error:
        raise BreakError(f"break {found.id}: {error}") from None
    if facts.startswith(_QUARANTINED):
        raise BreakError(f"break {found.id}: {json.loads(facts)['detail']}")
    return facts


def _strategy(client: redis.Redis, book: str, instrument: str) -> int:
    """The one strategy that holds or held an instrument; BreakError where it is not one."""
    members: Any = client.zrange(keys.instrument(book, instrument), 0, -1)
    held = sorted(member.decode() for member in members)
    if len(held) != 1:
        which = ", ".join(held) or "none"
        raise BreakError(f"say with --strategy whose {instrument} it is (held by {which})")
    return int(held[0])


def _seq_of(client: redis.Redis, history: History, book: str, event_id: str, since_ns: int) -> int:
    """The entry an event counted in, which was received after `since_ns`."""
    head = opening.head(client, book)
    last = 0 if head is None else head.seq
    after = first_received(history, book, since_ns, through=last) - 1
    for entry in history.read(book, after=max(0, after), through=last):
        if f'"id":"event/{event_id}"' in entry["facts"] and entry["result"] == "applied":
            return int(entry["seq"])
    return 0
