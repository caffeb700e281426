"""The law of valuation: strategies and book are worth the sum of their positions."""

import pytest

from pm.rules.laws_of_valuation import differences


def position(quantity: str, mark: str, value: str, unrealized: str, x: str) -> dict[str, str]:
    return {
        "quantity": quantity,
        "settlement": x,
        "mark": mark,
        "market_value": value,
        "unrealized_pnl": unrealized,
    }


def stored() -> dict[str, dict[str, str]]:
    return {
        "position:7:a.coin.X": position("2", "110", "220", "20", "USDT"),
        "position:7:a.coin.Y": position("-1", "3", "-3", "0.5", "EUR"),
        "position:8:a.coin.X": position("1", "", "", "", "USDT"),
        "position:8:a.coin.Y": position("0", "", "0", "0", "EUR"),
        "strategy:7": {
            "market_value": '{"EUR":"-3","USDT":"220"}',
            "unrealized_pnl": '{"EUR":"0.5","USDT":"20"}',
            "unmarked": "0",
        },
        "strategy:8": {"market_value": "{}", "unrealized_pnl": '{"EUR":"0"}', "unmarked": "1"},
        "strategy:9": {},
        "book": {
            "market_value": '{"EUR":"-3","USDT":"220"}',
            "unrealized_pnl": '{"EUR":"0.5","USDT":"20"}',
            "unmarked": "1",
        },
        "positions": {".": "0"},
    }


def test_sums_that_are_right_differ_nowhere() -> None:
    assert differences(stored()) == []


@pytest.mark.parametrize(
    ("key", "field", "text", "told"),
    [
        (
            "strategy:7",
            "market_value",
            '{"EUR":"-3","USDT":"221"}',
            "strategy 7 market_value USDT: 221, not 220",
        ),
        ("book", "unrealized_pnl", '{"USDT":"20"}', "book unrealized_pnl EUR: 0, not 0.5"),
        ("book", "unmarked", "2", "book unmarked: 2, not 1"),
        ("strategy:9", "market_value", '{"USDT":"1"}', "strategy 9 market_value USDT: 1, not 0"),
        (
            "strategy:8",
            "market_value",
            "[]",
            "strategy 8 market_value: '[]' is no object of amounts",
        ),
        ("position:8:a.coin.X", "mark", "5", "strategy 8 unmarked: 1, not 0"),
        (
            "position:7:a.coin.X",
            "market_value",
            "x",
            "position:7:a.coin.X valuation: not a decimal: 'x'",
        ),
    ],
)
def test_what_differs_is_told(key: str, field: str, text: str, told: str) -> None:
    hashes = stored()
    hashes[key][field] = text

    assert told in differences(hashes)
