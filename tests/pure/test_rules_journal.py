"""Journal entries to the byte, the hash chain, generations of ids, cursors, the state as text."""

import json
from hashlib import sha1

from pm.rules.book import Book
from pm.rules.digest import GENESIS_DIGEST, chain_digest
from tests.pure.rules_events import INVERSE, SPOT, STARTED_NS, Journal, figures

NAMES = [
    "event",
    "result",
    "reason",
    "facts",
    "legs",
    "effects",
    "changes",
    "order",
    "trace",
    "contribution",
    "previous_update",
    "rules",
    "digest",
]


def test_an_entry_is_texts_in_the_order_of_the_contract() -> None:
    journal = Journal()
    journal.fill("2", "100", order="binance:O1")

    entry = journal.fill("-5", "110", fees=[["USDT", "5", "trading"]], chain_id="1")

    held = (
        '{"quantity":"2","cost":"200","avg_cost_basis":"100","realized_pnl":"0","fees_paid":{},'
        '"fee_value":"0","fees_unvalued":{},"carry":"0","transfer_cost":"0","total_trades":"1",'
        '"first_trade_time":"1700000001000000000","last_update_time":"1700000001000000000",'
        '"trip_realized_pnl":"0","trip_fee_value":"0","trip_carry":"0"}'
    )
    closed = (
        '{"quantity":"0","cost":"0","avg_cost_basis":null,"realized_pnl":"20",'
        '"fees_paid":{"USDT":"2"},"fee_value":"2","fees_unvalued":{},"carry":"0","transfer_cost":"0",'
        '"total_trades":"2",'
        '"first_trade_time":"1700000001000000000","last_update_time":"1700000002000000000",'
        '"trip_realized_pnl":"20","trip_fee_value":"2","trip_carry":"0"}'
    )
    opened = (
        '{"quantity":"-3","cost":"-330","avg_cost_basis":"110","realized_pnl":"20",'
        '"fees_paid":{"USDT":"5"},"fee_value":"5","fees_unvalued":{},"carry":"0","transfer_cost":"0",'
        '"total_trades":"2",'
        '"first_trade_time":"1700000002000000000","last_update_time":"1700000002000000000",'
        '"trip_realized_pnl":"0","trip_fee_value":"3","trip_carry":"0"}'
    )
    whose = '"strategy_id":"7","instrument":"binance.coin.BTCUSDT"'
    where = '"type":"balance_changed","location":"binance","chain_id":"1"'
    assert dict(entry.fields()[:-1]) == {
        "event": "fill",
        "result": "applied",
        "reason": "",
        "facts": entry.facts,
        "legs": '[["-5","-550"]]',
        "effects": "[]",
        "changes": (
            f'[{{"type":"position_closed",{whose},"old":{held},"new":{closed}}},'
            f'{{"type":"position_opened",{whose},"old":{closed},"new":{opened}}},'
            f'{{{where},"token":"BTC","old":{{"available":"2","reserved":"0","total":"2"}},'
            '"new":{"available":"-3","reserved":"0","total":"-3"}},'
            f'{{{where},"token":"USDT",'
            '"old":{"available":"-200","reserved":"0","total":"-200"},'
            '"new":{"available":"345","reserved":"0","total":"345"}}]'
        ),
        "order": "",
        "trace": "",
        "contribution": (
            '{"strategy":"7","day":"2023-11-14","venue":"binance",'
            '"instrument":"binance.coin.BTCUSDT","base":"BTC","quote":"USDT",'
            '"settlement":"USDT","trade_count":"1","volume":"550","quantity":"-5",'
            '"notional":"-550","realized_pnl":"20","fees":{"USDT":"5"},"fee_value":"5","trip":"won"}'
        ),
        "previous_update": "2",
        "rules": "1",
    }
    assert [name for name, _ in entry.fields()] == NAMES


def test_facts_are_kept_verbatim() -> None:
    text = '{ "kind" : "nothing", "lane":"executions","entry":"1-0","detail":"é" }'

    assert Book().apply(text).facts == text


def test_the_digest_covers_the_previous_one_and_every_field_by_its_length_in_bytes() -> None:
    text = '{"kind":"nothing","detail":"é"}'

    entry = Book().apply(text)

    spelled = (
        "0" * 40
        + "7:nothing5:noted7:nothing"
        + f"{len(text) + 1}:{text}"
        + "2:[]2:[]2:[]0:0:0:1:01:1"
    )
    assert entry.digest == sha1(spelled.encode(), usedforsecurity=False).hexdigest()


def test_digests_chain_from_genesis() -> None:
    journal = Journal()
    first = journal.fill("1", "100")
    second = journal.fill("1", "100")

    assert chain_digest(first.digest, [text for _, text in second.fields()[:-1]]) == second.digest
    assert Book().state.digest == GENESIS_DIGEST
    assert journal.hash("book")["digest"] == second.digest


def test_fields_cannot_be_shifted_into_each_other() -> None:
    assert chain_digest("", ["ab", "c"]) != chain_digest("", ["a", "bc"])


def test_previous_update_is_the_last_entry_with_changes() -> None:
    journal = Journal()

    entries = [
        journal.fill("1", "100"),
        journal.event("nothing"),
        journal.event("order_status", order="binance:O1", status="new"),
        journal.fill("1", "100"),
        journal.fill("1", "100"),
    ]

    assert [entry.previous_update for entry in entries] == ["0", "2", "2", "2", "5"]
    assert figures(journal.hash("book"), "previous_update", "seq") == ["6", "6"]


def test_an_event_of_several_moves_the_cursor_within_its_entry() -> None:
    journal = Journal()
    found = []

    for index in ("0", "1", "2"):
        journal.fill("1", "100", lane="executions:gw", entry="9-0", index=index, of="3")
        found.append(journal.hash("book")["cursor:executions:gw"])

    assert found == ["9-0:1", "9-0:2", "9-0"]
    assert journal.hash("lanes") == {".": "0", "executions:gw": "0"}


def test_every_result_moves_the_cursor_of_its_lane() -> None:
    journal = Journal()
    journal.fill("1", "100", id="binance/O1/T1")

    journal.fill("1", "100", id="binance/O1/T1", lane="executions:b", entry="5-1")
    journal.event("quarantined", reason="bad_crc", lane="executions:c", entry="6-1")

    book = journal.hash("book")
    assert figures(book, "cursor:executions", "cursor:executions:b", "cursor:executions:c") == [
        "1-0",
        "5-1",
        "6-1",
    ]


def at(second: int, received: int | None = None) -> dict[str, str]:
    return {
        "executed_at": str(STARTED_NS + second),
        "received_at": str(STARTED_NS + (second + 1 if received is None else received)),
    }


def generations(journal: Journal) -> list[int]:
    names = ("generation", "generation_count", "newest", "newest_previous", "horizon")
    values = [int(text) for text in figures(journal.hash("book"), *names)]
    return values[:2] + [value - STARTED_NS if value else 0 for value in values[2:]]


def test_generations_rotate_at_an_exact_count_and_pull_the_horizon_behind_them() -> None:
    journal = Journal(generation_size=2)
    found = []

    for second in (10, 30, 20, 40, 50):
        journal.fill("1", "100", id=f"T{second}", **at(second))
        found.append(generations(journal))

    assert found == [
        [0, 1, 10, 0, 0],
        [1, 0, 0, 30, 0],
        [1, 1, 20, 30, 0],
        [2, 0, 0, 40, 30],
        [2, 1, 50, 40, 30],
    ]
    state = journal.book.expected_state()
    assert state["seen:2"] == {".", "T50"}
    assert state["seen:1"] == {".", "T20", "T40"}
    assert "seen:0" not in state


def test_an_id_is_known_for_two_generations_and_then_refused_by_its_age() -> None:
    journal = Journal(generation_size=2)
    for second in (10, 30, 20, 40, 50):
        journal.fill("1", "100", id=f"T{second}", **at(second))

    forgotten = journal.fill("1", "100", id="T30", **at(30))
    previous = journal.fill("1", "100", id="T20", **at(20))
    at_horizon = journal.fill("1", "100", id="T99", **at(30))
    behind = journal.fill("1", "100", id="T98", **at(31))

    assert [entry.result for entry in (forgotten, previous, at_horizon, behind)] == [
        "refused",
        "duplicate",
        "refused",
        "applied",
    ]


def test_a_clock_far_ahead_does_not_carry_the_horizon_with_it() -> None:
    journal = Journal(generation_size=1)
    two_minutes = 120 * 10**9

    journal.fill("1", "100", id="T1", **at(two_minutes, received=10))
    journal.fill("1", "100", id="T2", **at(20))
    journal.fill("1", "100", id="T3", **at(30))

    assert generations(journal) == [2, 0, 0, 30, 20]
    assert journal.book.expected_state()["seen:future"] == {".", "T1"}


def test_an_event_dated_far_ahead_is_never_taken_twice() -> None:
    journal = Journal(generation_size=1)
    two_minutes = 120 * 10**9
    journal.fill("1", "100", id="T1", **at(two_minutes, received=10))
    for second in (20, 30, 40):
        journal.fill("1", "100", id=f"T{second}", **at(second))

    again = journal.fill("1", "100", id="T1", **at(two_minutes, received=two_minutes + 5))

    assert again.result == "duplicate"


def test_an_event_dated_a_little_ahead_is_never_taken_twice() -> None:
    journal = Journal(generation_size=1)
    journal.fill("1", "100", id="T1", **at(9_000, received=10))
    for second in (9_500, 9_600):
        journal.fill("1", "100", id=f"T{second}", **at(second))

    again = journal.fill("1", "100", id="T1", **at(9_000, received=99_000))

    assert (again.result, again.reason) == ("refused", "older_than_horizon")


def test_the_horizon_never_moves_back() -> None:
    journal = Journal(generation_size=1)
    journal.fill("1", "100", id="T1", **at(10))
    journal.fill("1", "100", id="T2", **at(20))
    journal.fill("1", "100", id="T3", **at(50, received=5))
    journal.fill("1", "100", id="T4", **at(60))

    assert generations(journal) == [4, 0, 0, 60, 50]


def test_times_compare_as_numbers() -> None:
    journal = Journal(generation_size=1)
    journal.fill("1", "100", id="T1", executed_at="9", received_at="9")
    journal.fill("1", "100", id="T2", executed_at="10", received_at="10")
    journal.fill("1", "100", id="T3", executed_at="11", received_at="11")

    assert journal.hash("book")["horizon"] == "10"
    assert journal.fill("1", "1", id="T4", executed_at="100", received_at="9").result == "applied"


def test_the_books_hash_takes_name_schema_sizes_and_reference() -> None:
    journal = Journal(generation_size=7)
    journal.apply(kind="reference", version="3", previous_version="2", changed="x")
    journal.fill("1", "100", fees=[["BNB", "0.1", "trading"]])

    assert journal.hash("book") == {
        "schema": "2",
        "name": "main",
        "seq": "3",
        "digest": journal.book.state.digest,
        "previous_update": "3",
        "rules": "1",
        "reference_version": "3",
        "generation": "0",
        "generation_count": "1",
        "generation_size": "7",
        "newest": str(STARTED_NS + 1_000_000_000),
        "newest_previous": "0",
        "horizon": "0",
        "cursor:executions": "1-0",
        "applied": "3",
        "duplicate": "0",
        "covered": "0",
        "stale": "0",
        "noted": "0",
        "refused": "0",
        "declined": "0",
        "trade_count": "1",
        "realized_pnl": "{}",
        "carry": "{}",
        "transfer_cost": "{}",
        "fees_paid": '{"BNB":"0.1"}',
        "fee_value": "{}",
        "fees_unvalued": '{"BNB":"0.1"}',
        "failed_fees": "{}",
        "allocated": "{}",
        "volume": '{"USDT":"100"}',
        "orders_filled": "0",
        "orders_rejected": "0",
        "orders_cancelled": "0",
        "trips_won": "0",
        "trips_lost": "0",
        "trips_unknown": "0",
        "in_flight": "{}",
        "receivables": "{}",
        "traces_expired": "0",
        "traces_stranded": "0",
    }


def test_a_positions_hash_holds_its_terms_and_figures() -> None:
    journal = Journal()
    journal.fill("1000", "50000", terms=INVERSE)

    assert journal.position(INVERSE) == {
        "strategy_id": "7",
        "instrument_id": "bybit.perp.BTCUSD",
        "instrument_kind": "perpetual",
        "location": "binance",
        "chain_id": "0",
        "base": "BTC",
        "quote": "USD",
        "settlement": "BTC",
        "multiplier": "10",
        "inverse": "1",
        "dust": "0",
        "quantity": "1000",
        "cost": "-0.2",
        "avg_cost_basis": "50000",
        "realized_pnl": "0",
        "fees_paid": "{}",
        "fee_value": "0",
        "fees_unvalued": "{}",
        "carry": "0",
        "transfer_cost": "0",
        "total_trades": "1",
        "first_trade_time": "1700000001000000000",
        "last_update_time": "1700000001000000000",
        "trip_realized_pnl": "0",
        "trip_fee_value": "0",
        "trip_carry": "0",
        "seq": "2",
    }


def test_what_exists_is_listed_where_queries_look() -> None:
    journal = Journal()
    ethereum = {"location": "ethereum", "chain_id": "1"}
    journal.fill("1", "100")
    journal.fill("1", "100", strategy="8", **ethereum)
    journal.fill("-1", "100")

    state = journal.book.expected_state()

    assert state["positions"] == {".": "0", "8:binance.coin.BTCUSDT": "0"}
    assert state["closed"] == {".": "0", "7:binance.coin.BTCUSDT": "0"}
    assert state["strategies"] == {".": "0", "7": "0", "8": "0"}
    assert state["instrument:binance.coin.BTCUSDT"] == {"7": "0", "8": "0"}
    assert state["chain:0"] == {"binance:BTC": "0", "binance:USDT": "0"}
    assert state["chain:1"] == {"ethereum:BTC": "0", "ethereum:USDT": "0"}
    assert state["balances"] == {
        ".": "0",
        "binance:BTC": "0",
        "binance:USDT": "0",
        "ethereum:BTC": "0",
        "ethereum:USDT": "0",
    }


def test_every_value_of_the_state_is_text() -> None:
    journal = Journal()
    journal.fill("1", "100", order="binance:O1", trace={"id": "a" * 32}, terms=SPOT)
    journal.event("rejected", order="binance:O2")

    for key, held in journal.book.expected_state().items():
        values = held if isinstance(held, set) else {*held, *held.values()}
        assert all(isinstance(value, str) for value in values), key


def test_balances_and_strategies_carry_the_seq_that_last_changed_them() -> None:
    journal = Journal()
    journal.fill("1", "100")
    journal.deposit("EUR", "5", location="bank", strategy=None, instrument=None)
    journal.event("nothing")

    assert journal.hash("balance:bank:EUR") == {
        "location": "bank",
        "chain_id": "0",
        "token": "EUR",
        "available": "5",
        "reserved": "0",
        "total": "5",
        "last_update": str(STARTED_NS + 2_000_000_000),
        "seq": "3",
    }
    assert figures(journal.hash("strategy:7"), "seq", "inception_time") == [
        "2",
        str(STARTED_NS + 1_000_000_000),
    ]


def test_amounts_per_token_are_sorted_and_keep_tokens_that_cancel() -> None:
    journal = Journal()
    journal.fill("1", "100", fees=[["ZRX", "1", "gas"], ["AAVE", "2", "gas"]])
    journal.fill("1", "100", fees=[["ZRX", "-1", "gas"]])

    assert journal.position()["fees_unvalued"] == '{"AAVE":"2","ZRX":"0"}'
    assert json.loads(journal.hash("strategy:7")["fees_paid"]) == {"AAVE": "2", "ZRX": "0"}
