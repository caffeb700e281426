"""One event as the key-value table it could have been read from.

`read_event(event_table(event))` is the event again. Ids are in their outside spelling, so that
reading escapes them to the same inside spelling.
"""

from __future__ import annotations

from typing import Any, Final

from pm.events.model import Event, Fee, Trace
from pm.reference.text_ids import unescape_id

_ID_FIELDS: Final = frozenset(
    {
        "execution_id", "event_id", "break_id", "transfer_id", "dividend_id", "order_id",
        "instrument", "to_instrument", "underlying", "reason", "status", "token", "to_token",
        "venue", "from_venue", "to_venue", "location", "from_location", "to_location",
        "account", "from_account", "to_account", "book", "from_book", "to_book",
    }
)  # fmt: skip


def event_table(event: Event) -> dict[str, Any]:
    """Return the table: text, integers, flags, lists of tables; without what was not said."""
    table: dict[str, Any] = {"kind": event.kind}
    values: tuple[Any, ...] = event
    for name, value in zip(event._fields, values, strict=True):
        if value is None or value is False:
            continue
        if name == "fees":
            # No fees and fees not stated differ only where None is possible.
            if value or event.kind in ("execution_result", "correct"):
                table["fees"] = [_fee_table(fee) for fee in value]
        elif name == "trace":
            table["trace"] = _trace_table(value)
        elif name in _ID_FIELDS:
            table[name] = unescape_id(value)
        else:
            table[name] = value
    return table


def _fee_table(fee: Fee) -> dict[str, str]:
    table = {} if fee.token is None else {"token": unescape_id(fee.token)}
    table["amount"] = fee.amount
    if fee.kind != "trading":
        table["kind"] = fee.kind
    return table


def _trace_table(trace: Trace) -> dict[str, Any]:
    table: dict[str, Any] = {"id": trace.id, "arbitrage": trace.arbitrage}
    if trace.step is not None:
        table["step"] = trace.step
    return table
