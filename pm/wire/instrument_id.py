"""The 12-byte instrument id, its integer keys, and its readable text.

The text is `venue.type.asset`, with `.rN` appended when the reserved byte is N, not 0:
`binance.coin.BTCUSDT`, `ethereum.token.0xa0b86991c6218b36`. It is a bijection: every 12 bytes have
one text, and `from_text` refuses any other spelling, so the text can serve as a key. Assets that
are named by symbol show it; hashes, addresses and symbols with awkward bytes show 16 hex digits.

`to_u64` keeps only the low 40 bits of the asset, so symbols of up to three letters all share
one key per venue. It exists to match ids received from elsewhere, never to identify.
"""

from __future__ import annotations

import re
import struct
from typing import Final, NamedTuple

from pm.wire.venues import ASSET_TYPE_NAMES, SYMBOL_ASSET_TYPES, VENUE_NAMES, chain_id_of_venue

INSTRUMENT_ID_SIZE: Final = 12
_WIRE: Final = struct.Struct("<QHBB")
_LOW_40_BITS: Final = (1 << 40) - 1
_U64_MAX: Final = (1 << 64) - 1

_TEXT: Final = re.compile(r"([a-z0-9]+)\.([a-z0-9]+)\.(.+?)(?:\.r([0-9]{1,3}))?", re.ASCII)
_NUMBERED_VENUE: Final = re.compile(r"venue([0-9]{1,5})", re.ASCII)
_NUMBERED_TYPE: Final = re.compile(r"type([0-9]{1,3})", re.ASCII)
_HEX_ASSET: Final = re.compile(r"0x[0-9a-f]{16}", re.ASCII)
_PLAIN_SYMBOL: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,7}", re.ASCII)
# A symbol that reads as a hex asset or as a reserved suffix would not parse back to itself.
_AMBIGUOUS_SYMBOL: Final = re.compile(r"0x.*|.*\.r[0-9]{1,3}", re.ASCII)

_VENUE_NUMBERS: Final = {name: number for number, name in VENUE_NAMES.items()}
_ASSET_TYPE_NUMBERS: Final = {name: number for number, name in ASSET_TYPE_NAMES.items()}


class OptionTerms(NamedTuple):
    """What an option's asset id packs; expiry and symbol hash are truncated by the encoding."""

    strike: int
    expiry20: int
    is_call: bool
    symbol_hash: int


class InstrumentId(NamedTuple):
    """One instrument: u64 asset, u16 venue, u8 asset type, u8 reserved."""

    asset_id: int
    venue: int
    asset_type: int
    reserved: int = 0

    @classmethod
    def from_bytes(cls, wire: bytes) -> InstrumentId:
        """Read 12 bytes; ValueError for another length."""
        if len(wire) != INSTRUMENT_ID_SIZE:
            raise ValueError(f"instrument id has {len(wire)} bytes, not {INSTRUMENT_ID_SIZE}")
        return cls._make(_WIRE.unpack(wire))

    @classmethod
    def from_symbol(
        cls, venue: int, asset_type: int, symbol: str, reserved: int = 0
    ) -> InstrumentId:
        """Name an asset by its symbol; ValueError unless that is 1 to 8 ASCII characters."""
        encoded = symbol.encode("ascii")
        if not 1 <= len(encoded) <= 8 or b"\0" in encoded:
            raise ValueError(f"symbol {symbol!r} is not 1 to 8 ASCII characters without NUL")
        return cls(int.from_bytes(encoded.ljust(8, b"\0"), "big"), venue, asset_type, reserved)

    @classmethod
    def from_u64(cls, key: int) -> InstrumentId:
        """Undo `to_u64` as far as it can be undone: the asset's upper 24 bits are lost."""
        return cls(key & _LOW_40_BITS, key >> 48 & 0xFFFF, key >> 40 & 0xFF, 0)

    @classmethod
    def from_cache_key(cls, key: int) -> InstrumentId:
        """Undo `cache_key`."""
        return cls(key & _U64_MAX, key >> 80 & 0xFFFF, key >> 72 & 0xFF, key >> 64 & 0xFF)

    @classmethod
    def from_text(cls, text: str) -> InstrumentId:
        """Read the text form; ValueError unless it is the one spelling `to_text` gives."""
        parts = _TEXT.fullmatch(text)
        if parts is None:
            raise ValueError(f"instrument {text!r} is not of the form venue.type.asset")
        venue_name, type_name, asset, reserved = parts.groups()
        parsed = cls(
            _asset_id(asset, text),
            _number(venue_name, _VENUE_NUMBERS, _NUMBERED_VENUE, "venue", text),
            _number(type_name, _ASSET_TYPE_NUMBERS, _NUMBERED_TYPE, "asset type", text),
            int(reserved or 0),
        )
        if parsed.venue > 0xFFFF or parsed.asset_type > 0xFF or parsed.reserved > 0xFF:
            raise ValueError(f"instrument {text!r} has a number out of range")
        if parsed.to_text() != text:
            raise ValueError(f"instrument {text!r} is spelt {parsed.to_text()!r}")
        return parsed

    def to_bytes(self) -> bytes:
        """Return the 12 wire bytes; ValueError if a part is out of its range."""
        try:
            return _WIRE.pack(*self)
        except struct.error as error:
            raise ValueError(f"instrument id {tuple(self)} is out of range: {error}") from None

    def to_u64(self) -> int:
        """Return the lossy 64-bit key that fills and order messages carry."""
        return self.venue << 48 | self.asset_type << 40 | self.asset_id & _LOW_40_BITS

    def cache_key(self) -> int:
        """Return the lossless 96-bit key."""
        return self.venue << 80 | self.asset_type << 72 | self.reserved << 64 | self.asset_id

    def to_text(self) -> str:
        """Return the readable text, made of `A-Za-z0-9._-` only."""
        venue = VENUE_NAMES.get(self.venue) or f"venue{self.venue}"
        asset_type = ASSET_TYPE_NAMES.get(self.asset_type) or f"type{self.asset_type}"
        asset = self.symbol() or f"0x{self.asset_id:016x}"
        suffix = f".r{self.reserved}" if self.reserved else ""
        return f"{venue}.{asset_type}.{asset}{suffix}"

    def symbol(self) -> str | None:
        """Return the symbol the asset id spells, or None where it is a number or not plain text."""
        if self.asset_type not in SYMBOL_ASSET_TYPES:
            return None
        symbol = self.asset_id.to_bytes(8, "big").rstrip(b"\0").decode("latin-1")
        if _PLAIN_SYMBOL.fullmatch(symbol) is None or _AMBIGUOUS_SYMBOL.fullmatch(symbol):
            return None
        return symbol

    def chain_id(self) -> int | None:
        """Return the chain of the venue, or None off chain and where the venue names no chain."""
        return chain_id_of_venue(self.venue)

    def option_terms(self) -> OptionTerms:
        """Unpack an option's asset id; meaningful only for asset type 150."""
        asset = self.asset_id
        return OptionTerms(asset >> 32, asset >> 12 & 0xFFFFF, bool(asset >> 11 & 1), asset & 0x7FF)


def _asset_id(asset: str, text: str) -> int:
    if _HEX_ASSET.fullmatch(asset):
        return int(asset, 16)
    if _PLAIN_SYMBOL.fullmatch(asset):
        return int.from_bytes(asset.encode("ascii").ljust(8, b"\0"), "big")
    raise ValueError(f"instrument {text!r} has neither a symbol nor 16 hex digits as its asset")


def _number(
    name: str, numbers: dict[str, int], numbered: re.Pattern[str], what: str, text: str
) -> int:
    known = numbers.get(name)
    if known is not None:
        return known
    match = numbered.fullmatch(name)
    if match is None:
        raise ValueError(f"instrument {text!r} names no known {what} {name!r}")
    return int(match.group(1))
