"""Which of our instruments a venue's symbol is.

ccxt writes `BASE/QUOTE`, then `:SETTLEMENT` for what is settled, `-YYMMDD` for what expires and
`-STRIKE-C` or `-P` for an option. Symbols are matched by what reference data says of the venue's
instruments, never by their spelling. Our own instrument ids are taken as they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final, NamedTuple

from pm.decimals import Amount
from pm.reference.records import FutureMetadata, Instrument, OptionMetadata
from pm.reference.snapshot import Reference
from pm.reference.text_ids import escape_id

_SYMBOL: Final = re.compile(
    r"(?P<base>[^/:]+)/(?P<quote>[^/:]+)"
    r"(?::(?P<settlement>[^/:-]+)"
    r"(?:-(?P<expiry>[0-9]{6})(?:-(?P<strike>[0-9.]+)-(?P<type>[CP]))?)?)?"
)
_NS_PER_SECOND: Final = 1_000_000_000


class Unknown(NamedTuple):
    """A symbol that is none of our instruments, or several of them."""

    symbol: str
    why: str


class Symbols:
    """The symbols of one venue."""

    def __init__(self, reference: Reference, venue: str) -> None:
        self._venue = venue
        self._instruments: dict[str, Instrument] = {
            record.id: record for record in reference.instruments.values() if record.venue == venue
        }
        self._found: dict[str, Instrument | Unknown] = {}

    def instrument(self, symbol: str) -> Instrument | Unknown:
        """The instrument of a symbol, or why there is none."""
        if symbol not in self._found:
            self._found[symbol] = self._search(symbol)
        return self._found[symbol]

    def _search(self, symbol: str) -> Instrument | Unknown:
        try:
            own = self._instruments.get(escape_id(symbol))
        except ValueError:
            own = None
        if own is not None:
            return own
        match = _SYMBOL.fullmatch(symbol)
        if match is None:
            return Unknown(symbol, f"no instrument of {self._venue}, and no symbol of ccxt")
        fitting = sorted(
            (record for record in self._instruments.values() if _fits(record, match)),
            key=lambda record: record.id,
        )
        if len(fitting) == 1:
            return fitting[0]
        if not fitting:
            return Unknown(symbol, f"no instrument of {self._venue} in the reference fits")
        return Unknown(symbol, f"several fit: {_ids(fitting)}")


def _fits(record: Instrument, symbol: re.Match[str]) -> bool:
    told = symbol.groupdict()
    if (record.base, record.quote) != (told["base"], told["quote"]):
        return False
    if told["settlement"] is None:
        return record.kind in ("spot", "equity")
    if record.settlement != told["settlement"]:
        return False
    if told["expiry"] is None:
        return record.kind == "perpetual"
    if told["strike"] is None:
        return record.kind == "future" and _expires(record) == told["expiry"]
    return (
        record.kind == "option"
        and _expires(record) == told["expiry"]
        and _option_is(record, told["strike"], told["type"])
    )


def _option_is(record: Instrument, strike: str, type_: str) -> bool:
    terms = record.metadata
    if not isinstance(terms, OptionMetadata) or terms.strike_price is None:
        return False
    try:
        told = Amount.parse(strike)
    except ValueError:
        return False
    wanted = "call" if type_ == "C" else "put"
    return terms.option_type == wanted and Amount.parse(terms.strike_price) == told


def _expires(record: Instrument) -> str | None:
    """The UTC day an instrument ends on as YYMMDD."""
    terms = record.metadata
    if isinstance(terms, FutureMetadata):
        time_ns = terms.settlement_date
    else:
        time_ns = terms.expiry_time if isinstance(terms, OptionMetadata) else None
    if time_ns is None:
        return None
    return datetime.fromtimestamp(time_ns // _NS_PER_SECOND, UTC).strftime("%y%m%d")


def _ids(records: Iterable[Instrument]) -> str:
    return ", ".join(record.id for record in records)
