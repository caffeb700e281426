"""A busted trade leaves the book in which it never happened, a corrected one that of its new terms.

Random lives of one position are told twice: with a trade that is corrected at the end, and as if it
had been told rightly at once. What may differ is what the definition says: when, and which entry.
"""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from pm.rules import laws
from pm.rules.expected import expected_state
from tests.random_values import plain
from tests.told_book import (
    BTC,
    FUTURE,
    INVERSE,
    LINEAR,
    OPTION,
    SHARE,
    STOCK,
    Facts,
    ToldBook,
    bust,
    correct,
    fill,
    of_instrument,
)

INSTRUMENTS = (BTC, INVERSE, LINEAR, OPTION, STOCK, FUTURE, SHARE)
SEEDS = range(120)
SEEDS_SLOW = range(120, 3000)
OF_TIME = {"seq", "last_update", "last_update_time", "inception_time"}
LABELS = {
    "location", "chain_id", "token", "strategy_id", "instrument_id", "instrument_kind", "base",
    "quote", "settlement", "multiplier", "inverse", "dust",
}  # fmt: skip
NOTHING = ("", "0", "{}")
OF_POSITION = ("position", "balance", "strategy")


class RandomPosition:
    """A life of one position: trades, fees of all kinds, what happens to the instrument."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.instrument = self.random.choice(INSTRUMENTS)
        self.fills: list[int] = []

    def events(self, count: int) -> list[Facts]:
        """The events, in order."""
        return [self._event(number) for number in range(count)]

    def terms(self, number: int) -> dict[str, Any]:
        """Quantity, price and fees of a trade; its side is the order's."""
        own = random.Random(f"{number}")
        sign = own.choice(("", "-"))
        terms: dict[str, Any] = {"quantity": sign + self._number(), "price": self._number()}
        if self.random.random() < 0.2:
            terms["quote_amount"] = self._number()
        tokens = (self.instrument["base"], self.instrument["quote"], "BNB")
        count = self.random.choice((0, 1, 1, 2))
        terms["fees"] = [
            [token, self.fee(), "trading"] for token in self.random.sample(tokens, count)
        ]
        return terms

    def fee(self) -> str:
        """The amount of a fee, or of a rebate."""
        return self.random.choice(("", "-")) + plain(self.random.randrange(1, 99), 4)

    def _number(self) -> str:
        return plain(self.random.randrange(1, 60), self.random.choice((0, 1, 2)))

    def _event(self, number: int) -> Facts:
        kind = self.instrument["instrument_kind"]
        choice = self.random.random()
        if choice < 0.72 or not self.fills:
            self.fills.append(number)
            return fill(number, self.instrument, **self.terms(number))
        if choice < 0.8:
            ratio = self.random.choice((("2", "1"), ("1", "2"), ("3", "2")))
            more = {"numerator": ratio[0], "denominator": ratio[1], "decimals": "2"}
            if self.random.random() < 0.6:
                more["price"] = self._number()
            return of_instrument("split", number, self.instrument, **more)
        if choice < 0.86 and kind in ("future", "perpetual"):
            final = {"final": "1"} if self.random.random() < 0.3 else {}
            return of_instrument(
                "settlement", number, self.instrument, price=self._number(), **final
            )
        if choice < 0.88:
            return of_instrument("expiry", number, self.instrument)
        if choice < 0.92:
            leg = {"quantity": self.random.choice(("", "-")) + self._number()}
            leg |= {"cost": self._number(), "strategy": "7"}
            return of_instrument("opening", number, self.instrument, **leg)
        paid_in = self.random.choice(self.fills)
        return self._fee_value(number, paid_in)

    def _fee_value(self, number: int, paid_in: int) -> Facts:
        return of_instrument("note", number, self.instrument, of=str(paid_in))


def _tell(book: ToldBook, events: list[Facts]) -> None:
    """Tell events; a note of a fee stands for its value, if it has none yet."""
    seqs: dict[int, int] = {}
    for number, event in enumerate(events):
        if event["kind"] == "note":
            event = _valued(book, event, seqs)
        entry = book.tell(event)
        seqs[number] = entry.seq


def _valued(book: ToldBook, note: Facts, seqs: dict[int, int]) -> Facts:
    paid_in = seqs[int(note["of"])]
    entry = book.entries[paid_in - 1]
    contribution = json.loads(entry["contribution"] or "{}")
    amount = contribution.get("fees_unvalued", {}).get("BNB")
    if amount is None:
        return _nothing(book.tick)
    paid_at = json.loads(entry["facts"])["executed_at"]
    facts = {**note, "kind": "fee_value", "id": f"fee/{paid_in}/BNB", "strategy": "7"}
    return {**facts, "token": "BNB", "amount": amount, "value": amount, "fee_executed_at": paid_at}


def _figures(book: ToldBook) -> dict[str, dict[str, str]]:
    """Positions, balances and strategies, without when and by which entry; what is 0 is nothing."""
    found = {}
    for key, held in expected_state(book.book.state).items():
        if key.startswith(OF_POSITION) and isinstance(held, dict):
            figures = {
                name: _without_zeros(text)
                for name, text in held.items()
                if name not in OF_TIME | LABELS
            }
            found[key] = {
                name: text for name, text in figures.items() if text not in ("", "0", "{}")
            }
    return found


def _without_zeros(text: str) -> str:
    if not text.startswith("{"):
        return text
    return json.dumps(
        {token: amount for token, amount in json.loads(text).items() if amount != "0"}
    )


def _nothing(number: int) -> Facts:
    """An event that changes nothing, in the place of another."""
    return {"kind": "allocation", "id": f"event/N{number}", "strategy": "8"} | {
        "token": "USDT",
        "amount": "1",
    }


@pytest.mark.parametrize("seed", SEEDS)
def test_a_busted_trade_never_happened(seed: int) -> None:
    _bust(seed)


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS_SLOW)
def test_many_busted_trades_never_happened(seed: int) -> None:
    _bust(seed)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_corrected_trade_happened_as_corrected(seed: int) -> None:
    _correct(seed)


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS_SLOW)
def test_many_corrected_trades_happened_as_corrected(seed: int) -> None:
    _correct(seed)


def _bust(seed: int) -> None:
    life = RandomPosition(seed)
    events = life.events(life.random.randrange(2, 14))
    number = life.random.choice(life.fills)
    book, without = ToldBook.opened(), ToldBook.opened()
    _tell(book, events)
    entry = book.ask(bust(events[number]["id"]))
    assert entry.result == "applied", (seed, entry)
    assert entry.event == "restatement", (seed, entry)
    events[number] = _nothing(number)
    _tell(without, events)
    _equal(book, without, events, seed)


def _correct(seed: int) -> None:
    life = RandomPosition(10_000 + seed)
    events = life.events(life.random.randrange(2, 14))
    number = life.random.choice(life.fills)
    told = events[number]
    terms = life.terms(number)
    # A token that had no price when it was paid gets its value once, from whoever asks then.
    terms["fees"] = [[token, life.fee(), "trading"] for token, _, _ in told["fees"]]
    book, rightly = ToldBook.opened(), ToldBook.opened()
    _tell(book, events)
    entry = book.ask(correct(events[number]["id"], **terms))
    assert entry.event == "restatement", (seed, entry)
    events[number] = fill(number, life.instrument, **terms)
    _tell(rightly, events)
    _equal(book, rightly, events, seed)


def _equal(book: ToldBook, other: ToldBook, events: list[Facts], seed: int) -> None:
    left, right = _figures(book), _figures(other)
    for key in sorted(left.keys() | right.keys()):
        if key != "strategy:8":
            assert left.get(key, {}) == right.get(key, {}), (seed, key, events)
    assert laws.differences(book.book.state, book.tally) == [], seed
