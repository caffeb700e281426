"""The short summary at the end: what each strategy works with, has made and is exposed to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pm.decimals import Amount
from pm.demo.appraisal import Appraisal
from pm.demo.desk import STRATEGY_NAMES
from pm.valuation.records import PortfolioValuation, Valuation

_HEADINGS: Final = ("equity", "net P&L", "unrealized P&L", "gross exposure", "net exposure")
_WIDTH: Final = 16
_NAME_WIDTH: Final = 20


def summary_lines(appraisal: Appraisal) -> Iterator[str]:
    """A line for each strategy, the capital nobody has, and all of it; in whole cents."""
    whole = appraisal.whole.valuation
    if not isinstance(whole, PortfolioValuation):
        yield "nothing has been marked to market"
        return
    yield _line(f"in {whole.reporting_currency}", _HEADINGS)
    for strategy, found in appraisal.strategies.items():
        if found.valuation is not None:
            name = f"{strategy} {STRATEGY_NAMES[strategy]}"
            yield _line(name, _figures(found.valuation))
    yield _line("not allocated", (money(whole.treasury),))
    yield _line("all", _figures(whole))


def money(amount: Amount | None) -> str:
    """An amount in cents, "unknown" where it is not known."""
    if amount is None:
        return "unknown"
    whole, _, cents = str(abs(round(amount, 2))).partition(".")
    sign = "-" if round(amount, 2).sign < 0 else ""
    return f"{sign}{int(whole):,}.{cents:0<2}"


def _figures(valuation: Valuation) -> tuple[str, ...]:
    return (
        money(valuation.equity),
        money(valuation.net_pnl),
        money(valuation.unrealized_pnl),
        money(valuation.gross_exposure),
        money(valuation.net_exposure),
    )


def _line(name: str, figures: tuple[str, ...]) -> str:
    return name.ljust(_NAME_WIDTH) + "".join(figure.rjust(_WIDTH) for figure in figures)
