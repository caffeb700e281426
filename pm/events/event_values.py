"""The values that only events have: ids in their outside spelling, sides, fees, traces.

Each parser takes a value and its key, and raises KeyFault with a text that begins with the key.
"""

from __future__ import annotations

import re
from datetime import date
from itertools import accumulate
from typing import Any, Final

from pm.events.model import (
    MAX_STRATEGY_ID,
    SIDES,
    STEPS,
    Fee,
    FeeClass,
    Result,
    Side,
    Trace,
)
from pm.reference.table import (
    MAX_TIME,
    KeyFault,
    Table,
    one_of,
    parse_flag,
    parse_number,
    shown,
    whole_number,
)
from pm.reference.text_ids import MAX_ID_LENGTH, escape_id
from pm.wire.execution_records import (
    RESULT_CANCELLED,
    RESULT_FILLED,
    RESULT_PARTIAL,
    RESULT_REJECTED,
)

MAX_FEES: Final = 32
MAX_WORDS_LENGTH: Final = 500
MAX_CHAIN_ID: Final = (1 << 32) - 1

PLACE_KEYS: Final = ("location", "account", "venue", "chain_id")

_FEE_KEYS: Final = ("token", "amount", "kind")
_FEE_CLASSES: Final[tuple[FeeClass, ...]] = ("trading", "gas")
_TRACE_KEYS: Final = ("id", "arbitrage", "step")
_TRACE_ID: Final = re.compile(r"[0-9a-fA-F]{32}", re.ASCII)
_NO_TRACE: Final = "0" * 32
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_RESULT_WORDS: Final[tuple[Result, ...]] = (
    "filled",
    "rejected",
    "partial",
    "cancelled",
    "unknown",
)
RESULT_OF_NUMBER: Final[dict[int, Result]] = {
    RESULT_FILLED: "filled",
    RESULT_REJECTED: "rejected",
    RESULT_PARTIAL: "partial",
    RESULT_CANCELLED: "cancelled",
}
# Two spellings of one word must not become two statuses, only one of which is final.
_STATUS_SPELLINGS: Final = {"canceled": "cancelled"}

_parse_step: Final = one_of(STEPS)
_parse_fee_class: Final = one_of(_FEE_CLASSES)
_parse_result_word: Final = one_of(_RESULT_WORDS)
_parse_result_number: Final = whole_number(0, 255)

parse_side: Final = one_of(SIDES)
parse_strategy: Final = whole_number(0, MAX_STRATEGY_ID)
parse_chain: Final = whole_number(0, MAX_CHAIN_ID)
FIRST_NANOSECONDS: Final = 10**15
"""Smaller numbers are seconds or milliseconds of our days, sent by mistake."""

_parse_nanoseconds: Final = whole_number(1, MAX_TIME)


def parse_moment(value: Any, key: str) -> int:
    """Return a time in nanoseconds since 1970; a number that must be a coarser unit is refused."""
    moment = _parse_nanoseconds(value, key)
    if moment < FIRST_NANOSECONDS:
        raise KeyFault(f"{key}: must be nanoseconds since 1970, {moment} is too small for that")
    return moment


def parse_outside_id(value: Any, key: str) -> str:
    """Return an id in its inside spelling; whole numbers are ids too."""
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        raise KeyFault(f"{key}: must be text, not {shown(value)}")
    try:
        return escape_id(str(value))
    except ValueError as error:
        raise KeyFault(f"{key}: {error}") from None


def read_quantity(table: Table, side: Side | None) -> str:
    """Return the signed quantity: as it stands without a side, else a positive one with it."""
    quantity = table.required("quantity", parse_number)
    if side is None or quantity == "0":
        return quantity
    if quantity.startswith("-"):
        raise KeyFault(f"quantity: must be more than 0 beside a side, not {quantity}")
    return quantity if side == "buy" else f"-{quantity}"


def parse_fees(value: Any, key: str) -> tuple[Fee, ...]:
    """Return a list of fees; one that names no token is in the instrument's fee token."""
    if not isinstance(value, list):
        raise KeyFault(f"{key}: must be a list, not {shown(value)}")
    if len(value) > MAX_FEES:
        raise KeyFault(f"{key}: has {len(value)} entries, at most {MAX_FEES} are accepted")
    return tuple([_read_fee(entry, f"{key}[{place}]") for place, entry in enumerate(value)])


def parse_trace(value: Any, key: str) -> Trace:
    """Return a trace; its id is 32 hex digits and not all zeros."""
    table = _inner_table(value, key, _TRACE_KEYS)
    try:
        return Trace(
            table.required("id", parse_trace_id),
            table.optional("arbitrage", parse_flag, False),
            table.maybe("step", _parse_step),
        )
    except KeyFault as error:
        raise KeyFault(f"{key}.{error}") from None


def parse_trace_id(value: Any, key: str) -> str:
    """Return the id of a trace: 32 hex digits, not all zeros, in lower case."""
    if not isinstance(value, str) or not _TRACE_ID.fullmatch(value) or value == _NO_TRACE:
        raise KeyFault(f"{key}: must be 32 hex digits that are not all 0, not {shown(value)}")
    return value.lower()


def parse_nonzero(value: Any, key: str) -> str:
    """Return a decimal number, of either sign but not 0, as canonical text."""
    amount = parse_number(value, key)
    if amount == "0":
        raise KeyFault(f"{key}: must not be 0")
    return amount


def parse_reason(value: Any, key: str) -> str:
    """Return free text, perhaps empty, in the inside spelling of an id; cut where too long."""
    if not isinstance(value, str):
        raise KeyFault(f"{key}: must be text, not {shown(value)}")
    cut = value[:MAX_ID_LENGTH]
    try:
        escaped = [escape_id(character) for character in cut]
    except ValueError as error:
        raise KeyFault(f"{key}: {error}") from None
    ends = accumulate(len(part) for part in escaped)
    return "".join(part for part, end in zip(escaped, ends, strict=True) if end <= MAX_ID_LENGTH)


def parse_words(value: Any, key: str) -> str:
    """Return free text of one line, not empty."""
    if not isinstance(value, str):
        raise KeyFault(f"{key}: must be text, not {shown(value)}")
    words = " ".join(value.split())
    if not words:
        raise KeyFault(f"{key}: is empty")
    if len(words) > MAX_WORDS_LENGTH:
        raise KeyFault(
            f"{key}: has {len(words)} characters, at most {MAX_WORDS_LENGTH} are accepted"
        )
    if not words.isprintable():
        raise KeyFault(f"{key}: must be printable, not {shown(words)}")
    return words


def parse_status(value: Any, key: str) -> str:
    """Return an order status: any words, in lower case."""
    status = parse_outside_id(value.lower() if isinstance(value, str) else value, key)
    return _STATUS_SPELLINGS.get(status, status)


def parse_result(value: Any, key: str) -> Result:
    """Return what became of an order, by word or by number; other numbers are unknown results."""
    text = str(value)
    if text.isdigit() and not isinstance(value, bool):
        return RESULT_OF_NUMBER.get(_parse_result_number(value, key), "unknown")
    return _parse_result_word(value, key)


def parse_date(value: Any, key: str) -> str:
    """Return a calendar date, YYYY-MM-DD."""
    try:
        if isinstance(value, str) and _DATE.fullmatch(value):
            return date.fromisoformat(value).isoformat()
    except ValueError:
        pass
    raise KeyFault(f"{key}: must be a date such as 2023-11-14, not {shown(value)}")


def require_together(table: Table, *keys: str) -> bool:
    """Tell whether these keys are there; KeyFault names one that is missing beside the others."""
    present = [key for key in keys if key in table]
    if not present:
        return False
    for key in keys:
        if key not in table:
            raise KeyFault(f"{key}: is missing beside {present[0]}")
    return True


def check_place(table: Table, *, is_needed: bool, prefix: str = "") -> None:
    """Refuse a balance that is nowhere, or in two places; `prefix` begins all four keys."""
    location, account, venue, chain_id = (f"{prefix}{key}" for key in PLACE_KEYS)
    if location in table:
        if account in table:
            raise KeyFault(f"{account}: is part of a location, which is given too")
    elif is_needed and not any(key in table for key in (account, venue, chain_id)):
        raise KeyFault(f"{location}: is missing, or {account}, {venue} or {chain_id}")


def _read_fee(value: Any, key: str) -> Fee:
    table = _inner_table(value, key, _FEE_KEYS)
    try:
        return Fee(
            table.maybe("token", parse_outside_id),
            table.required("amount", parse_number),
            table.optional("kind", _parse_fee_class, "trading"),
        )
    except KeyFault as error:
        raise KeyFault(f"{key}.{error}") from None


def _inner_table(value: Any, key: str, known: tuple[str, ...]) -> Table:
    if not isinstance(value, dict):
        raise KeyFault(f"{key}: must be an object, not {shown(value)}")
    table = Table(value)
    try:
        table.refuse_unknown(known)
    except KeyFault as error:
        raise KeyFault(f"{key}.{error}") from None
    return table
