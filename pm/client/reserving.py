"""One reservation on its way into a book: its id, its one call, and what a repetition means.

A reservation without an id of its own is the only one its order makes in its place, so that a call
repeated after a lost reply reserves nothing more. But a repetition that finds less reserved than it
asks for would leave an order uncovered: that is an error.
"""

from __future__ import annotations

import json
from hashlib import sha1
from typing import Final

from pm import keys
from pm.client.amounts import parse_amount
from pm.client.posted import CapitalError, InsufficientBalance, Posted, Reserved
from pm.client.submissions import Submissions
from pm.events.model import Reservation
from pm.events.resolving import Unusable
from pm.reference.text_ids import MAX_ID_LENGTH, unescape_id

UNNAMED: Final = "-"
"""The event id of a reservation that has not been given one."""


def reserve(submissions: Submissions, event: Reservation, book: str | None) -> Reserved:
    """Reserve in one call; InsufficientBalance if less is available."""
    try:
        return _reserve(submissions, event, book)
    except InsufficientBalance:
        # By newer reference data the balance may lie elsewhere.
        if not submissions.refresh():
            raise
        return _reserve(submissions, event, book)


def _reserve(submissions: Submissions, event: Reservation, book: str | None) -> Reserved:
    has_own_id = event.event_id != UNNAMED
    order, location = _order_and_location(submissions, event)
    if not has_own_id:
        event = event._replace(event_id=_reservation_id(event, order, location))
    posted = submissions.post(event, book, in_hurry=True)
    if posted.already and not has_own_id:
        _check_reserved(submissions, posted, event, order, location)
    amount = parse_amount(event.amount)
    return Reserved(**posted.fields(), location=location, token=event.token, amount=amount)


def _order_and_location(submissions: Submissions, event: Reservation) -> tuple[str, str]:
    """The order as the books name it within its venue, and where its balance lies."""
    resolver = submissions.resolver()
    try:
        location, _ = resolver.place(event.location, event.account, event.venue, None)
    except Unusable as error:
        raise CapitalError(f"reserve: {error.detail}") from None
    return resolver.order_id(event.venue, event.order_id, None, event.executed_at), location


def _reservation_id(event: Reservation, order: str, location: str) -> str:
    """The id of an order's reservation in a place, hashed where it would be too long for an id.

    Written as `escape_id` writes the text `reserve/<venue>/<order>/<location>/<token>`.
    """
    parts = ("reserve", event.venue, order, location, event.token)
    text = "%2F".join([part.replace("%", "%25") for part in parts])
    if len(text) <= MAX_ID_LENGTH:
        return text
    return f"reserve%2F{sha1(text.encode(), usedforsecurity=False).hexdigest()}"


def _check_reserved(
    submissions: Submissions, posted: Posted, event: Reservation, order: str, location: str
) -> None:
    """CapitalError unless what was reserved under this id before covers what is asked now."""
    values = submissions.hash(keys.order(posted.book, f"{event.venue}:{order}"))
    known = json.loads(values.get("reservations", "{}"))
    told_order, token = unescape_id(event.order_id), unescape_id(event.token)
    whole, *_ = known.get(f"{location}:{event.token}", ("0",))
    if whole == "0":
        raise CapitalError(
            f"order {told_order} reserved {token} at {unescape_id(location)} before, and nothing"
            " of it is left: only an event_id of its own reserves again"
        )
    if (parse_amount(whole) - parse_amount(event.amount)).sign < 0:
        raise CapitalError(
            f"order {told_order} has reserved {whole} {token} at {unescape_id(location)}, not"
            f" {event.amount}: only an event_id of its own adds to it"
        )
