"""One trading day from a seed: what the relay sends, and what must stand in the books after it.

The same seed and number of executions give the same bytes on every machine, so the relay and the
one who checks the books make the scenario each for themselves.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Final, NamedTuple

from pm.decimals import Amount
from pm.demo import desk
from pm.demo.ledger import Ledger
from pm.demo.market import Market
from pm.demo.traders import Story, Traders
from pm.events.model import CapitalFlow, Event, Fee, Rejected
from pm.reference.snapshot import Reference
from pm.reference.toml_source import load_reference, parse_reference
from pm.wire.encode import encode_frame

DEFAULT_SEED: Final = 7
DEFAULT_EXECUTIONS: Final = 4_000

_OPENING_AT: Final = 1_767_355_200_000_000_000  # 2026-01-02 12:00 UTC
_FIRST_AT: Final = _OPENING_AT + 3_600_000_000_000
_OPEN_ORDERS: Final = 12
_LATE_AFTER: Final = (2, 5)
# An installed package carries the file beside this one; a checkout has it in config/.
_CARRIED: Final = Path(__file__).resolve().parent / "instruments.toml"
_INSTRUMENTS: Final = (
    _CARRIED
    if _CARRIED.exists()
    else Path(__file__).resolve().parents[2] / "config" / "instruments.toml"
)


class SentFrame(NamedTuple):
    """A frame, and how many executions it is the first to tell of."""

    raw: bytes
    executions: int


class BookEvent(NamedTuple):
    """An event that needs no relay, for one book."""

    book: str
    event: Event


@dataclass(frozen=True, slots=True)
class Scenario:
    """A day. `late_instruments` are missing from `reference` until somebody adds them."""

    seed: int
    reference: Reference
    late_instruments: Reference
    before: tuple[BookEvent, ...]
    frames: tuple[SentFrame, ...]
    expected: Ledger

    @property
    def executions(self) -> int:
        """How many executions the frames tell of."""
        return sum(frame.executions for frame in self.frames)


class _Clock:
    """The day's time in nanoseconds; it moves only when told to."""

    def __init__(self) -> None:
        self.now = _FIRST_AT

    def __call__(self) -> int:
        return self.now


def build_scenario(seed: int, executions: int) -> Scenario:
    """The day of this seed with at least so many executions (futures are closed at its end).

    ReferenceDataError if the instruments' file is missing or wrong.
    """
    reference = load_reference(_INSTRUMENTS)
    late = parse_reference(desk.LATE_REFERENCE, "the demo's late instrument")
    both = Reference.build(1, [*reference.instruments.values(), *late.instruments.values()])
    ledger = Ledger(both)
    before = _day_before(ledger)
    frames = _Day(seed, ledger).frames(executions)
    return Scenario(seed, reference, late, before, frames, ledger)


class _Day:
    """The making of the frames."""

    def __init__(self, seed: int, ledger: Ledger) -> None:
        self._random = Random(seed)
        self._clock = _Clock()
        self._market = Market(self._random)
        self._traders = Traders(self._random, self._market, ledger, self._clock)
        self._stories: list[Story] = []
        self._frames: list[SentFrame] = []
        self._executions = 0

    def frames(self, executions: int) -> tuple[SentFrame, ...]:
        """Trade until so many executions are told, then close."""
        late_at = executions * _LATE_AFTER[0] // _LATE_AFTER[1]
        late_told = False
        while self._executions < executions:
            if not late_told and self._executions >= late_at:
                self._stories.append(self._traders.late_story())
                late_told = True
            while len(self._stories) < _OPEN_ORDERS:
                self._stories.append(self._traders.next_story())
            self._tell_one()
        self._tell_all()
        self._stories = self._traders.closing_stories()
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
        self._frames.append(SentFrame(raw, message.executions))
        self._executions += message.executions


def _day_before(ledger: Ledger) -> tuple[BookEvent, ...]:
    """What is known without the relay: the money there is, old positions, failed transactions."""
    events: list[BookEvent] = []
    for number, given in enumerate(desk.FUNDING, 1):
        ledger.fund(given.book, given.location, given.token, Amount.parse(given.amount))
        flow = CapitalFlow(
            "deposit",
            f"demo-deposit-{number}",
            _OPENING_AT + number,
            token=given.token,
            amount=given.amount,
            location=given.location,
        )
        events.append(BookEvent(given.book, flow))
    events.extend(_opening(ledger, held) for held in desk.OPENING_POSITIONS)
    events.extend(
        _failure(ledger, number, failed) for number, failed in enumerate(desk.FAILED_TRANSACTIONS)
    )
    return tuple(events)


def _opening(ledger: Ledger, held: desk.OpeningPosition) -> BookEvent:
    book, quantity = desk.book_of(held.strategy), Amount.parse(held.quantity)
    ledger.fund(book, held.location, held.token, quantity)
    ledger.open_position(held.strategy, held.instrument, quantity, Amount.parse(held.cost))
    flow = CapitalFlow(
        "opening",
        f"demo-opening-{held.instrument}",
        _OPENING_AT,
        token=held.token,
        amount=held.quantity,
        strategy_id=held.strategy,
        instrument=held.instrument,
        cost=held.cost,
        location=held.location,
    )
    return BookEvent(book, flow)


def _failure(ledger: Ledger, number: int, failed: desk.FailedTransaction) -> BookEvent:
    book = desk.book_of(failed.strategy)
    ledger.fund(book, failed.location, failed.gas_token, -Amount.parse(failed.gas))
    event = Rejected(
        f"demo-failed-{number}",
        f"demo-failed-{number}",
        failed.venue,
        _FIRST_AT + number,
        strategy_id=failed.strategy,
        instrument=failed.instrument,
        reason="slippage",
        fees=(Fee(failed.gas_token, failed.gas, "gas"),),
    )
    return BookEvent(book, event)
