"""One trading day from a seed: what the relay sends, and what must stand in the books after it.

The same seed, number of executions and first moment give the same bytes on every machine, so the
relay and the one who checks the books make the scenario each for themselves.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from random import Random
from typing import Final, NamedTuple

from pm.demo import desk
from pm.demo.amendments import Amendment, amend_trades
from pm.demo.book_event import BookEvent
from pm.demo.closing import Close, close_day
from pm.demo.ledger import Ledger
from pm.demo.market import Market
from pm.demo.opening import opening_events
from pm.demo.prices import PricePoint, price_point
from pm.demo.reservations import OrderReservation
from pm.demo.traders import Story, Traders
from pm.reference.snapshot import Reference
from pm.reference.toml_source import load_reference, parse_reference
from pm.wire.encode import encode_frame

DEFAULT_SEED: Final = 7
DEFAULT_EXECUTIONS: Final = 4_000

DEFAULT_FIRST_AT: Final = 1_767_358_800_000_000_000  # 2026-01-02 13:00 UTC

_OPEN_ORDERS: Final = 12
# More than a day of any seed lasts, orders that are still open at its end included.
_LASTS_NS: Final = 1_000_000_000
_LASTS_NS_AN_EXECUTION: Final = 7_500_000
_LATE_AFTER: Final = (2, 5)
_PRICE_POINTS: Final = 40
# An installed package carries the file beside this one; a checkout has it in config/.
_CARRIED: Final = Path(__file__).resolve().parent / "instruments.toml"
_INSTRUMENTS: Final = (
    _CARRIED
    if _CARRIED.exists()
    else Path(__file__).resolve().parents[2] / "config" / "instruments.toml"
)


class SentFrame(NamedTuple):
    """A frame, and how many executions it is the first to tell of.

    It is not sent before so many orders have `reserved`.
    """

    raw: bytes
    executions: int
    reserved: int


@dataclass(frozen=True, slots=True)
class Scenario:
    """A day. `late_instruments` are missing from `reference` until somebody adds them.

    `prices` are those while it goes on; after the last frame come `amendments`, then the `close`,
    and after that `expected`.
    """

    seed: int
    reference: Reference
    late_instruments: Reference
    before: tuple[BookEvent, ...]
    frames: tuple[SentFrame, ...]
    reservations: tuple[OrderReservation, ...]
    prices: tuple[PricePoint, ...]
    amendments: tuple[Amendment, ...]
    close: Close
    expected: Ledger

    @property
    def executions(self) -> int:
        """How many executions the frames tell of."""
        return sum(frame.executions for frame in self.frames)


class _Clock:
    """The day's time in nanoseconds; it moves only when told to."""

    def __init__(self, now: int) -> None:
        self.now = now

    def __call__(self) -> int:
        return self.now


def build_scenario(seed: int, executions: int, first_at: int = DEFAULT_FIRST_AT) -> Scenario:
    """The day of this seed with at least so many executions, the first one at `first_at` (ns).

    ReferenceDataError if the instruments' file is missing or wrong.
    """
    reference = load_reference(_INSTRUMENTS)
    late = parse_reference(desk.LATE_REFERENCE, "the demo's late instrument")
    ledger = Ledger(
        Reference.build(
            1,
            [*reference.instruments.values(), *late.instruments.values()],
            reference.tokens.values(),
            reference.venues.values(),
        )
    )
    before = opening_events(ledger, first_at)
    sent, arrived = Fraction(desk.BRIDGE.sent), Fraction(desk.BRIDGE.arrived)
    ledger.bridge(desk.BRIDGE.strategy, desk.BRIDGE.source, desk.BRIDGE.target, sent, arrived)
    day = _Day(seed, ledger, first_at)
    frames = day.frames(executions)
    amendments = amend_trades(ledger)
    close = close_day(ledger, day.price_point())
    return Scenario(
        seed,
        reference,
        late,
        before,
        frames,
        tuple(day.traders.reservations),
        tuple(day.prices),
        amendments,
        close,
        ledger,
    )


def first_moment(last_at: int, executions: int) -> int:
    """When a day of so many executions begins that is over by `last_at`; both in nanoseconds."""
    return last_at - _LASTS_NS - executions * _LASTS_NS_AN_EXECUTION


class _Day:
    """The making of the frames."""

    def __init__(self, seed: int, ledger: Ledger, first_at: int) -> None:
        self._random = Random(seed)
        self._clock = _Clock(first_at)
        self._reference = ledger.reference
        self._market = Market(self._random)
        self.traders = Traders(self._random, self._market, ledger, self._clock)
        self._stories: list[Story] = []
        self._frames: list[SentFrame] = []
        self._executions = 0
        self.prices = [self.price_point()]

    def price_point(self) -> PricePoint:
        """The prices of this moment."""
        mids = self._market.mids()
        return price_point(mids, self._reference, self._executions, self._clock.now)

    def frames(self, executions: int) -> tuple[SentFrame, ...]:
        """Trade until so many executions are told, then see to what the close needs."""
        late_at = executions * _LATE_AFTER[0] // _LATE_AFTER[1]
        late_told = False
        while self._executions < executions:
            if not late_told and self._executions >= late_at:
                self._stories.append(self.traders.late_story())
                late_told = True
            while len(self._stories) < _OPEN_ORDERS:
                self._stories.append(self.traders.next_story())
            self._tell_one()
            if self._executions - self.prices[-1].executions >= executions / _PRICE_POINTS:
                self.prices.append(self.price_point())
        self._tell_all()
        self._stories = self.traders.closing_stories()
        self._tell_all()
        return tuple(self._frames)

    def _tell_all(self) -> None:
        while self._stories:
            self._tell_one()

    def _tell_one(self) -> None:
        """Let one of the open stories say its next message."""
        self._clock.now += self._random.randint(40_000, 9_000_000)
        self._market.step()
        place = self._random.randrange(len(self._stories))
        message = next(self._stories[place], None)
        if message is None:
            del self._stories[place]
            return
        number = len(self._frames) + 1
        raw = encode_frame(message.records, sequence=number, timestamp=self._clock.now)
        self._frames.append(SentFrame(raw, message.executions, message.reserved))
        self._executions += message.executions
