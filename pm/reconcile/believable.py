"""Statements that know nothing of what the books hold are refused, unless they are meant so.

A wrong account, a wrong venue or a failed download would else make a break of everything there is.
"""

from __future__ import annotations

from pm.decimals import ZERO
from pm.reconcile.booked import Booked
from pm.reconcile.held import Held
from pm.statements.statement import Statement, StatementError

_MEANT = "if that is so, say --allow-empty"


def check_believable(statement: Statement, held: Held, booked: Booked) -> None:
    """StatementError for a part that lists nothing of what the books hold, or books without any."""
    if not held.balances and not held.positions and not booked.orders:
        raise StatementError(
            f"the books hold nothing at {held.location} and never did: wrong venue, account or"
            f" time; {_MEANT}"
        )
    if statement.balances is not None:
        ours = sorted(token for token in held.balances if held.total(token))
        there = {each.token for each in statement.balances if each.total != ZERO}
        if ours and not there.intersection(ours):
            raise StatementError(
                f"the balances know none of the {len(ours)} tokens the books hold at"
                f" {held.location}: {_MEANT}"
            )
    if statement.positions is not None and not statement.positions:
        ours = sorted(name for name in held.positions if held.quantity(name))
        if ours:
            raise StatementError(
                f"the positions are an empty list, the books hold {len(ours)} at"
                f" {held.location}: {_MEANT}"
            )
    if statement.trades is not None and not statement.trades and booked.trades:
        raise StatementError(
            f"the trades are an empty list, the books have {len(booked.trades)} at"
            f" {held.location}: {_MEANT}"
        )
