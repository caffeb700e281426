"""Which instrument a relay message means, decided from everything known and never guessed.

The relay's u64 key is lossy: BTCUSDT and ETHUSDT of one venue share one. A key that fits several
instruments is settled by what is known of the order, or not at all.
"""

from __future__ import annotations

from pm.events.order_context import OrderContext
from pm.reference.records import Instrument, wire_bytes_of_id
from pm.reference.snapshot import Reference


class Unresolved(Exception):
    """A message that must be quarantined; `reason` is one word."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


def resolve_instrument(
    order_id: int, own: OrderContext, known: OrderContext, reference: Reference
) -> Instrument:
    """Return the instrument of a message.

    `own` is what the message says itself, `known` that and everything else about the order.
    Unresolved has reason unknown_order, unknown_instrument or ambiguous_instrument.
    """
    if own.instrument is None and own.instrument_key is not None:
        return _of_key(own.instrument_key, known.instrument, reference)
    if known.instrument is not None:
        instrument = _of_text(known.instrument, reference)
        if instrument is None:
            raise Unresolved("unknown_instrument", f"{known.instrument} is not in the reference")
        return instrument
    if known.instrument_key is not None:
        return _of_key(known.instrument_key, None, reference)
    raise Unresolved("unknown_order", f"nothing is known of the instrument of order {order_id}")


def _of_text(instrument_id: str, reference: Reference) -> Instrument | None:
    found = reference.instrument(instrument_id)
    if found is not None:
        return found
    wire = wire_bytes_of_id(instrument_id)
    return None if wire is None else reference.instrument_of_wire_id(wire)


def _of_key(key: int, hint: str | None, reference: Reference) -> Instrument:
    candidates = reference.instruments_of_key(key)
    if len(candidates) == 1:
        return candidates[0]
    if not candidates:
        raise Unresolved("unknown_instrument", f"no instrument has the key {key:#x}")
    hinted = None if hint is None else _of_text(hint, reference)
    if hinted is not None and hinted in candidates:
        return hinted
    shared = ", ".join(candidate.id for candidate in candidates)
    raise Unresolved("ambiguous_instrument", f"the key {key:#x} is shared by {shared}")
