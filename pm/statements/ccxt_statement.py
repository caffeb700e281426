"""Statements in ccxt's unified form: from fetch_balance, fetch_positions, fetch_my_trades.

Numbers are read digit by digit, whether ccxt wrote them as floats, integers or text. What the venue
itself said (`info`) is not looked at.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Final, NoReturn

from pm.decimals import ZERO, Amount
from pm.reference.table import shown
from pm.statements.fields import Row, signed
from pm.statements.statement import (
    Part,
    Statement,
    StatementError,
    ToldBalance,
    ToldPosition,
    ToldTrade,
)

_OF_BALANCES: Final = frozenset({"total", "free", "used"})


def read_ccxt(text: str, part: Part | None) -> Statement:
    """A statement of one part, which is recognized where it is not given.

    StatementError, without the file, for anything that is no such thing.
    """
    document = _document(text)
    found = _recognized(document) if part is None else part
    if found == "balances":
        return Statement(balances=_balances(document))
    rows = _rows(document, found)
    if found == "positions":
        return Statement(positions=tuple(map(_position, rows)))
    return Statement(trades=tuple(map(_trade, rows)))


def _document(text: str) -> Any:
    try:
        return _decode(text)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise StatementError(f"is not JSON: {error.msg} at {place}") from None
    except RecursionError:
        raise StatementError("is not JSON: nested too deeply") from None


def _recognized(document: Any) -> Part:
    if isinstance(document, dict) and _OF_BALANCES & document.keys():
        return "balances"
    if isinstance(document, list) and document and isinstance(document[0], dict):
        first = document[0].keys()
        if "contracts" in first:
            return "positions"
        if {"side", "amount"} <= first:
            return "trades"
    if document == []:
        raise StatementError(
            "is an empty list, which does not say of what: write positions=FILE or trades=FILE"
        )
    raise StatementError(
        "is not what fetch_balance, fetch_positions or fetch_my_trades of ccxt return:"
        f" {shown(document)}"
    )


def _balances(document: Any) -> tuple[ToldBalance, ...]:
    if not isinstance(document, dict):
        raise StatementError(f"balances must be an object, not {shown(document)}")
    columns = {name: _column(document, name) for name in sorted(_OF_BALANCES)}
    if columns["total"] is None and (columns["free"] is None or columns["used"] is None):
        raise StatementError("total: is missing")
    tokens = sorted({token for column in columns.values() if column for token in column})
    return tuple(_balance(token, document, columns) for token in tokens)


def _column(document: Mapping[str, Any], name: str) -> Mapping[str, Any] | None:
    column = document.get(name)
    if column is None:
        return None
    if not isinstance(column, dict):
        raise StatementError(f"{name}: must be an object of amounts, not {shown(column)}")
    return column


def _balance(
    token: str, document: Mapping[str, Any], columns: Mapping[str, Mapping[str, Any] | None]
) -> ToldBalance:
    figures = {
        name: Row(column or {}, f"{name}.").amount(token) for name, column in columns.items()
    }
    total, free, used = figures["total"], figures["free"], figures["used"]
    if total is None and free is not None and used is not None:
        total = free + used
    again = document.get(token)
    if isinstance(again, dict):
        repeated = Row(again, f"{token}.").amount("total")
        if repeated is not None and total is not None and repeated != total:
            raise StatementError(f"total.{token} is {total}, but {token}.total is {repeated}")
    name = Row({"token": token}, "total.").need_text_id("token")
    return ToldBalance(name, total, free)


def _rows(document: Any, part: Part) -> list[Row]:
    if not isinstance(document, list):
        raise StatementError(f"{part} must be a list, not {shown(document)}")
    rows = []
    for number, values in enumerate(document):
        if not isinstance(values, dict):
            raise StatementError(f"[{number}]: must be an object, not {shown(values)}")
        rows.append(Row(values, f"[{number}]."))
    return rows


def _position(row: Row) -> ToldPosition:
    contracts = row.need_amount("contracts")
    sign = row.sign("side", "long", "short") if contracts else 1
    return ToldPosition(
        symbol=row.need_text("symbol"),
        quantity=signed(contracts, sign),
        contract_size=_positive(row, "contractSize"),
        unrealized_pnl=row.amount("unrealizedPnl"),
        realized_pnl=row.amount("realizedPnl"),
        mark_price=row.amount("markPrice"),
    )


def _positive(row: Row, name: str) -> Amount | None:
    amount = row.amount(name)
    if amount is not None and amount.sign <= 0:
        raise row.fault(name, f"must be more than 0, not {amount}")
    return amount


def _trade(row: Row) -> ToldTrade:
    amount = _positive(row, "amount")
    if amount is None:
        raise row.fault("amount", "is missing")
    return ToldTrade(
        execution_id=row.need_text_id("id"),
        order_id=row.text_id("order"),
        symbol=row.need_text("symbol"),
        quantity=signed(amount, row.sign("side", "buy", "sell")),
        price=row.amount("price"),
        cost=row.amount("cost"),
        fees=_fees(row),
        executed_at_ns=row.milliseconds("timestamp"),
    )


def _fees(row: Row) -> tuple[tuple[str, Amount], ...] | None:
    """The fees by token; None where not all of them are told."""
    told = row.told("fees") or ([row.told("fee")] if row.told("fee") else None)
    if told is None:
        return None
    if not isinstance(told, list):
        raise row.fault("fees", f"must be a list, not {shown(told)}")
    sums: dict[str, Amount] = {}
    for number, fee in enumerate(told):
        if not isinstance(fee, dict):
            raise row.fault("fees", f"must be a list of objects, not {shown(told)}")
        each = Row(fee, f"{row.place}fees[{number}].")
        cost = each.amount("cost")
        if cost is None:
            return None
        if cost:
            token = each.need_text_id("currency")
            sums[token] = sums.get(token, ZERO) + cost
    return tuple(sorted((token, amount) for token, amount in sums.items() if amount))


def _table(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) != len(pairs):
        names = [name for name, _ in pairs]
        repeated = next(name for name in names if names.count(name) > 1)
        raise StatementError(f"{shown(repeated)} is given twice")
    return table


def _refuse_constant(name: str) -> NoReturn:
    raise StatementError(f"{name} is not a number")


_decode: Final[Callable[[str], Any]] = json.JSONDecoder(
    parse_float=str, parse_int=str, parse_constant=_refuse_constant, object_pairs_hook=_table
).decode
