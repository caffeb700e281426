"""Whole sequences of legs: the Lua rule against the Python one, digit for digit.

Quantities run from dust to 2^127, dense around the border where Lua's numbers stop being exact, and
often equal to what is held, so that exact closes, partial closes and flips all occur.
"""

from __future__ import annotations

import os
import random
from typing import Any

import pytest

from pm.decimals import Amount
from pm.rules.legs import FLAT, Holding, Leg, fold_leg, notional
from tests.script.lua_runtime import lua_runtime

SEED = int(os.environ.get("PM_TEST_SEED", "1"))
SEQUENCES = 20_000
A_CALL = 500

_FOLD_ALL = """
local decimal, leg = require("decimal"), require("leg")
return function(lines)
  local results = {}
  for line in string.gmatch(lines, "[^\\n]+") do
    local held = { quantity = decimal.zero, cost = decimal.zero }
    local realized = decimal.zero
    for quantity, price, multiplier, inverse in string.gmatch(line, "(%S+) (%S+) (%S+) (%d);") do
      local terms = { multiplier = decimal.parse(multiplier), multiplier_is_one = multiplier == "1",
        inverse = inverse == "1" }
      local size = decimal.parse(quantity)
      local amount = leg.notional(size, decimal.parse(price), nil, terms)
      realized = decimal.add(realized, (leg.fold(held, size, amount)))
    end
    results[#results + 1] = decimal.text(held.quantity) .. " " .. decimal.text(held.cost) .. " "
      .. decimal.text(realized)
  end
  return table.concat(results, "\\n")
end
"""


@pytest.fixture(scope="module")
def fold_all() -> Any:
    runtime = lua_runtime()
    return runtime.execute(_FOLD_ALL)


def any_size(source: random.Random) -> Amount:
    kind = source.randrange(5)
    if kind == 0:
        return Amount(source.randrange(1, 40), source.choice((0, 1, 2)))
    if kind == 1:
        return Amount(source.randrange(1, 10**9), 8)
    if kind == 2:
        return Amount(source.randrange(1, 10**22), 18)
    if kind == 3:
        return Amount(2**53 + source.randrange(-3, 4), source.choice((0, 8, 18)))
    return Amount(source.randrange(1, 2 ** source.randrange(2, 128)), source.randrange(0, 36))


def sequence(source: random.Random) -> tuple[str, Holding, Amount, Amount]:
    """A line for Lua, and what Python makes of it: the holding, and both sums over its legs."""
    inverse = source.random() < 0.3
    multiplier = Amount.parse(source.choice(("1", "1", "10", "0.01")))
    held, quantities, notionals, parts = FLAT, Amount(0), Amount(0), []
    for _ in range(source.randrange(1, 7)):
        size = any_size(source)
        if held.quantity and source.random() < 0.25:
            size = abs(held.quantity)
        quantity = size if source.random() < 0.5 else -size
        price = any_size(source)
        amount = notional(quantity, price, None, multiplier, inverse)
        assert amount is not None
        held, _at_zero = fold_leg(held, Leg(quantity, amount))
        quantities, notionals = quantities + quantity, notionals + amount
        parts.append(f"{quantity} {price} {multiplier} {int(inverse)};")
    return "".join(parts), held, quantities, notionals


def test_sequences_of_legs_come_to_the_same_digits_and_keep_the_law(fold_all: Any) -> None:
    source = random.Random(SEED)
    for _ in range(SEQUENCES // A_CALL):
        cases = [sequence(source) for _ in range(A_CALL)]

        found = str(fold_all("\n".join(line for line, *_ in cases))).split("\n")

        for (line, held, quantities, notionals), text in zip(cases, found, strict=True):
            expected = f"{held.quantity} {held.cost} {held.realized_pnl}"
            assert text == expected, f"seed {SEED}: {line}"
            assert held.quantity == quantities, f"seed {SEED}: {line}"
            assert held.cost - held.realized_pnl == notionals, f"seed {SEED}: {line}"
