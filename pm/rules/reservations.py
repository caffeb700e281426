"""What orders have reserved: how much of it an event frees, and its JSON.

A reservation belongs to one order, location and token, and only that order's news consume it. With
the order's quantity known it shrinks with what is left to execute, so that a better price than
feared is free at once; without, by what the order's executions spent. At the order's end all that
is left is free.
"""

from collections.abc import Mapping
from typing import NamedTuple

from pm.decimals import ZERO, Amount
from pm.rules.legs import share

Reservations = Mapping[str, "Reservation"]
NO_RESERVATIONS: Reservations = {}


class Reservation(NamedTuple):
    """What an order holds back of one balance.

    `whole` was held when `leaves` of the order quantity `of` were still to execute; None where the
    order's quantity was not stated. `left` of it still is.
    """

    whole: Amount
    left: Amount
    of: Amount | None
    leaves: Amount | None
    chain_id: str


class Release(NamedTuple):
    """What becomes available of a balance; below zero, what is reserved."""

    chain_id: str
    amount: Amount


Releases = Mapping[str, Release]
NO_RELEASES: Releases = {}


def reservation_key(location: str, token: str) -> str:
    """The name of a reservation within its order, the same as that of the balance."""
    return f"{location}:{token}"


def reservations_json(reservations: Reservations) -> str:
    """The JSON object of an order's reservations, sorted by balance."""
    if not reservations:
        return "{}"
    shown = []
    for key in sorted(reservations):
        whole, left, of, leaves, chain_id = reservations[key]
        shown.append(
            f'"{key}":["{whole}","{left}","{"" if of is None else of}",'
            f'"{"" if leaves is None else leaves}","{chain_id}"]'
        )
    return "{" + ",".join(shown) + "}"


def enlarged(
    held: Reservation | None, amount: Amount, of: Amount | None, executed: Amount, chain_id: str
) -> Reservation:
    """The reservation with `amount` more, counted from what the order has `executed` (size)."""
    left = (ZERO if held is None else held.left) + amount
    if of is None and held is not None:
        of = held.of
    leaves = None if of is None else of - executed
    return Reservation(left, left, of, leaves, chain_id)


def left_after(reservation: Reservation, executed: Amount, spent: Amount) -> Amount:
    """What is left once the order has `executed` this much in all, `spent` by this event."""
    whole, left, of, leaves_then, _ = reservation
    if of is None or leaves_then is None:
        return max(ZERO, left - spent)
    leaves = max(ZERO, of - executed)
    due = whole if leaves >= leaves_then else share(whole, leaves, leaves_then)
    return min(left, due)


def shrunk(reservations: Reservations, left: Mapping[str, Amount]) -> tuple[Reservations, Releases]:
    """The reservations with only so much left of each, and what that frees."""
    kept: dict[str, Reservation] = {}
    releases: dict[str, Release] = {}
    for key in sorted(reservations):
        held = reservations[key]
        remaining = left.get(key, held.left)
        if remaining:
            kept[key] = held._replace(left=remaining)
        if remaining != held.left:
            releases[key] = Release(held.chain_id, held.left - remaining)
    return kept, releases
