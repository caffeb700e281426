"""Quantity, cost and realized P&L after a correction, by fractions of this test's own.

Average cost with one rounding: what a partial close takes out of the cost, half-even at 18
decimals. Nothing else of the program's arithmetic is used.
"""

from __future__ import annotations

import random
from fractions import Fraction

import pytest

from tests.random_values import plain
from tests.told_book import BTC, ToldBook, bust, correct, fill

SEEDS = range(60)
SCALE = 10**18

Trade = tuple[Fraction, Fraction]


def _rounded(value: Fraction) -> Fraction:
    return Fraction(round(value * SCALE), SCALE)


def _folded(trades: list[Trade]) -> tuple[Fraction, Fraction, Fraction]:
    """Quantity, cost, realized P&L of trades of (quantity, price)."""
    quantity = cost = realized = Fraction(0)
    for size, price in trades:
        if quantity * size >= 0:
            quantity, cost = quantity + size, cost + size * price
            continue
        closed = min(abs(size), abs(quantity))
        removed = cost if closed == abs(quantity) else _rounded(cost * closed / abs(quantity))
        part = size * price if closed == abs(size) else _rounded(size * price * closed / abs(size))
        realized -= part + removed
        quantity, cost = quantity + size, cost - removed + size * price - part
    return quantity, cost, realized


def _terms(chance: random.Random) -> tuple[str, str]:
    sign = chance.choice(("", "-"))
    return sign + plain(chance.randrange(1, 999), 2), plain(chance.randrange(1, 99_999), 3)


def _exact(terms: tuple[str, str]) -> Trade:
    return Fraction(terms[0]), Fraction(terms[1])


@pytest.mark.parametrize("seed", SEEDS)
def test_a_position_is_what_the_trades_that_happened_come_to(seed: int) -> None:
    chance = random.Random(seed)
    told = [_terms(chance) for _ in range(chance.randrange(2, 16))]
    book = ToldBook.opened()
    for number, (quantity, price) in enumerate(told):
        book.tell(fill(number, BTC, quantity, price))
    happened = dict(enumerate(told))
    for number in range(3):
        which = chance.choice(sorted(happened))
        execution, name = f"binance/O{which}/T{which}", f"C{number}"
        if chance.random() < 0.5:
            assert book.ask(bust(execution, name)).event == "restatement"
            del happened[which]
        else:
            old = happened[which][0]
            size, price = _terms(chance)
            quantity = size.lstrip("-") if old[0] != "-" else f"-{size.lstrip('-')}"
            terms = {"quantity": quantity, "price": price}
            assert book.ask(correct(execution, name, **terms)).event == "restatement"
            happened[which] = (quantity, price)
        if not happened:
            break
    held = book.book.state.positions["7:binance.coin.BTCUSDT"].position.held
    figures = tuple(Fraction(str(figure)) for figure in held)
    assert figures == _folded([_exact(happened[which]) for which in sorted(happened)]), seed
    base, quote = (book.book.state.balances[f"binance:{token}"] for token in ("BTC", "USDT"))
    assert Fraction(str(base.balance.total)) == figures[0]
    spent = sum((size * price for size, price in map(_exact, happened.values())), Fraction(0))
    assert Fraction(str(quote.balance.total)) == -spent
