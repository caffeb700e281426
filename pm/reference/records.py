"""The records of reference data: what an instrument, a token and a venue are.

Amounts are canonical decimal text and times are nanoseconds since the epoch, so that nothing is
rounded on the way from the file to the books. None stands for unknown, never for 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from pm.wire.instrument_id import InstrumentId

Kind = Literal["spot", "equity", "option", "future", "perpetual"]
OptionType = Literal["call", "put"]

KINDS: Final[tuple[Kind, ...]] = ("spot", "equity", "option", "future", "perpetual")
OPTION_TYPES: Final[tuple[OptionType, ...]] = ("call", "put")

# Words that `fee_token` takes beside the id of a token.
FEE_IN_SETTLEMENT: Final = "settlement"
FEE_IN_BASE: Final = "base"
FEE_IN_RECEIVED: Final = "received"


@dataclass(frozen=True, slots=True)
class CryptoMetadata:
    """Metadata of kind spot."""

    decimals: int
    is_stablecoin: bool


@dataclass(frozen=True, slots=True)
class EquityMetadata:
    """Metadata of kind equity; `dividend_yield` is a fraction of 1."""

    dividend_yield: str | None
    ex_dividend_date: int | None
    sector: int


@dataclass(frozen=True, slots=True)
class OptionMetadata:
    """Metadata of kind option; `implied_volatility` is a fraction of 1."""

    underlying: str | None
    strike_price: str | None
    expiry_time: int | None
    option_type: OptionType | None
    implied_volatility: str | None


@dataclass(frozen=True, slots=True)
class FutureMetadata:
    """Metadata of kinds future and perpetual; a perpetual has no `settlement_date`.

    `margin_requirement` is per unit of quantity, in the settlement token.
    """

    underlying: str | None
    contract_size: str
    settlement_date: int | None
    margin_requirement: str | None
    tick_size: str | None


Metadata = CryptoMetadata | EquityMetadata | OptionMetadata | FutureMetadata


@dataclass(frozen=True, slots=True, kw_only=True)
class Instrument:
    """One thing that can be traded, with everything accounting and risk need to know of it.

    `chain_id` is 0 off chain. `wire_decimals` is how many decimals the relay's integers have for
    its quantities. `wire_id` is given only where `id` is not itself the text of 12 wire bytes.
    `dust` is the quantity up to which a position counts as closed.
    """

    id: str
    kind: Kind
    base: str
    quote: str
    settlement: str
    fee_token: str
    chain_id: int
    decimals: int
    wire_decimals: int
    multiplier: str
    inverse: bool
    dust: str
    risk_weight: str
    correlation_group: int
    metadata: Metadata
    wire_id: bytes | None

    @property
    def venue(self) -> str:
        """The venue that the id names: its text up to the first point."""
        return self.id.partition(".")[0]

    def wire_bytes(self) -> bytes | None:
        """Return the 12 bytes the relay knows it by, None where it has none."""
        if self.wire_id is not None:
            return self.wire_id
        return wire_bytes_of_id(self.id)

    def fee_token_of(self, *, is_buy: bool) -> str:
        """Return the token of a fee that names none."""
        if self.fee_token == FEE_IN_SETTLEMENT:
            return self.settlement
        if self.fee_token == FEE_IN_BASE:
            return self.base
        if self.fee_token == FEE_IN_RECEIVED:
            return self.base if is_buy else self.quote
        return self.fee_token


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A token as balances name it; tokens of one `asset` are worth the same (USDC and USDC.e)."""

    id: str
    asset: str
    decimals: int
    is_stablecoin: bool
    chain_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Venue:
    """A venue; `chain_id` is 0 off chain.

    Where `reuses_order_ids`, an order is identified by its id and its trading date.
    """

    id: str
    chain_id: int
    reuses_order_ids: bool


Record = Instrument | Token | Venue


def wire_bytes_of_id(instrument_id: str) -> bytes | None:
    """Return the 12 bytes an id is the text of, or None."""
    try:
        return InstrumentId.from_text(instrument_id).to_bytes()
    except ValueError:
        return None
