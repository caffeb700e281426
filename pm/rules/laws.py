"""What holds in every book whatever was folded; each law lists its differences, none when it holds.

The sums on the one side come from a tally of the journal's texts, those on the other from the
folded state. A difference is a defect in the rules or a journal that is not this book's.
"""

from pm.decimals import ZERO, Amount
from pm.rules.laws_of_totals import totals_differences
from pm.rules.pending import IN_FLIGHT, Dividend, Transfer
from pm.rules.state import BookState
from pm.rules.tally import Tally
from pm.rules.unequal import unequal, unequal_maps


def differences(state: BookState, tally: Tally) -> list[str]:
    """The differences of every law, in a fixed order."""
    return [
        *position_differences(state, tally),
        *balance_differences(state, tally),
        *under_way_differences(state, tally),
        *totals_differences(state),
        *chain_differences(state, tally),
    ]


def position_differences(state: BookState, tally: Tally) -> list[str]:
    """Quantity is the sum of leg quantities, cost less realized P&L the sum of leg notionals."""
    found = []
    for key in sorted(state.positions.keys() | tally.quantities.keys()):
        record = state.positions.get(key)
        quantity = ZERO if record is None else record.position.quantity
        cost = ZERO if record is None else record.position.cost
        realized_pnl = ZERO if record is None else record.position.realized_pnl
        found += unequal(f"position {key} quantity", quantity, tally.quantities.get(key, ZERO))
        found += unequal(
            f"position {key} cost - realized_pnl",
            cost - realized_pnl,
            tally.notionals.get(key, ZERO),
        )
        if not quantity:
            found += unequal(f"position {key} cost when flat", cost, ZERO)
    return found


def balance_differences(state: BookState, tally: Tally) -> list[str]:
    """Total is the sum of what moved; reserved what orders have left of their reservations."""
    found = []
    reserved = tally.reserved()
    for key in sorted(state.balances.keys() | tally.movements.keys() | reserved.keys()):
        held = state.balance(key)
        total = ZERO if held is None else held.total
        found += unequal(f"balance {key} total", total, tally.movements.get(key, ZERO))
        kept = ZERO if held is None else held.reserved
        found += unequal(f"balance {key} reserved", kept, reserved.get(key, ZERO))
        if held is not None:
            parts = held.available + held.reserved
            found += unequal(f"balance {key} available + reserved", parts, total)
    return found


def under_way_differences(state: BookState, tally: Tally) -> list[str]:
    """In flight and receivable are the sums of what is pending, and of the entries' effects."""
    in_flight: dict[str, Amount] = {}
    receivables: dict[str, Amount] = {}
    for pending, _ in state.pendings.values():
        if isinstance(pending, Transfer | Dividend) and pending.is_open:
            sums = in_flight if pending.texts()["status"] == IN_FLIGHT else receivables
            sums[pending.token] = sums.get(pending.token, ZERO) + pending.amount
    found = []
    for name, held, pending_sums, told in (
        ("in_flight", state.in_flight, in_flight, tally.in_flight),
        ("receivables", state.receivables, receivables, tally.receivables),
    ):
        found += unequal_maps(f"book {name}", held, pending_sums)
        found += unequal_maps(f"book {name} by effects", held, told)
    return found


def chain_differences(state: BookState, tally: Tally) -> list[str]:
    """Every digest follows from its entry and the one before, and the book holds the last."""
    found = list(tally.chain_breaks)
    if state.digest != tally.digest:
        found.append(f"book digest: {state.digest}, not {tally.digest}")
    return found
