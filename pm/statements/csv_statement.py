"""Statements as CSV with a heading, which says by its columns what they are of.

A file cut off in the middle of a row ends without a line end and is refused. One cut off between
two rows looks whole, so a last line `#rows,<count>` may say how many there were.
"""

from __future__ import annotations

import csv
import difflib
import io
from typing import Final

from pm.decimals import ZERO, Amount
from pm.statements.fields import Row, signed
from pm.statements.statement import (
    Part,
    Statement,
    StatementError,
    ToldBalance,
    ToldPosition,
    ToldTrade,
)

_COLUMNS: Final[dict[Part, frozenset[str]]] = {
    "balances": frozenset({"token", "total", "available"}),
    "positions": frozenset(
        {"instrument", "symbol", "quantity", "unrealized_pnl", "realized_pnl", "mark_price"}
    ),
    "trades": frozenset(
        {
            "execution_id",
            "order_id",
            "instrument",
            "symbol",
            "side",
            "quantity",
            "price",
            "cost",
            "fee",
            "fee_token",
            "executed_at",
        }
    ),
}
_ROWS: Final = "#rows"


def read_csv(text: str, part: Part | None) -> Statement:
    """A statement of one part, which is recognized by its columns where it is not given.

    StatementError, without the file, for anything that is no such thing.
    """
    if not text.endswith("\n"):
        raise StatementError("is cut off: its last line has no end")
    heading, rows = _lines(text)
    found = _recognized(heading) if part is None else part
    for name in heading:
        if name not in _COLUMNS[found]:
            nearest = difflib.get_close_matches(name, _COLUMNS[found], 1)
            hint = f", did you mean {nearest[0]}?" if nearest else ""
            raise StatementError(f"line 1: {name!r} is no column of {found}{hint}")
    if found == "balances":
        return Statement(balances=_balances(rows))
    if found == "positions":
        return Statement(positions=tuple(map(_position, rows)))
    return Statement(trades=tuple(map(_trade, rows)))


def _lines(text: str) -> tuple[list[str], list[Row]]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    heading: list[str] = []
    rows: list[Row] = []
    counted: int | None = None
    try:
        for cells in reader:
            place = f"line {reader.line_num}"
            if not any(cell.strip() for cell in cells):
                continue
            if counted is not None:
                raise StatementError(f"{place}: follows the line {_ROWS}")
            if not heading:
                heading = [cell.strip().lower() for cell in cells]
                if len(set(heading)) != len(heading):
                    raise StatementError(f"{place}: a column is named twice")
            elif cells[0] == _ROWS:
                counted = _count(cells, place)
            elif len(cells) != len(heading):
                raise StatementError(f"{place}: has {len(cells)} values for {len(heading)} columns")
            else:
                values = {n: c.strip() or None for n, c in zip(heading, cells, strict=True)}
                rows.append(Row(values, f"{place}, "))
    except csv.Error as error:
        raise StatementError(f"line {reader.line_num}: {error}") from None
    if not heading:
        raise StatementError("is empty")
    if counted is not None and counted != len(rows):
        raise StatementError(f"has {len(rows)} rows, not {counted} as its last line says")
    return heading, rows


def _count(cells: list[str], place: str) -> int:
    if len(cells) != 2 or not (cells[1].isascii() and cells[1].isdigit()):
        raise StatementError(f"{place}: must be {_ROWS},<count>")
    return int(cells[1])


def _recognized(heading: list[str]) -> Part:
    names = set(heading)
    if "execution_id" in names:
        return "trades"
    if {"token", "total"} <= names:
        return "balances"
    if "quantity" in names and names & {"instrument", "symbol"}:
        return "positions"
    raise StatementError(
        f"line 1: columns {', '.join(heading)[:60]!r} are not those of balances (token, total),"
        " positions (instrument or symbol, quantity) or trades (execution_id, …)"
    )


def _balances(rows: list[Row]) -> tuple[ToldBalance, ...]:
    found: dict[str, ToldBalance] = {}
    for row in rows:
        token = row.need_text_id("token")
        if token in found:
            raise row.fault("token", f"{token} is given twice")
        found[token] = ToldBalance(token, row.need_amount("total"), row.amount("available"))
    return tuple(found.values())


def _position(row: Row) -> ToldPosition:
    return ToldPosition(
        symbol=_symbol(row),
        quantity=row.need_amount("quantity"),
        unrealized_pnl=row.amount("unrealized_pnl"),
        realized_pnl=row.amount("realized_pnl"),
        mark_price=row.amount("mark_price"),
    )


def _trade(row: Row) -> ToldTrade:
    quantity = row.need_amount("quantity")
    if quantity.sign <= 0:
        raise row.fault("quantity", f"must be more than 0, not {quantity}")
    return ToldTrade(
        execution_id=row.need_text_id("execution_id"),
        order_id=row.text_id("order_id"),
        symbol=_symbol(row),
        quantity=signed(quantity, row.sign("side", "buy", "sell")),
        price=row.amount("price"),
        cost=row.amount("cost"),
        fees=_fees(row),
        executed_at_ns=row.moment("executed_at"),
    )


def _symbol(row: Row) -> str:
    return row.text("instrument") or row.need_text("symbol")


def _fees(row: Row) -> tuple[tuple[str, Amount], ...] | None:
    amount = row.amount("fee")
    if amount is None:
        return None
    return ((row.need_text_id("fee_token"), amount),) if amount != ZERO else ()
