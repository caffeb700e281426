"""What an instrument contributes to the facts of every event in it, rendered once."""

from __future__ import annotations

from dataclasses import dataclass

from pm.reference.records import Instrument
from pm.reference.snapshot import Reference


@dataclass(frozen=True, slots=True)
class InstrumentFacts:
    """An instrument with its part of the text; `assets` are those of its tokens that differ."""

    instrument: Instrument
    text: str
    assets: dict[str, str]
    assets_text: str

    @classmethod
    def of(cls, instrument: Instrument, reference: Reference) -> InstrumentFacts:
        """Render an instrument; what accounting takes for granted is left out."""
        parts = [
            f',"instrument":"{instrument.id}","instrument_kind":"{instrument.kind}"',
            f',"base":"{instrument.base}","quote":"{instrument.quote}"',
            f',"settlement":"{instrument.settlement}"',
        ]
        if instrument.multiplier != "1":
            parts.append(f',"multiplier":"{instrument.multiplier}"')
        if instrument.inverse:
            parts.append(',"inverse":"1"')
        if instrument.dust != "0":
            parts.append(f',"dust":"{instrument.dust}"')
        tokens = (instrument.base, instrument.quote, instrument.settlement)
        assets = {token: reference.asset(token) for token in tokens}
        assets = {token: asset for token, asset in assets.items() if asset != token}
        return cls(instrument, "".join(parts), assets, assets_text(assets))

    def at(self, key: str, location: str, chain_id: int) -> str:
        """Render the instrument as an object of its own under `key`, at this place."""
        return f',"{key}":{{{self.text[1:]},"chain_id":"{chain_id}","location":"{location}"}}'


def assets_text(assets: dict[str, str]) -> str:
    """Render a map of tokens to the assets they are, sorted; nothing for an empty one."""
    if not assets:
        return ""
    pairs = ",".join(f'"{token}":"{assets[token]}"' for token in sorted(assets))
    return f',"assets":{{{pairs}}}'
