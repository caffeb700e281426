"""Statements are read to the last digit, or not at all."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from pm.decimals import Amount
from pm.statements.files import read_statement
from pm.statements.statement import Statement, StatementError
from tests.statements.told import BALANCE, POSITION, TRADE, dumped


def _read(folder: Path, text: str | bytes, name: str = "told.json") -> Statement:
    path = folder / name.rpartition("=")[2]
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    part, equals, _ = name.rpartition("=")
    return read_statement([f"{part}{equals}{path}"])


def _refused(folder: Path, text: str | bytes, name: str = "told.json") -> str:
    with pytest.raises(StatementError) as caught:
        _read(folder, text, name)
    message = str(caught.value)
    assert "\n" not in message
    assert str(folder) in message
    return message


def test_balances_are_read_exactly_and_unknown_is_not_zero(tmp_path: Path) -> None:
    told = _read(tmp_path, dumped(BALANCE))
    assert told.parts == ("balances",)
    totals = {each.token: each.total for each in told.balances or ()}
    assert totals == {
        "BNB": None,
        "BTC": Amount.parse("0.75"),
        "USDT": Amount.parse("51245.00000001"),
    }


def test_a_total_that_is_not_told_is_what_is_free_and_used(tmp_path: Path) -> None:
    told = _read(tmp_path, dumped({"free": {"BTC": 0.1}, "used": {"BTC": 0.2}}))
    assert [str(each.total) for each in told.balances or ()] == ["0.3"]


def test_positions_have_a_sign(tmp_path: Path) -> None:
    long = {**POSITION, "side": "long", "symbol": "BTC/USD:BTC", "contractSize": None}
    flat = {**POSITION, "side": None, "contracts": 0}
    told = _read(tmp_path, dumped([POSITION, long, flat]))
    assert [str(each.quantity) for each in told.positions or ()] == ["-3", "3", "0"]
    first = (told.positions or ())[0]
    assert (str(first.contract_size), first.realized_pnl) == ("0.01", None)


def test_trades_are_read_exactly(tmp_path: Path) -> None:
    told = _read(tmp_path, dumped([TRADE]))
    (trade,) = told.trades or ()
    assert (str(trade.quantity), str(trade.price)) == ("-0.00000001", "65000.12")
    assert trade.fees == (("BNB", Amount.parse("0.0000000000025")),)
    assert trade.executed_at_ns == 1_700_000_000_123_000_000


@pytest.mark.parametrize(
    ("fees", "told"),
    [
        ({"fee": None, "fees": []}, None),
        ({"fee": {"cost": None, "currency": None}, "fees": []}, None),
        ({"fee": {"cost": 0, "currency": None}, "fees": []}, ()),
        ({"fee": None, "fees": [{"cost": -0.1, "currency": "BNB"}]}, (("BNB", "-0.1"),)),
        (
            {"fees": [{"cost": 0.1, "currency": "BNB"}, {"cost": "0.2", "currency": "BNB"}]},
            (("BNB", "0.3"),),
        ),
    ],
)
def test_fees_not_told_are_not_fees_of_nothing(
    tmp_path: Path, fees: dict[str, Any], told: Any
) -> None:
    without = {name: value for name, value in TRADE.items() if name not in ("fee", "fees")}
    (trade,) = _read(tmp_path, dumped([{**without, **fees}])).trades or ()
    shown = None if trade.fees is None else tuple((t, str(a)) for t, a in trade.fees)
    assert shown == told


@pytest.mark.parametrize("value", [BALANCE, [POSITION], [TRADE]], ids=["b", "p", "t"])
def test_what_is_cut_off_anywhere_is_refused(tmp_path: Path, value: Any) -> None:
    text = dumped(value)
    whole = _read(tmp_path, text)
    for end in range(len(text)):
        _refused(tmp_path, text[:end])
    assert _read(tmp_path, text + "\n") == whole


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is empty"),
        ("  \n", "is empty"),
        (b"\xff\xfe[", "not UTF-8"),
        ("<html>502</html>", "is cut off"),
        ("[]", "does not say of what"),
        ("{}", "is not what"),
        ("null", "is cut off"),
        ('{"code":-1021,"msg":"Timestamp"}', "is not what"),
        ('{"total":[]}', "total: must be an object"),
        ('{"total":{"BTC":NaN}}', "NaN is not a number"),
        ('{"total":{"BTC":"1,5"}}', "total.BTC: '1,5' is not a decimal"),
        ('{"total":{"BTC":true}}', "total.BTC"),
        ('{"total":{"BTC":1,"BTC":2}}', "'BTC' is given twice"),
        ('{"total":{"BTC":1},"BTC":{"total":2}}', "BTC.total is 2"),
        ('{"total":{"BTC":1e999}}', "total.BTC"),
        ("[1]", "is not what"),
        ("[" * 100_000, "nested too deeply"),
    ],
)
def test_garbage_is_an_error_and_never_an_empty_statement(
    tmp_path: Path, text: str | bytes, says: str
) -> None:
    assert says in _refused(tmp_path, text)


@pytest.mark.parametrize(
    ("of", "changed", "says"),
    [
        (TRADE, {"id": None}, "[1].id: is missing"),
        (TRADE, {"side": "up"}, "[1].side: must be buy or sell, not 'up'"),
        (TRADE, {"amount": 0}, "[1].amount: must be more than 0"),
        (TRADE, {"amount": None}, "[1].amount: is missing"),
        (TRADE, {"timestamp": 1.5}, "[1].timestamp: must be milliseconds"),
        (TRADE, {"fees": [{"cost": 1}]}, "[1].fees[0].currency: is missing"),
        (POSITION, {"contracts": None}, "[1].contracts: is missing"),
        (POSITION, {"side": None}, "[1].side: is missing"),
        (POSITION, {"contractSize": 0}, "[1].contractSize: must be more than 0"),
    ],
)
def test_a_fault_names_the_row_and_the_value(
    tmp_path: Path, of: dict[str, Any], changed: dict[str, Any], says: str
) -> None:
    assert says in _refused(tmp_path, dumped([of, {**of, **changed}]))


def test_a_list_that_is_empty_must_say_of_what(tmp_path: Path) -> None:
    assert _read(tmp_path, "[]", "trades=told.json") == Statement(trades=())
    assert "must be an object" in _refused(tmp_path, "[]", "balances=told.json")


TRADES_CSV = (
    "execution_id,order_id,symbol,side,quantity,price,fee,fee_token,executed_at\n"
    "T1,O1,BTC/USDT,buy,0.5,65000,0.1,USDT,2023-11-14T22:13:20.5Z\n"
    "T2,,BTC/USDT,sell,1e-8,65000,,,1700000001000000000\n"
)


def test_csv_says_by_its_columns_what_it_is_of(tmp_path: Path) -> None:
    trades = _read(tmp_path, TRADES_CSV, "t.csv").trades or ()
    assert [str(each.quantity) for each in trades] == ["0.5", "-0.00000001"]
    assert [each.executed_at_ns for each in trades] == [
        1_700_000_000_500_000_000,
        1_700_000_001_000_000_000,
    ]
    assert [each.fees for each in trades] == [(("USDT", Amount.parse("0.1")),), None]
    balances = _read(tmp_path, "token,total\nBTC,1\n", "b.csv").balances or ()
    assert [(each.token, str(each.total)) for each in balances] == [("BTC", "1")]
    positions = _read(tmp_path, "instrument,quantity\nx.y.Z,-2\n", "p.csv").positions or ()
    assert [(each.symbol, str(each.quantity)) for each in positions] == [("x.y.Z", "-2")]
    assert _read(tmp_path, "token,total\n#rows,0\n", "e.csv") == Statement(balances=())


def test_csv_cut_off_anywhere_is_refused(tmp_path: Path) -> None:
    text = TRADES_CSV + "#rows,2\n"
    for end in range(len(text)):
        if text[:end] != TRADES_CSV and not text[:end].endswith("\n"):
            _refused(tmp_path, text[:end], "t.csv")
    shorter = text.replace("T2,,BTC/USDT,sell,1e-8,65000,,,1700000001000000000\n", "")
    assert "has 1 rows, not 2" in _refused(tmp_path, shorter, "t.csv")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a,b\n1,2\n", "are not those of"),
        ("token,total\nBTC\n", "line 2: has 1 values for 2 columns"),
        ("token,total\nBTC,\n", "line 2, total: is missing"),
        ("token,total\nBTC,1\nBTC,2\n", "line 3, token: BTC is given twice"),
        ("token,total,avialable\nBTC,1,1\n", "did you mean available"),
        ('token,total\n"BTC,1\n', "line 2"),
        ("token,token,total\nA,B,1\n", "named twice"),
        ("token,total\nBTC,1\n#rows,1\nETH,1\n", "follows the line"),
    ],
)
def test_a_fault_in_csv_names_the_line(tmp_path: Path, text: str, says: str) -> None:
    assert says in _refused(tmp_path, text, "t.csv")


def test_several_files_make_one_statement(tmp_path: Path) -> None:
    for name, value in (("b", BALANCE), ("p", [POSITION]), ("t", [TRADE])):
        (tmp_path / name).write_text(json.dumps(value))
    files = [str(tmp_path / name) for name in ("b", "p", "t", "t")]
    told = read_statement(files)
    assert told.parts == ("balances", "positions", "trades")
    assert len(told.trades or ()) == 1, "the same page twice"
    with pytest.raises(StatementError, match="told by a file before"):
        read_statement([files[0], files[0]])
    with pytest.raises(StatementError, match=r"nowhere\.json: No such file"):
        read_statement([str(tmp_path / "nowhere.json")])


@pytest.mark.parametrize("seed", range(4))
def test_whatever_a_file_holds_is_a_statement_or_one_line(tmp_path: Path, seed: int) -> None:
    choose = random.Random(seed)
    wholes = [dumped(BALANCE), dumped([POSITION, TRADE]), dumped([TRADE]), TRADES_CSV]
    for _ in range(300):
        text = list(choose.choice(wholes))
        for _ in range(choose.randrange(1, 4)):
            place = choose.randrange(len(text))
            text[place] = choose.choice('0123456789.,:-+eE"[]{}ntf \\\n\x00\u2028é')
        refusal = ""
        try:
            told = _read(tmp_path, "".join(text))
        except StatementError as error:
            refusal = str(error)
        assert len(refusal.splitlines()) == 1 if refusal else told.parts
