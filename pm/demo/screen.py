"""What the demo shows: on a terminal a table redrawn in place, elsewhere plain lines.

What happened stays on the screen and scrolls away above the table. Nothing but ASCII is printed,
and no colour.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, TextIO

from pm.demo.desk import STRATEGY_NAMES
from pm.demo.labels import amount_label, amounts_label, instrument_label
from pm.demo.view import PositionRow, View
from pm.reference.records import Instrument

_HEADINGS: Final = (
    "book", "strategy", "instrument", "quantity", "average", "realized P&L", "fees", "trades",
)  # fmt: skip
_RIGHT: Final = frozenset({3, 4, 5, 7})
# Columns that a narrow terminal does without: trades, fees, average, book.
_LEFT_OUT: Final = ((), (7,), (7, 6), (7, 6, 4), (7, 6, 4, 0))
_PLAIN_EVERY_S: Final = 2.0
_BAR_WIDTH: Final = 24
# Lines around the rows: progress, blank, headings, books, and the line the cursor is on.
_OTHER_LINES: Final = 8


class Screen:
    """One run's output."""

    def __init__(self, out: TextIO, executions: int, instruments: Mapping[str, Instrument]) -> None:
        self._out = out
        self._executions = executions
        self._instruments = instruments
        self._started_at = time.monotonic()
        self._drawn_lines = 0
        self._plain_at = 0.0
        self._is_live = is_live(out)

    def say(self, text: str) -> None:
        """A line that stays."""
        self._erase()
        self._out.write(f"{text}\n")
        self._out.flush()

    def tell(self, text: str) -> None:
        """A line about what just happened, with the time since the start."""
        self.say(f"{self._elapsed_s():6.1f} s  {text}")

    def show(self, view: View, note: str = "") -> None:
        """The present state: redrawn on a terminal, now and then one line elsewhere."""
        if self._is_live:
            self._draw(self._block(view, note))
        elif time.monotonic() - self._plain_at >= _PLAIN_EVERY_S:
            self._plain_at = time.monotonic()
            self.tell(self._progress(view) + (f"; {note}" if note else ""))

    def finish(self, view: View, summary: Iterable[str]) -> None:
        """Leave the whole table and a summary as the last word on the books."""
        self._erase()
        for lines in (self._table(view.positions), summary):
            self.say("")
            for line in lines:
                self.say(line)
        self.say("")

    def close(self) -> None:
        """Give the terminal back as it was."""
        if self._is_live and self._drawn_lines:
            self._out.write("\x1b[?25h")
            self._out.flush()
            self._drawn_lines = 0

    def _block(self, view: View, note: str) -> list[str]:
        columns, height = shutil.get_terminal_size()
        table = self._table(view.positions, columns - 1)
        room = max(3, height - _OTHER_LINES)
        if len(table) > room:
            hidden = len(table) - room + 1
            table = [*table[: room - 1], f"... and {hidden} more"]
        share = min(_BAR_WIDTH, _BAR_WIDTH * view.trades // max(1, self._executions))
        bar = "#" * share + "." * (_BAR_WIDTH - share)
        first = f"{self._elapsed_s():6.1f} s  [{bar}] {self._progress(view)}"
        lines = ["", first, *_book_lines(view), *([note] if note else []), "", *table]
        return [line[: columns - 1] for line in lines]

    def _draw(self, lines: Sequence[str]) -> None:
        up = f"\x1b[{self._drawn_lines}A\r" if self._drawn_lines else "\x1b[?25l"
        self._out.write(up + "".join(f"{line}\x1b[K\n" for line in lines) + "\x1b[J")
        self._out.flush()
        self._drawn_lines = len(lines)

    def _erase(self) -> None:
        if self._is_live and self._drawn_lines:
            self._out.write(f"\x1b[{self._drawn_lines}A\r\x1b[J\x1b[?25h")
            self._drawn_lines = 0

    def _progress(self, view: View) -> str:
        held = sum(row.quantity != "0" for row in view.positions)
        equity = f", equity {amount_label(view.equity)} USD" if view.equity else ""
        return (
            f"{view.trades:,} of {self._executions:,} executions in the books, "
            f"{held} positions held, {view.lag:,} waiting{equity}"
        )

    def _table(self, positions: Sequence[PositionRow], width_max: int | None = None) -> list[str]:
        """The lines of the table, with as many columns as fit."""
        rows = [_HEADINGS, *(self._row(row) for row in sorted(positions))]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        shown: list[int] = []
        for left_out in _LEFT_OUT:
            shown = [place for place in range(len(_HEADINGS)) if place not in left_out]
            wide = sum(widths[place] + 2 for place in shown) - 2
            if width_max is None or wide <= width_max:
                break
        return [
            "  ".join(_cell(row, place, widths[place]) for place in shown).rstrip() for row in rows
        ]

    def _row(self, row: PositionRow) -> tuple[str, ...]:
        known = self._instruments.get(row.instrument)
        name = STRATEGY_NAMES.get(int(row.strategy), "")
        return (
            row.book,
            f"{row.strategy} {name}",
            row.instrument if known is None else instrument_label(known),
            amount_label(row.quantity),
            amount_label(row.average),
            f"{amount_label(row.realized_pnl)} {row.settlement}",
            amounts_label(row.fees),
            row.trades,
        )

    def _elapsed_s(self) -> float:
        return time.monotonic() - self._started_at


def _cell(row: Sequence[str], place: int, width: int) -> str:
    return row[place].rjust(width) if place in _RIGHT else row[place].ljust(width)


def is_live(out: TextIO) -> bool:
    """Whether something may be redrawn in place there."""
    wanted = not os.environ.get("NO_COLOR") and os.environ.get("TERM", "dumb") != "dumb"
    return wanted and out.isatty()


def _book_lines(view: View) -> list[str]:
    parts = [
        f"{book.name}: {book.seq:,} journal entries, worker {_short(book.worker)}"
        for book in view.books
    ]
    return ["          " + part for part in parts]


def _short(worker: str | None) -> str:
    """A worker's process id; its name begins with the machine's."""
    return "-" if worker is None else worker.rpartition("-")[2]
