"""The Lua decimals against Python's, digit for digit and tier for tier.

Cases crowd where the two tiers of lua/lib/decimal.lua meet: mantissas round 2^53, products and
aligned sums that straddle it, carries at powers of 10^7, ties and digits just past a tie. Each
operation's cases go to Lua in one call. PM_TEST_SEED replays another choice of cases.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from lupa.lua51 import LuaError

from pm.decimals import Amount, divide, multiply_divide
from tests.script.lua_runtime import LIBRARY, library_source, lua_runtime
from tests.servers import AnyServer

SEED = os.environ.get("PM_TEST_SEED", "1")
CASES = 20_000
EXACT = 1 << 53
SCALES = (0, 1, 2, 6, 7, 8, 13, 14, 18, 18, 18, 20, 21, 27, 28, 36)

# Runs one operation over lines of operands; numbers come back as text and the tier that holds them.
DRIVER = """
return function(decimal, operation, lines)
  local answers = {}
  for line in string.gmatch(lines, "[^\\n]+") do
    local operands = {}
    for word in string.gmatch(line, "%S+") do
      local scale = string.match(word, "^@(%d+)$")
      operands[#operands + 1] = scale and tonumber(scale) or decimal.parse(word)
    end
    local answer = operands[1]
    if operation == "steps" then
      for i = 2, #operands - 2, 3 do
        answer = decimal.multiply(answer, operands[i])
        answer = decimal.negate(decimal.subtract(answer, operands[i + 1]))
        answer = decimal.divide(decimal.add(answer, operands[i + 2]), operands[i], 18)
      end
    elseif operation ~= "parse" then
      answer = decimal[operation](unpack(operands))
    end
    if type(answer) == "table" then
      answer = decimal.text(answer) .. (answer[1] and " small" or " big")
    end
    answers[#answers + 1] = answer
  end
  return table.concat(answers, "\\n")
end
"""

Row = tuple[list[Amount | int], Amount | int]


def extreme_limbs(random: Random, count: int) -> int:
    """Base 10^7 digits at the ends of their range, where estimates and carries go wrong first."""
    ends = (0, 0, 1, 10**7 // 2, 10**7 - 1, 10**7 - 1, random.randrange(10**7))
    return sum(random.choice(ends) * 10 ** (7 * place) for place in range(count))


def some_mantissa(random: Random) -> int:
    """Up to 2^128 in magnitude, mostly near a border of one tier or one limb."""
    kind = random.randrange(10)
    if kind == 0:
        magnitude = random.randrange(1000)
    elif kind == 1:
        magnitude = EXACT + random.randrange(-50, 50)
    elif kind == 2:
        magnitude = EXACT // random.randrange(1, 10**7) + random.randrange(-2, 3)
    elif kind == 3:
        magnitude = 10 ** random.randrange(39) + random.randrange(-2, 3)
    elif kind == 4:
        magnitude = random.randrange(1, 100) * 10 ** (7 * random.randrange(1, 6)) - random.choice(
            (0, 1)
        )
    elif kind == 5:
        magnitude = random.getrandbits(random.randrange(1, 129))
    elif kind == 6:
        magnitude = random.randrange(10 ** random.randrange(1, 39))
    elif kind == 7:
        magnitude = random.randrange(1, 100) * 10 ** random.randrange(36)
    elif kind == 8:
        magnitude = int("".join(random.choices("00009995", k=random.randrange(1, 39))))
    else:
        magnitude = extreme_limbs(random, random.randrange(1, 7)) % 2**128
    magnitude = min(abs(magnitude), 2**128 - 1)
    return magnitude if random.random() < 0.6 else -magnitude


def some_amount(random: Random) -> Amount:
    return Amount(some_mantissa(random), random.choice((*SCALES, random.randrange(37))))


def some_divisor(random: Random) -> Amount:
    """Not zero; now and then one whose leading limbs say least about the number."""
    if random.random() < 0.1:
        return Amount(10**21 + (10**7 - 1) * 10**7 + random.randrange(10**7), random.choice((0, 7)))
    return some_amount(random) or Amount(7, 1)


def some_scale(random: Random) -> int:
    return random.choice((*SCALES, random.randrange(40)))


def neighbour(random: Random, amount: Amount) -> Amount:
    return Amount(amount.mantissa + random.choice((-1, 0, 1)), amount.scale)


def tie(random: Random, scale: int) -> Amount:
    """Half a unit at `scale` decimals on top of some digits, or a little beside the half."""
    half = Amount(random.randrange(-(10**8), 10**8) * 10 + 5, scale + 1)
    return half + Amount(random.choice((0, 0, 1, -1)), scale + random.randrange(2, 40))


def pair(random: Random) -> tuple[Amount, Amount]:
    a = some_amount(random)
    return a, (neighbour(random, a) if random.random() < 0.2 else some_amount(random))


def add_row(random: Random) -> Row:
    a, b = pair(random)
    return [a, b], a + b


def subtract_row(random: Random) -> Row:
    a, b = pair(random)
    return [a, b], a - b


def multiply_row(random: Random) -> Row:
    a, b = pair(random)
    if random.random() < 0.2:  # a product just beside 2^53
        a = Amount(random.randrange(1, 10**8), random.randrange(9))
        b = Amount(EXACT // a.mantissa + random.randrange(-1, 3), random.randrange(9))
    return [a, b], a * b


def compare_row(random: Random) -> Row:
    a, b = pair(random)
    return [a, b], (a > b) - (a < b)


def round_row(random: Random) -> Row:
    scale = some_scale(random)
    a = tie(random, scale) if random.random() < 0.5 else some_amount(random)
    return [a, scale], round(a, scale)


def divide_row(random: Random) -> Row:
    scale, b = some_scale(random), some_divisor(random)
    a = tie(random, scale) * b if random.random() < 0.4 else some_amount(random)
    return [a, b, scale], divide(a, b, scale)


def multiply_divide_row(random: Random) -> Row:
    scale, b, c = some_scale(random), some_amount(random), some_divisor(random)
    a = some_amount(random)
    kind = random.randrange(10)
    if kind < 3:
        a, b, c = tie(random, scale) * c, Amount(3), Amount(c.mantissa * 3, c.scale)
    elif kind < 5:  # a partial close: no more than all of it
        b, c = sorted((abs(b), abs(c)))
    elif kind == 5:
        b = c
    return [a, b, c, scale], multiply_divide(a, b, c, scale)


def parse_row(random: Random) -> Row:
    a = some_amount(random)
    return [a], a


def scale_row(random: Random) -> Row:
    a = some_amount(random)
    return [a], a.scale


def sign_row(random: Random) -> Row:
    a = some_amount(random)
    return [a], a.sign


def negate_row(random: Random) -> Row:
    a = some_amount(random)
    return [a], -a


def absolute_row(random: Random) -> Row:
    a = some_amount(random)
    return [a], abs(a)


def steps_row(random: Random) -> Row:
    """Results go on as they came, never through text: trailing zeros, minus zeros and all."""
    answer = some_amount(random)
    operands: list[Amount | int] = [answer]
    for _ in range(2):
        factor, b, c = some_divisor(random), *pair(random)
        operands += [factor, b, c]
        answer = divide(-(answer * factor - b) + c, factor, 18)
    return operands, answer


ROWS: dict[str, Callable[[Random], Row]] = {
    "parse": parse_row,
    "scale": scale_row,
    "sign": sign_row,
    "negate": negate_row,
    "absolute": absolute_row,
    "add": add_row,
    "subtract": subtract_row,
    "multiply": multiply_row,
    "compare": compare_row,
    "round": round_row,
    "divide": divide_row,
    "multiply_divide": multiply_divide_row,
    "steps": steps_row,
}


def operand_text(operand: Amount | int) -> str:
    return f"@{operand}" if isinstance(operand, int) else str(operand)


def answer_text(answer: Amount | int) -> str:
    if isinstance(answer, int):
        return str(answer)
    return f"{answer} {'small' if abs(answer.mantissa) < EXACT else 'big'}"


def cases(operation: str, count: int) -> tuple[list[str], list[str]]:
    random = Random(f"{SEED} {operation}")
    rows = [ROWS[operation](random) for _ in range(count)]
    lines = [" ".join(map(operand_text, operands)) for operands, _ in rows]
    return lines, [answer_text(answer) for _, answer in rows]


def differences(lines: list[str], expected: list[str], answers: str) -> list[tuple[str, str, str]]:
    """(operands, expected, found) where they differ."""
    triples = zip(lines, expected, answers.split("\n"), strict=True)
    return [triple for triple in triples if triple[1] != triple[2]]


@pytest.fixture(scope="module")
def lua() -> Any:
    return lua_runtime()


@pytest.fixture(scope="module")
def decimal(lua: Any) -> Any:
    return lua.eval("require")("decimal")


@pytest.mark.parametrize("operation", ROWS)
def test_lua_finds_the_digits_and_the_tier_python_expects(
    lua: Any, decimal: Any, operation: str
) -> None:
    lines, expected = cases(operation, CASES if operation != "steps" else CASES // 4)
    answers = lua.execute(DRIVER)(decimal, operation, "\n".join(lines))
    assert differences(lines, expected, answers)[:3] == [], f"PM_TEST_SEED={SEED}"


@pytest.mark.parametrize("operation", ["multiply", "divide"])
def test_numbers_of_hundreds_of_digits_stay_exact(lua: Any, decimal: Any, operation: str) -> None:
    random = Random(f"{SEED} long {operation}")
    lines, expected = [], []
    for _ in range(1000):
        a = Amount(extreme_limbs(random, random.randrange(1, 100)), 35)
        b = Amount(extreme_limbs(random, random.randrange(1, 75)) + 1, 35)
        answer = a * b if operation == "multiply" else divide(a, b, 36)
        lines.append(f"{a} {b}" + (" @36" if operation == "divide" else ""))
        expected.append(answer_text(answer))
    answers = lua.execute(DRIVER)(decimal, operation, "\n".join(lines))
    assert differences(lines, expected, answers)[:1] == [], f"PM_TEST_SEED={SEED}"


def test_numbers_past_what_columns_can_hold_are_refused(decimal: Any) -> None:
    huge = decimal.parse("9" * 7 * 81)
    with pytest.raises(LuaError, match="decimal: number too long"):
        decimal.multiply(huge, huge)


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("-0", "0"),
        ("0.000", "0"),
        ("-0.0", "0"),
        ("007", "7"),
        ("-007.500", "-7.5"),
        ("1.50", "1.5"),
        ("100", "100"),
        ("-0.001", "-0.001"),
        ("9007199254740991", "9007199254740991"),
        ("9007199254740992", "9007199254740992"),
        ("90071992547409.920000000", "90071992547409.92"),
        ("0" * 40 + "1." + "0" * 40, "1"),
        ("0." + "0" * 120 + "10", "0." + "0" * 120 + "1"),
        ("1" + "0" * 60, "1" + "0" * 60),
    ],
)
def test_text_is_canonical_whatever_was_read(decimal: Any, text: str, canonical: str) -> None:
    assert decimal.text(decimal.parse(text)) == canonical


@pytest.mark.parametrize(
    "text",
    [
        *("", "-", ".", "1.", ".5", "+1", "--1", "1-", "1.2.3", "1,5", "1_000", "1e5", "0x10"),
        *(" 1", "1 ", "1\n", "1\x00", "nan", "inf", "٣"),
    ],
)
def test_text_that_is_no_plain_decimal_is_refused(decimal: Any, text: str) -> None:
    with pytest.raises(LuaError, match="decimal: not a decimal"):
        decimal.parse(text)


@pytest.mark.parametrize("dividend", ["0", "1", "-2.5", "123456789012345678901234567890"])
def test_division_by_zero_is_an_error(decimal: Any, dividend: str) -> None:
    a = decimal.parse(dividend)
    nothing = decimal.subtract(decimal.parse("1.5"), decimal.parse("1.5"))
    with pytest.raises(LuaError, match=r"^decimal: division by zero\n"):
        decimal.divide(a, nothing, 18)
    with pytest.raises(LuaError, match=r"^decimal: division by zero\n"):
        decimal.multiply_divide(a, a, decimal.zero, 18)


def test_operands_are_the_same_after_every_operation(decimal: Any) -> None:
    texts = ["123456789.123456789123456789", "-0.000000000000000001", "65000.12", "0"]
    values = [decimal.parse(text) for text in texts]
    for a in values:
        for b in values[:3]:
            for operation in ("add", "subtract", "multiply", "compare"):
                decimal[operation](a, b)
            decimal.multiply_divide(a, a, b, 18)
            decimal.round(decimal.divide(a, b, 30), 4)
        decimal.round(a, 3)
        decimal.text(decimal.negate(decimal.absolute(a)))
    assert [decimal.text(value) for value in values] == texts


def test_reading_more_texts_than_are_remembered_changes_no_value(decimal: Any) -> None:
    first = decimal.parse("0.5")
    for number in range(5000):
        assert decimal.text(decimal.parse(f"{number}.25")) == f"{number}.25"
    assert decimal.compare(first, decimal.parse("0.50")) == 0


def test_all_of_an_amount_is_the_amount_itself(decimal: Any) -> None:
    cost, quantity = decimal.parse("100.123456789012345678"), decimal.parse("0.3")
    assert decimal.text(decimal.multiply_divide(cost, quantity, quantity, 18)) == decimal.text(cost)


@pytest.mark.skipif(shutil.which("lua5.1") is None, reason="no lua5.1 on this machine")
@pytest.mark.parametrize("operation", ROWS)
def test_plain_lua_finds_the_same(operation: str) -> None:
    lines, expected = cases(operation, 200)
    script = (
        f"package.path = '{LIBRARY}/?.lua'\n"
        f"local run = (function() {DRIVER} end)()\n"
        f"io.write(run(require('decimal'), '{operation}', io.read('*a')))"
    )
    ran = subprocess.run(
        ["lua5.1", "-e", script], input="\n".join(lines), capture_output=True, text=True, check=True
    )
    assert differences(lines, expected, ran.stdout) == [], f"PM_TEST_SEED={SEED}"


def test_a_server_function_finds_the_same(server: AnyServer) -> None:
    client = server.client()
    client.function_load(
        "#!lua name=decimal_cases\n"
        "local decimal, run\n"
        "redis.register_function('decimal_cases', function(_, arguments)\n"
        f"  decimal = decimal or (function()\n{library_source('decimal')}\nend)()\n"
        f"  run = run or (function() {DRIVER} end)()\n"
        "  return run(decimal, arguments[1], arguments[2])\n"
        "end)"
    )
    for operation in ROWS:
        lines, expected = cases(operation, 200)
        answers = client.fcall("decimal_cases", 0, operation, "\n".join(lines))
        assert differences(lines, expected, answers) == [], f"{operation}, PM_TEST_SEED={SEED}"
