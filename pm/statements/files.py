"""Reads statement files into one statement; what cannot be read is an error, never an empty one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Final, Literal

from pm.statements.ccxt_statement import read_ccxt
from pm.statements.csv_statement import read_csv
from pm.statements.statement import PARTS, Part, Statement, StatementError

Format = Literal["ccxt", "csv"]
FORMATS: Final[tuple[Format, ...]] = ("ccxt", "csv")


class UnknownPart(StatementError):
    """A file is said to be of a part that statements do not have."""


def read_statement(files: list[str], form: Format | None = None) -> Statement:
    """The statement of several files, each `FILE` or `<part>=FILE`.

    StatementError for a file that cannot be read whole, and for a balance or position told twice;
    UnknownPart for another word than a part before the file.
    Trades may lie in several files, as pages of one list; a trade on two pages counts once.
    """
    whole = Statement()
    for told in files:
        part, path = _part_and_path(told)
        try:
            whole = _joined(whole, _read(path, part, form))
        except StatementError as error:
            raise StatementError(f"{path}: {error}") from None
    return whole


def _part_and_path(told: str) -> tuple[Part | None, Path]:
    name, equals, rest = told.partition("=")
    for part in PARTS:
        if equals and name == part:
            return part, Path(rest)
    if equals and name.isidentifier() and not Path(told).exists():
        raise UnknownPart(f"{name!r} is no part of a statement: {', '.join(PARTS)}")
    return None, Path(told)


def _read(path: Path, part: Part | None, form: Format | None) -> Statement:
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise StatementError(f"is not UTF-8 text: byte {error.start}") from None
    except OSError as error:
        raise StatementError(str(error.strerror or error)) from None
    if not text.strip():
        raise StatementError("is empty")
    if form is None:
        form = "ccxt" if text.lstrip()[0] in "[{" else "csv"
    return read_ccxt(text, part) if form == "ccxt" else read_csv(text, part)


def _joined(whole: Statement, more: Statement) -> Statement:
    if more.trades is not None:
        known = set(whole.trades or ())
        new = (trade for trade in more.trades if trade not in known)
        whole = replace(whole, trades=(*(whole.trades or ()), *new))
    for part in ("balances", "positions"):
        if getattr(more, part) is not None:
            if getattr(whole, part) is not None:
                raise StatementError(f"{part} were told by a file before this one")
            whole = replace(whole, **{part: getattr(more, part)})
    return whole
