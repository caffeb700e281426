"""What a venue would say of its account: balances by the demo's own ledger, in the form of ccxt.

The books are reconciled with it as with any statement that an operator was sent.
"""

from __future__ import annotations

import json
import time
from fractions import Fraction
from pathlib import Path
from typing import Final

import redis

from pm.books import reference_store
from pm.demo.desk import BOOKS, DEFAULT_BOOK
from pm.demo.exact import ZERO, text_of
from pm.demo.ledger import Ledger
from pm.fold import from_the_beginning
from pm.history.opening import open_history
from pm.reconcile.outside import OutsideReport, Terms, reconcile_statement
from pm.reconcile.present import read_held
from pm.rules.state import BookState
from pm.settings import Settings
from pm.statements.files import read_statement

VENUE: Final = "binance"


def write_statement(path: Path, ledger: Ledger) -> None:
    """Write the balances of the venue's account, which serves several books."""
    totals: dict[str, Fraction] = {}
    for key, total in ledger.balances.items():
        if key.location == VENUE:
            totals[key.token] = totals.get(key.token, ZERO) + total
    shown = {token: text_of(total) for token, total in sorted(totals.items())}
    document = {"free": shown, "used": dict.fromkeys(shown, "0"), "total": shown}
    path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


def reconcile_with(client: redis.Redis, settings: Settings, path: Path) -> OutsideReport:
    """Hold the books as they stand against a statement; the client must not decode.

    StatementError for one that cannot be read or believed.
    """
    statement = read_statement([f"balances={path}"])
    history = open_history(client, settings)

    def fold(book: str) -> BookState:
        folded = from_the_beginning(book)
        folded.follow(history)
        return folded.book.state

    return reconcile_statement(
        client,
        history,
        reference_store.load_version(client),
        statement,
        read_held(client, BOOKS, VENUE, VENUE, fold),
        Terms(venue=VENUE, location=VENUE, source=f"{VENUE}: {path.name}"),
        home=DEFAULT_BOOK,
        now_ns=time.time_ns(),
    )
