"""What the books' own processes find out later: a fee's value, a trace that has ended."""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

TraceVerdict = Literal["expired", "stranded", "completed"]

TRACE_VERDICTS: Final[tuple[TraceVerdict, ...]] = ("expired", "stranded", "completed")


class FeeValue(NamedTuple):
    """What a fee in a foreign token was worth in the instrument's settlement token.

    `fee_seq` is the journal entry of the fee, `fee_executed_at` its time, `amount` the fee itself.
    """

    fee_seq: int
    strategy_id: int
    instrument: str
    token: str
    amount: str
    value: str
    fee_executed_at: int
    executed_at: int
    venue: str | None = None
    book: str | None = None

    @property
    def kind(self) -> Literal["fee_value"]:
        """The word for this kind of event."""
        return "fee_value"


class TraceExpired(NamedTuple):
    """A trace that had no step for too long; it counts only if it still has so many `steps`."""

    trace_id: str
    steps: int
    verdict: TraceVerdict
    executed_at: int
    book: str | None = None

    @property
    def kind(self) -> Literal["trace_expired"]:
        """The word for this kind of event."""
        return "trace_expired"

    @property
    def strategy_id(self) -> None:
        """A trace belongs to no strategy."""
        return None


class TraceArchived(NamedTuple):
    """A trace that has ended and leaves the state; it counts only if it has so many `steps`."""

    trace_id: str
    steps: int
    executed_at: int
    book: str | None = None

    @property
    def kind(self) -> Literal["trace_archived"]:
        """The word for this kind of event."""
        return "trace_archived"

    @property
    def strategy_id(self) -> None:
        """A trace belongs to no strategy."""
        return None


UpkeepEvent = FeeValue | TraceExpired | TraceArchived
