"""The page's tables: every figure per token and in the reporting currency, venues, token pairs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from pm.attribution import summary
from pm.attribution.answer import PerformanceAttribution


def figures(found: PerformanceAttribution) -> str:
    """Every figure of the strategy."""
    headings = ("", "per settlement token", found.reporting_currency)
    money = _table(headings, summary.money_lines(found), (1, 2))
    return f"<h2>Figures</h2>{money}{_table(('', ''), summary.figure_lines(found), (1,))}"


def venues(found: PerformanceAttribution) -> str:
    """A row for each venue; nothing without any."""
    headings, rows = summary.venues(found)
    return f"<h2>Venues</h2>{_table(headings, rows, summary.NUMBERS)}" if rows else ""


def pairs(found: PerformanceAttribution) -> str:
    """A row for each token pair; nothing without any."""
    headings, rows = summary.pairs(found)
    return f"<h2>Token pairs</h2>{_table(headings, rows, summary.NUMBERS)}" if rows else ""


def _table(headings: Sequence[str], rows: Iterable[Sequence[str]], numbers: Sequence[int]) -> str:
    def row(cells: Sequence[str], tag: str) -> str:
        shown = (
            f'<{tag} class="number">{escape(cell)}</{tag}>'
            if column in numbers
            else f"<{tag}>{escape(cell)}</{tag}>"
            for column, cell in enumerate(cells)
        )
        return f"<tr>{''.join(shown)}</tr>"

    head = f"<thead>{row(headings, 'th')}</thead>" if any(headings) else ""
    body = "".join(row(cells, "td") for cells in rows)
    return f'<div class="scroll"><table>{head}<tbody>{body}</tbody></table></div>'
