"""Books against statements: what differs is named, with the event where the two part."""

from __future__ import annotations

import copy
import time
from decimal import Decimal
from typing import Any

import pytest

from pm.books.submitting import Submitter
from pm.corrections.making import Corrections
from pm.decimals import Amount
from pm.events.facts import Direct, Facts
from pm.events.read_event import read_event
from pm.history import History
from pm.statements.statement import StatementError
from tests.client.facts import EXECUTED_AT, fill
from tests.reconcile.desk import ETH_PERPETUAL, REFERENCE, SECOND_NS, Desk
from tests.servers import AnyServer, ServerProcess, flush


def _trade(desk: Desk, place: int) -> tuple[str, dict[str, Any]]:
    told = desk.trades[place]
    is_spot = told["symbol"] == "BTC/USDT"
    instrument = "binance.coin.BTCUSDT" if is_spot else "binance.perpetual.ETH"
    return f"trade binance:{instrument}:{told['id']}", told


def _flat_perpetual(desk: Desk) -> dict[str, Any]:
    """Balances without what the perpetual realized, which the books alone can say."""
    told = desk.told_balances()
    del told["total"]["USDT"]
    return {"total": {**told["total"], "USDT": None}}


def test_a_statement_that_agrees_leaves_no_break(desk: Desk) -> None:
    desk.trade(60)
    statement = desk.told(
        balances=_flat_perpetual(desk), positions=desk.told_positions(), trades=desk.trades
    )
    report = desk.reconcile(statement)
    assert report.found == ()
    assert report.compared >= 62
    assert desk.breaks(only_open=False) == {}


DIFFERENCES = ("drop", "quantity", "price", "side", "fee", "duplicate", "extra")


@pytest.mark.parametrize(
    ("what", "seed"),
    [(what, seed) for seed in range(4) for what in DIFFERENCES if seed < 1 or what == "drop"],
)
def test_the_one_trade_that_differs_is_the_first_event_of_its_break(
    valkey_server: ServerProcess, what: str, seed: int
) -> None:
    _check_one_difference(valkey_server, what, seed)


@pytest.mark.slow
@pytest.mark.parametrize("what", DIFFERENCES)
def test_in_many_books_the_one_trade_that_differs_is_named(server: AnyServer, what: str) -> None:
    for seed in range(100, 140):
        flush(server)
        _check_one_difference(server, what, seed, trades=60)


def _check_one_difference(server: AnyServer, what: str, seed: int, trades: int = 25) -> None:
    desk = Desk(server.client(decode=False), server.client(), seed)
    desk.trade(trades)
    place = desk.random.randrange(len(desk.trades))
    subject, told = _trade(desk, place)
    told_trades = copy.deepcopy(desk.trades)
    changed = told_trades[place]
    if what == "drop":
        del told_trades[place]
    elif what == "quantity":
        changed["amount"] = f"{Decimal(changed['amount']) + Decimal('1e-8'):f}"
    elif what == "price":
        changed["price"] = changed["price"] + 0.01
    elif what == "side":
        changed["side"] = "sell" if changed["side"] == "buy" else "buy"
    elif what == "fee":
        changed["fee"]["cost"] = f"{Decimal(changed['fee']['cost']) + Decimal('1e-18'):f}"
    elif what == "duplicate":
        told_trades.insert(place, dict(changed))
        subject += "#2"
    else:
        told_trades.insert(place, {**changed, "id": "T999", "order": None})
        subject = subject.replace(told["id"], "T999")
    desk.random.shuffle(told_trades)

    desk.reconcile(desk.told(trades=told_trades))

    (found,) = desk.breaks().items()
    assert found[0] == subject
    if what in ("duplicate", "extra"):
        assert found[1].first_event == f"trade {changed['id'] if what == 'duplicate' else 'T999'}"
    else:
        assert (found[1].first_book, found[1].first_seq) == (told["book"], told["seq"])
        assert found[1].first_event == f"fill binance/{told['order']}/{told['id']}"


def test_a_position_that_differs_names_the_first_trade_in_it(desk: Desk) -> None:
    desk.trade(40)
    in_it = [n for n, told in enumerate(desk.trades) if told["symbol"] == "ETH/USDT:USDT"]
    lost = desk.trades[in_it[3]]
    size = Decimal(lost["amount"]) * (1 if lost["side"] == "buy" else -1)
    desk.contracts -= size
    trades = [told for told in desk.trades if told is not lost]

    desk.reconcile(desk.told(positions=desk.told_positions(), trades=trades))

    position = desk.breaks()["position binance:binance.perpetual.ETH"]
    assert Decimal(position.difference) == -size
    assert (position.first_book, position.first_seq) == (lost["book"], lost["seq"])


def test_without_trades_our_own_figure_tells_where_the_two_part(desk: Desk) -> None:
    desk.trade(10)
    first = desk.deposit("second", "EUR", "5")
    unknown_there = desk.deposit("main", "EUR", "2.5", is_told=False)
    told = {"total": {**_flat_perpetual(desk)["total"], "EUR": 5.0}}

    desk.reconcile(desk.told(balances=told))

    (found,) = desk.breaks().values()
    assert (found.kind, found.subject) == ("balance", "binance:EUR")
    assert (found.ours, found.theirs, found.difference) == ("7.5", "5", "-2.5")
    assert (found.first_book, found.first_seq) == ("main", unknown_there)
    assert found.detail == f"ours was 5 until second@{first}"


def test_up_to_where_a_figure_had_agreed_is_known(desk: Desk) -> None:
    desk.deposit("main", "EUR", "5")
    told = desk.told_balances()
    desk.reconcile(desk.told(balances=told))
    seqs = {book: desk.writers[book].seq() for book in ("main", "second")}
    lost = desk.deposit("second", "EUR", "1", is_told=False)
    desk.reconcile(desk.told(balances=told))
    (found,) = desk.breaks().values()
    assert found.agreed_seq == f"main@{seqs['main']} second@{seqs['second']}"
    assert (found.first_book, found.first_seq) == ("second", lost)


def test_a_tolerance_is_for_its_token_only(desk: Desk) -> None:
    told = {"total": {"USDT": "200000.01"}}
    tolerance = {"USDT": Amount.parse("0.01")}
    assert desk.reconcile(desk.told(balances=told), tolerance=tolerance).found == ()
    told = {"total": {"USDT": "200000.010000000000000001"}}
    report = desk.reconcile(desk.told(balances=told), tolerance=tolerance)
    assert [each.difference for each in report.found] == ["0.010000000000000001"]
    other = {"EUR": Amount.parse("0.01")}
    assert desk.reconcile(desk.told(balances=told), tolerance=other).found


def test_an_order_booked_by_a_result_is_compared_as_a_whole(desk: Desk) -> None:
    desk.trade(3)
    executed_at = int(desk.trades[-1]["timestamp"]) * 10**6 + 10**9
    desk.number += 1
    facts = fill(
        desk.number,
        "2",
        "100",
        executed_at=str(executed_at),
        received_at=str(executed_at),
        result="filled",
    )
    facts |= {"kind": "execution_result", "id": "event/E1"}
    desk.writers["main"].apply(facts)
    order = f"O{desk.number}"
    parts = [
        {**desk.trades[0], "id": name, "order": order, "symbol": "BTC/USDT", "side": "buy"}
        | {"amount": amount, "price": 100, "timestamp": executed_at // 10**6}
        | {"fee": {"cost": 2.5, "currency": "USDT"}}
        for name, amount in (("X1", "0.5"), ("X2", "1.5"))
    ]
    assert desk.reconcile(desk.told(trades=[*desk.trades, *parts])).found == ()
    desk.reconcile(desk.told(trades=[*desk.trades, parts[0]]))
    (found,) = desk.breaks().values()
    assert (found.kind, found.subject) == ("order", f"binance:{order}")
    assert (found.ours, found.difference) == ("2, fee 5 USDT", "-1.5")


def _result(desk: Desk, order: int, quantity: str) -> dict[str, Any]:
    """A cumulative result of an order, now."""
    desk.number += 1
    at = str(EXECUTED_AT + desk.number * SECOND_NS)
    facts = fill(order, quantity, "100", executed_at=at, received_at=at, result="partial", fees=[])
    place = {"kind": "execution_result", "id": f"event/E{desk.number}"}
    return {**facts, **place, "entry": f"{desk.number}-0"}


def test_an_order_that_began_before_the_statement_is_not_compared(desk: Desk) -> None:
    desk.writers["main"].apply(_result(desk, 900, "1"))
    desk.number += 3 * 86_400
    desk.trade(5)
    desk.writers["main"].apply(_result(desk, 900, "3"))
    desk.trade(5)
    told = desk.told(trades=desk.trades)
    assert desk.reconcile(told, since_ns=None, until_ns=None).found == ()
    since_long_ago = desk.reconcile(told).found
    assert [(each.kind, each.ours) for each in since_long_ago] == [("order", "3")]


def test_a_symbol_nobody_knows_is_a_break_until_it_is_known_or_gone(desk: Desk) -> None:
    desk.trade(5)
    stranger = {**desk.told_positions()[0], "symbol": "XYZ/USDT:USDT"}
    desk.reconcile(desk.told(positions=[*desk.told_positions(), stranger]))
    (found,) = desk.breaks().values()
    assert found.kind == "unknown_instrument"
    assert "no instrument of binance" in found.detail
    desk.reconcile(desk.told(positions=desk.told_positions()))
    assert desk.breaks() == {}


def test_a_trade_outside_the_time_of_the_statement_is_not_missing_there(desk: Desk) -> None:
    desk.trade(20)
    middle = desk.trades[5:15]
    assert desk.reconcile(desk.told(trades=middle), since_ns=None, until_ns=None).found == ()
    assert len(desk.reconcile(desk.told(trades=middle)).found) == 10


@pytest.mark.parametrize("part", ["balances", "positions", "trades"])
def test_a_statement_that_knows_nothing_of_ours_is_refused_unless_meant(
    desk: Desk, part: str
) -> None:
    desk.trade(12)
    empty: Any = {"total": {"EUR": 1, "USDT": 0}} if part == "balances" else []
    with pytest.raises(StatementError, match="--allow-empty"):
        desk.reconcile(desk.told(**{part: empty}))
    assert desk.breaks(only_open=False) == {}
    assert desk.reconcile(desk.told(**{part: empty}), allow_empty=True).found


def test_profit_is_compared_at_the_mark_of_the_venue(desk: Desk) -> None:
    for number, quantity, price in ((101, "4", "100"), (102, "-1", "120")):
        desk.writers["main"].apply(fill(number, quantity, price, **ETH_PERPETUAL))
    position = {"symbol": "ETH/USDT:USDT", "contracts": 3, "side": "long", "markPrice": 110}
    # Realized (120 - 100) * 0.01, unrealized 3 * (110 - 100) * 0.01.
    position |= {"realizedPnl": 0.2, "unrealizedPnl": 0.3, "contractSize": 0.01}
    assert desk.reconcile(desk.told(positions=[position])).found == ()
    split_otherwise = {**position, "realizedPnl": 0.5, "unrealizedPnl": 0}
    assert desk.reconcile(desk.told(positions=[split_otherwise])).found == ()
    wrong = {**position, "realizedPnl": "0.2000001"}
    (found,) = desk.reconcile(desk.told(positions=[wrong])).found
    assert (found.kind, found.difference) == ("pnl", "0.0000001")
    in_other_contracts = {**position, "contracts": 0.03, "contractSize": 1}
    assert desk.reconcile(desk.told(positions=[in_other_contracts])).found == ()


def _restate(desk: Desk, told: dict[str, Any], **event: Any) -> None:
    """Ask for a correction of a trade and make it."""
    place = {"venue": "binance", "order_id": told["order"], "execution_id": told["id"]}
    said = {"event_id": f"C{told['id']}", "executed_at": time.time_ns(), "by": "ann", "why": "so"}
    text = Facts(REFERENCE).text(read_event({**event, **place, **said}), Direct(time.time_ns()))
    submitter = Submitter(desk.server, quarantine_max=10, sharded_updates=False)
    assert submitter.submit(told["book"], text).result == "applied"
    corrections = Corrections(desk.server, submitter, History(desk.server))
    assert corrections.make(told["book"], said["event_id"]).status == "restated"


def test_a_trade_that_was_busted_or_corrected_is_compared_as_it_is_now(desk: Desk) -> None:
    desk.trade(20)
    busted, corrected = desk.trades[4], desk.trades[9]
    more = f"{Decimal(corrected['amount']) + 1:f}"
    _restate(desk, busted, kind="bust")
    _restate(desk, corrected, kind="correct", quantity=more, side=corrected["side"])
    before = desk.reconcile(desk.told(trades=desk.trades))
    assert {each.subject for each in before.found} == {
        _trade(desk, place)[0].removeprefix("trade ") for place in (4, 9)
    }
    corrected["amount"] = more
    desk.trades.remove(busted)
    assert desk.reconcile(desk.told(trades=desk.trades)).found == ()
