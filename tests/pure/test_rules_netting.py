"""Netting: positions of several strategies in one instrument, seen as one."""

from pm.decimals import ONE, Amount
from pm.rules.legs import Holding
from pm.rules.netting import NettedPosition, net_positions
from tests.pure.rules_events import INVERSE, PERPETUAL, Journal


def held(quantity: str, cost: str, realized_pnl: str = "0") -> Holding:
    return Holding(Amount.parse(quantity), Amount.parse(cost), Amount.parse(realized_pnl))


def texts(netted: NettedPosition) -> dict[str, str]:
    return {name: str(getattr(netted, name)) for name in NettedPosition.__slots__}


def test_opposing_legs_have_no_average_but_a_break_even() -> None:
    netted = net_positions([held("10", "1000"), held("-4", "-440")], ONE)

    assert texts(netted) == {
        "quantity": "6",
        "cost": "560",
        "realized_pnl": "0",
        "average": "None",
        "break_even": "93.333333333333333333",
        "long_quantity": "10",
        "long_average": "100",
        "short_quantity": "-4",
        "short_average": "110",
    }
    unrealized = netted.quantity * Amount.parse("105") - netted.cost
    assert str(unrealized) == "70"


def test_the_venue_splits_otherwise_but_its_sum_is_the_same() -> None:
    journal = Journal()
    journal.fill("10", "100", terms=PERPETUAL)
    journal.fill("-4", "110", terms=PERPETUAL)

    netted = net_positions([held("10", "1000"), held("-4", "-440")], ONE)
    venue = journal.book.state.positions["7:binance.perp.BTCUSDT"].position

    assert venue.quantity == netted.quantity
    assert str(venue.realized_pnl) == "40"
    assert venue.realized_pnl - venue.cost == netted.realized_pnl - netted.cost


def test_legs_of_one_side_average() -> None:
    netted = net_positions([held("-1", "-100", "5"), held("-3", "-360", "-2")], Amount.parse("10"))

    assert texts(netted) == {
        "quantity": "-4",
        "cost": "-460",
        "realized_pnl": "3",
        "average": "11.5",
        "break_even": "11.5",
        "long_quantity": "0",
        "long_average": "None",
        "short_quantity": "-4",
        "short_average": "11.5",
    }


def test_inverse_legs_average_harmonically() -> None:
    journal = Journal()
    journal.fill("1000", "50000", terms=INVERSE, strategy="7")
    journal.fill("1000", "40000", terms=INVERSE, strategy="8")
    positions = [record.position for record in journal.book.state.positions.values()]

    netted = net_positions(positions, Amount.parse("10"), inverse=True)

    assert str(netted.average) == "44444.444444444444444444"


def test_flat_positions_only_bring_what_they_realized() -> None:
    netted = net_positions([held("0", "0", "7"), held("2", "-2"), held("-2", "2")], ONE)

    assert (str(netted.quantity), str(netted.realized_pnl)) == ("0", "7")
    assert netted.average is None
    assert netted.break_even is None


def test_nothing_nets_to_nothing() -> None:
    assert texts(net_positions([], ONE))["quantity"] == "0"
