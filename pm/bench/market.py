"""What gives a measured book its worth: capital, marks of all it holds, and a past.

Marks of instruments are of now and move when they are told to. The days before are told for the
tokens alone: the returns of instruments follow from those of what they are made of.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, Final

import redis

from pm import keys
from pm.bench.book import BOOK
from pm.bench.errors import BenchError
from pm.bench.workload import FIRST_AT, QUOTE, VENUE, Spread, base_token, instrument_id
from pm.books import reference_store
from pm.books.applying import Applier
from pm.decimals import Amount
from pm.events.facts import Direct, Facts
from pm.events.model import Allocation, CapitalFlow
from pm.marks import store
from pm.marks.mark import SECOND_NS, Mark
from pm.settings import Settings

SETTINGS: Final = Settings.model_validate({"valuation": {"mark_max_age_seconds": 86_400}})
"""As they are unless told otherwise, but no mark becomes old while something is measured."""

_DAYS: Final = 365
_DAY: Final = timedelta(days=1)
_CENTS: Final = 2
_SOURCE: Final = "bench"
_CAPITAL: Final = "1000000000000"
_ALLOCATED: Final = "100000000"
_EVENTS_A_CALL: Final = 50


class Market:
    """Prices of every instrument in cents."""

    def __init__(self, client: redis.Redis, spread: Spread) -> None:
        """`client` decodes or not."""
        self._client = client
        self._random = Random(11)
        self._bases = sorted(set(map(base_token, spread.instruments())))
        self._prices = {
            instrument_id(number): self._random.randrange(1_000, 6_000_000)
            for number in spread.instruments()
        }

    def move(self) -> None:
        """A new mark for every instrument, no price as it was."""
        for name in self._prices:
            most = self._prices[name] // 1_000
            self._prices[name] += self._random.choice((-1, 1)) * self._random.randint(1, most)
        now = time.time_ns()
        store.record(self._client, (_mark(name, *told, now) for name, told in self._quoted()))

    def tell_past(self) -> None:
        """A year of daily closes of every token, a random walk, and what the quote is worth now."""
        now = time.time_ns()
        for base in self._bases:
            price, at = self._random.randrange(1_000, 6_000_000), now
            marks = []
            for _ in range(_DAYS + 1):
                at -= int(_DAY.total_seconds()) * SECOND_NS
                price += self._random.randint(-price // 50, price // 50)
                marks.append(_mark(base, QUOTE, price, at))
            store.record(self._client, marks)
        dollars = Mark(QUOTE, "USD", Amount.parse("1.0002"), now, _SOURCE, "mark", now)
        store.record(self._client, [dollars])

    def _quoted(self) -> list[tuple[str, tuple[str, int]]]:
        return [(name, (QUOTE, price)) for name, price in self._prices.items()]


def give_capital(client: redis.Redis, spread: Spread) -> None:
    """Money for the book, and an allocation for each strategy. `client` must not decode."""
    facts, at = Facts(reference_store.load_version(client)), Direct(FIRST_AT)
    events: list[CapitalFlow | Allocation] = [
        CapitalFlow(
            "deposit", "capital", FIRST_AT, token=QUOTE, amount=_CAPITAL, venue=VENUE, chain_id=0
        )
    ]
    for strategy in sorted({strategy for strategy, _ in spread.pairs()}):
        events.append(Allocation(f"allocated-{strategy}", strategy, QUOTE, _ALLOCATED, FIRST_AT))
    applier = Applier(BOOK, quarantine_max=1_000)
    for start in range(0, len(events), _EVENTS_A_CALL):
        texts = [facts.text(event, at) for event in events[start : start + _EVENTS_A_CALL]]
        found = applier.submit(client, texts)
        if any(answer.result != "applied" for answer in found.answers):
            raise BenchError(f"submit answered {found!r:.200}")


def tell_returns(client: redis.Redis, strategy: str | None = None) -> None:
    """A year of daily returns of the book, or of a strategy of it, as passes would have left it."""
    drawn = Random(strategy or "")
    today = datetime.now(UTC).date()
    told: dict[Any, Any] = {
        (today - back * _DAY).isoformat(): str(Amount(drawn.randint(-30_000, 31_000), 6))
        for back in range(1, _DAYS + 1)
    }
    client.hset(keys.returns(BOOK, strategy), mapping=told)


def _mark(subject: str, quote: str, price: int, at: int) -> Mark:
    return Mark(subject, quote, Amount(price, _CENTS), at, _SOURCE, "mark", at)
