"""One immutable version of the reference data, and what changed between two.

Workers hold a snapshot and are refused when the books have moved on to another version, so an event
meets the same facts however often it is sent. A u64 key of the relay is lossy: one that fits
several instruments is known as ambiguous and never resolved by guessing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NamedTuple, TypeVar

from pm.reference.chains import NO_CHAIN, location
from pm.reference.records import Instrument, Record, Token, Venue
from pm.wire.instrument_id import InstrumentId

AnyRecord = TypeVar("AnyRecord", Instrument, Token, Venue)


class DuplicateRecord(ValueError):
    """Two records claim one id, or one wire id; the text names both."""


@dataclass(frozen=True, slots=True)
class Reference:
    """All instruments, tokens and venues of one version, found by id and by wire id.

    A token or venue without a record is an ordinary one: its own asset, off chain, with unique
    order ids. An instrument without a record is unknown.
    """

    version: int
    instruments: Mapping[str, Instrument]
    tokens: Mapping[str, Token]
    venues: Mapping[str, Venue]
    _by_wire_id: Mapping[bytes, Instrument] = field(repr=False, compare=False)
    _by_key: Mapping[int, tuple[Instrument, ...]] = field(repr=False, compare=False)

    @classmethod
    def build(
        cls,
        version: int,
        instruments: Iterable[Instrument] = (),
        tokens: Iterable[Token] = (),
        venues: Iterable[Venue] = (),
    ) -> Reference:
        """Index the records; DuplicateRecord where an id or a wire id is claimed twice."""
        by_id = _by_id("instrument", instruments)
        by_wire_id: dict[bytes, Instrument] = {}
        by_key: dict[int, tuple[Instrument, ...]] = {}
        for instrument in by_id.values():
            wire = instrument.wire_bytes()
            if wire is None:
                continue
            if wire in by_wire_id:
                raise DuplicateRecord(
                    f"instrument {instrument.id}: wire_id: {wire.hex()} is already that of"
                    f" {by_wire_id[wire].id}"
                )
            by_wire_id[wire] = instrument
            key = InstrumentId.from_bytes(wire).to_u64()
            by_key[key] = (*by_key.get(key, ()), instrument)
        return cls(
            version,
            MappingProxyType(by_id),
            MappingProxyType(_by_id("token", tokens)),
            MappingProxyType(_by_id("venue", venues)),
            MappingProxyType(by_wire_id),
            MappingProxyType(by_key),
        )

    def instrument(self, instrument_id: str) -> Instrument | None:
        """Return the instrument of a text id."""
        return self.instruments.get(instrument_id)

    def instrument_of_wire_id(self, wire_id: bytes) -> Instrument | None:
        """Return the instrument of 12 wire bytes."""
        return self._by_wire_id.get(wire_id)

    def instruments_of_key(self, key: int) -> tuple[Instrument, ...]:
        """Return all instruments that share a u64 key: none, the one, or an ambiguous many."""
        return self._by_key.get(key, ())

    def asset(self, token: str) -> str:
        """Return the asset of a token, itself where it has no record."""
        record = self.tokens.get(token)
        return record.asset if record is not None else token

    def chain_of_venue(self, venue: str) -> int:
        """Return the chain id of a venue, 0 off chain and where it has no record."""
        record = self.venues.get(venue)
        return record.chain_id if record is not None else NO_CHAIN

    def reuses_order_ids(self, venue: str) -> bool:
        """Tell whether an order of this venue needs its trading date to be identified."""
        record = self.venues.get(venue)
        return record is not None and record.reuses_order_ids

    def location(self, venue: str, account: str | None, chain_id: int) -> str:
        """Return where an account keeps its balances; see `chains.location`."""
        return location(venue, account, chain_id)


class Changes(NamedTuple):
    """The ids of records that were added, removed or altered, sorted."""

    instruments: tuple[str, ...]
    tokens: tuple[str, ...]
    venues: tuple[str, ...]

    def ids(self) -> list[str]:
        """Return all of them as `instrument/<id>`, `token/<id>`, `venue/<id>`."""
        return [
            *(f"instrument/{changed}" for changed in self.instruments),
            *(f"token/{changed}" for changed in self.tokens),
            *(f"venue/{changed}" for changed in self.venues),
        ]


def difference(old: Reference, new: Reference) -> Changes:
    """Return what is not the same in two versions."""
    return Changes(
        _changed(old.instruments, new.instruments),
        _changed(old.tokens, new.tokens),
        _changed(old.venues, new.venues),
    )


def _by_id(what: str, records: Iterable[AnyRecord]) -> dict[str, AnyRecord]:
    found: dict[str, AnyRecord] = {}
    for record in records:
        if record.id in found:
            raise DuplicateRecord(f"{what} {record.id}: id: is given twice")
        found[record.id] = record
    return found


def _changed(old: Mapping[str, Record], new: Mapping[str, Record]) -> tuple[str, ...]:
    return tuple(sorted(name for name in old.keys() | new.keys() if old.get(name) != new.get(name)))
