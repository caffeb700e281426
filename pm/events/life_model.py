"""What happens to an instrument, and so to everybody who holds it.

With a `strategy_id` only that strategy is meant. Where venue, location and chain are not said, they
are the instrument's.
"""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

DividendStep = Literal["ex", "paid", "whole"]

DIVIDEND_STEPS: Final[tuple[DividendStep, ...]] = ("ex", "paid", "whole")


class Funding(NamedTuple):
    """A funding payment, above zero received: `amount`, or the `rate` on positions at `price`.

    `token` is the instrument's settlement token unless it is said.
    """

    event_id: str
    instrument: str
    executed_at: int
    amount: str | None = None
    rate: str | None = None
    price: str | None = None
    token: str | None = None
    strategy_id: int | None = None
    venue: str | None = None
    location: str | None = None
    account: str | None = None
    chain_id: int | None = None
    book: str | None = None

    @property
    def kind(self) -> Literal["funding"]:
        """The word for this kind of event."""
        return "funding"


class Dividend(NamedTuple):
    """A step of a dividend of `rate` per unit; `amount` is the cash that came when it was paid.

    `token` is the instrument's settlement token unless it is said.
    """

    dividend_id: str
    step: DividendStep
    instrument: str
    executed_at: int
    rate: str | None = None
    amount: str | None = None
    token: str | None = None
    strategy_id: int | None = None
    venue: str | None = None
    location: str | None = None
    account: str | None = None
    chain_id: int | None = None
    book: str | None = None

    @property
    def kind(self) -> Literal["dividend"]:
        """The word for this kind of event."""
        return "dividend"


class Split(NamedTuple):
    """`numerator` new units for `denominator` old ones; `price` of a new unit is paid for rests."""

    event_id: str
    instrument: str
    numerator: str
    denominator: str
    executed_at: int
    price: str | None = None
    strategy_id: int | None = None
    venue: str | None = None
    location: str | None = None
    account: str | None = None
    chain_id: int | None = None
    book: str | None = None

    @property
    def kind(self) -> Literal["split"]:
        """The word for this kind of event."""
        return "split"


class Expiry(NamedTuple):
    """The instrument ended worthless."""

    event_id: str
    instrument: str
    executed_at: int
    strategy_id: int | None = None
    venue: str | None = None
    location: str | None = None
    account: str | None = None
    chain_id: int | None = None
    book: str | None = None

    @property
    def kind(self) -> Literal["expiry"]:
        """The word for this kind of event."""
        return "expiry"


class Exercise(NamedTuple):
    """An option was exercised or assigned, whole or for `quantity` of one strategy's position.

    Paid in cash by its `intrinsic` value, which `settlement_price` of the underlying gives too; or
    `physical`, in `underlying` (an instrument; the option's own unless it is said).
    """

    event_id: str
    instrument: str
    executed_at: int
    intrinsic: str | None = None
    settlement_price: str | None = None
    physical: bool = False
    underlying: str | None = None
    quantity: str | None = None
    strategy_id: int | None = None
    venue: str | None = None
    location: str | None = None
    account: str | None = None
    chain_id: int | None = None
    book: str | None = None

    @property
    def kind(self) -> Literal["exercise"]:
        """The word for this kind of event."""
        return "exercise"


class Settlement(NamedTuple):
    """A future or perpetual was settled at `price`; after the `final` one nothing is held."""

    event_id: str
    instrument: str
    price: str
    executed_at: int
    final: bool = False
    strategy_id: int | None = None
    venue: str | None = None
    location: str | None = None
    account: str | None = None
    chain_id: int | None = None
    book: str | None = None

    @property
    def kind(self) -> Literal["settlement"]:
        """The word for this kind of event."""
        return "settlement"


LifeEvent = Funding | Dividend | Split | Expiry | Exercise | Settlement
