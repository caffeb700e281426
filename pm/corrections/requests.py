"""Corrections as the books keep them: what was asked, and what has become of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import redis

from pm import keys
from pm.connect.replies import text_of, texts_of
from pm.corrections.terms import Request, fees_of
from pm.decimals import Amount
from pm.rules.pending import OPEN, correction_id

_PREFIX = correction_id("")


def names(client: redis.Redis, book: str) -> list[str]:
    """Every correction of a book, those last that were asked or made last."""
    found: Any = client.zrange(keys.restatements(book), 0, -1)
    return [text_of(name).removeprefix(_PREFIX) for name in found]


def open_names(client: redis.Redis, book: str) -> list[str]:
    """The corrections still to be made."""
    found: Any = client.zrangebylex(keys.pendings(book), f"[{_PREFIX}", f"({_PREFIX}\xff")
    return [text_of(name).removeprefix(_PREFIX) for name in found]


def stored(client: redis.Redis, book: str, correction: str) -> dict[str, str]:
    """The hash of a correction, empty where there is none."""
    found: Any = client.hgetall(keys.pending(book, correction_id(correction)))
    return texts_of(found)


def open_request(client: redis.Redis, book: str, correction: str) -> Request | None:
    """What is asked by a correction, None unless it is still to be made."""
    held = stored(client, book, correction)
    if held.get("status") != OPEN:
        return None
    # What is open was last touched by the entry that asked for it.
    return request_of(correction, held)._replace(asked_seq=int(held["seq"]))


def request_of(correction: str, held: Mapping[str, str]) -> Request:
    """What a correction's hash asks."""
    return Request(
        correction=correction,
        action=held["action"],
        execution=held["execution"],
        strategy=held["strategy"],
        quantity=_amount(held["quantity"]),
        price=_amount(held["price"]),
        quote_amount=_amount(held["quote_amount"]),
        fees=fees_of(json.loads(held["fees"])) if held["fees"] else None,
        keep_fees=held["keep_fees"] == "1",
        by=held["by"],
        why=held["why"],
    )


def _amount(text: str) -> Amount | None:
    return Amount.parse(text) if text else None
