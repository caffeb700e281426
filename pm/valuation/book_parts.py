"""Parts of a book's record: what it owns, what carries its derivatives, what is nobody's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from pm.decimals import ZERO, Amount
from pm.valuation.conversion import Conversion, plus
from pm.valuation.figures import Scope, add_to
from pm.valuation.records import Margin
from pm.valuation.snapshot import BookSnapshot

MISSING_SHOWN: Final = 20
ASSETS_SHOWN: Final = 100


def tokens_owned(snapshot: BookSnapshot) -> dict[str, Amount]:
    """Tokens owned: in balances, on their way, and promised."""
    held: dict[str, Amount] = {}
    for balance in snapshot.balances.values():
        add_to(held, balance.token, balance.total)
    for amounts in (snapshot.in_flight, snapshot.receivables):
        for token, amount in amounts.items():
            add_to(held, token, amount)
    return held


def margins(scope: Scope, snapshot: BookSnapshot) -> tuple[Margin, ...]:
    """What each account with futures or perpetuals carries them with."""
    rows = []
    for (location, token), account in sorted(scope.accounts.items()):
        balance = snapshot.balances.get(f"{location}:{token}")
        available = ZERO if balance is None else balance.available
        used = account.margin_used
        free = plus(available, account.unrealized_pnl, None if used is None else -used)
        rows.append(
            Margin(
                location=location,
                token=token,
                margin_used=used,
                unrealized_pnl=account.unrealized_pnl,
                available=available,
                free=free,
            )
        )
    return tuple(rows)


def treasury(
    equity: Amount | None, snapshot: BookSnapshot, of_strategies: Mapping[str, Amount | None]
) -> Amount | None:
    """Equity less that of all strategies with an allocation; None when one of these is unknown."""
    given = plus(
        *(
            of_strategies[name]
            for name, totals in snapshot.strategies.items()
            if any(totals.allocated.values())
        )
    )
    return None if equity is None or given is None else equity - given


def missing(scope: Scope, conversion: Conversion) -> dict[str, Any]:
    """The fields that name what lacks a mark or a rate, or has an assumed one."""
    names = [*scope.missing, *conversion.missing]
    return {
        "missing": tuple(names[:MISSING_SHOWN]),
        "missing_count": len(names),
        "stale_rates": tuple(conversion.stale),
        "assumed": tuple(conversion.assumed),
    }


def largest_assets(exposures: Mapping[str, Amount]) -> tuple[dict[str, Amount], Amount]:
    """The largest exposures by asset, so that a record stays short, and the size of all others."""
    by_size = sorted(exposures, key=lambda asset: (-abs(exposures[asset]), asset))
    rest = sum((abs(exposures[asset]) for asset in by_size[ASSETS_SHOWN:]), ZERO)
    return {asset: exposures[asset] for asset in sorted(by_size[:ASSETS_SHOWN])}, rest
