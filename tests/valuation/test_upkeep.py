"""Fees in foreign tokens get their value once; splits and archived traces are seen to."""

from __future__ import annotations

import json
from typing import Any

from pm import keys
from pm.books import journal
from pm.events.model import Fee, Split
from pm.marks import store
from pm.valuation.fees import PastRates
from pm.verify import verify_book
from tests.corrections.correcting import CorrectingDesk
from tests.valuation.desk import BTC, SECOND, A, Desk
from workers.upkeep import FEES_SEEN, Upkeep

BNB_FEE = (Fee("BNB", "0.1"),)


def _upkeep(desk: Desk) -> Upkeep:
    """As a process that has just started finds it, the journal read to its end."""
    upkeep = Upkeep.resumed(desk.client, desk.submitter, "main")
    seq = int(desk.client.hget(keys.book("main"), "seq") or 0)
    upkeep.watch.read_on(desk.client, through=seq)
    return upkeep


def _do(desk: Desk) -> int:
    rates = PastRates.of(desk.client, desk.settings.valuation, desk.facts.reference)
    upkeep = _upkeep(desk)
    valued = upkeep.value_fees(desk.facts, rates, desk.now)
    upkeep.finish()
    return valued


def _fee_values(desk: Desk) -> list[dict[str, str]]:
    return [entry for entry in journal.read(desk.client, "main") if entry["event"] == "fee_value"]


def test_a_fee_in_bnb_is_valued_exactly_once(desk: Desk) -> None:
    desk.mark("BNB", "300")
    desk.fill(BTC, "1", "100", fees=BNB_FEE)
    assert desk.position(BTC)["fees_unvalued"] == '{"BNB":"0.1"}'
    assert _do(desk) == 1
    assert desk.position(BTC)["fee_value"] == "30"
    assert desk.position(BTC)["fees_unvalued"] == "{}"
    assert _do(desk) == 0
    desk.client.hdel(keys.valuation("main"), FEES_SEEN)
    _do(desk)
    assert [entry["result"] for entry in _fee_values(desk)] == ["applied", "duplicate"]
    assert desk.position(BTC)["fee_value"] == "30"
    assert verify_book(desk.server.client(decode=False), "main").is_whole


def test_a_fee_is_worth_what_its_token_was_worth_then(desk: Desk) -> None:
    desk.mark("BNB", "300", at=desk.now - 10 * SECOND)
    desk.fill(BTC, "1", "100", fees=BNB_FEE)
    desk.mark("BNB", "500", at=desk.now + SECOND)
    desk.later(100)
    assert _do(desk) == 1
    assert desk.position(BTC)["fee_value"] == "30"


def test_a_fee_goes_through_a_hub_where_no_pair_is_marked(desk: Desk) -> None:
    desk.mark_usdt()
    desk.mark("BNB", "300", "USD")
    desk.fill(BTC, "1", "100", fees=BNB_FEE)
    assert _do(desk) == 1
    assert desk.position(BTC)["fee_value"] == "30"


def test_net_is_unknown_until_the_fee_has_a_value(desk: Desk) -> None:
    desk.mark_usdt()
    desk.mark(BTC, "150")
    desk.fill(BTC, "1", "100", fees=BNB_FEE)
    desk.run()
    assert desk.strategy().net_pnl is None
    assert desk.strategy().fees_unvalued == 1
    desk.mark("BNB", "300")
    _do(desk)
    desk.later(1)
    desk.run()
    assert desk.strategy().net_pnl == A("20")
    assert desk.book().fees_unvalued == 0


def test_a_fee_waits_for_a_mark_that_comes_late_but_not_for_ever(desk: Desk) -> None:
    desk.fill(BTC, "1", "100", fees=BNB_FEE)
    seq = int(desk.client.hget(keys.book("main"), "seq") or 0)
    assert _do(desk) == 0
    assert desk.client.hget(keys.valuation("main"), FEES_SEEN) == str(seq - 1)
    desk.mark("BNB", "300", at=desk.now - SECOND)
    desk.later(10)
    assert _do(desk) == 1


def test_a_fee_that_no_mark_prices_is_given_up_after_a_while(desk: Desk) -> None:
    desk.fill(BTC, "1", "100", fees=BNB_FEE)
    seq = int(desk.client.hget(keys.book("main"), "seq") or 0)
    desk.later(desk.settings.valuation.mark_max_age_seconds + 61)
    assert _do(desk) == 0
    assert desk.client.hget(keys.valuation("main"), FEES_SEEN) == str(seq)
    assert desk.position(BTC)["fees_unvalued"] == '{"BNB":"0.1"}'


def test_a_stale_mark_values_no_fee(desk: Desk) -> None:
    desk.mark("BNB", "300", at=desk.now - 301 * SECOND)
    desk.fill(BTC, "1", "100", fees=BNB_FEE)
    assert _do(desk) == 0


def test_a_split_in_the_journal_is_told_to_the_marks(desk: Desk) -> None:
    desk.fill(BTC, "2", "100")
    desk.mark(BTC, "110")
    desk.run()
    desk.later(1)
    desk.submit(Split("S1", BTC, "3", "2", desk.now))
    assert _upkeep(desk).record_splits()
    ((_, (split,)),) = store.splits(desk.client).items()
    assert (split.instrument, split.event_id, split.time) == (BTC, "S1", desk.now)
    assert (split.numerator, split.denominator) == (A("3"), A("2"))
    desk.run()
    assert desk.position(BTC)["mark"] == ""


def test_a_record_reads_the_same_with_the_place_stored_beside_it(desk: Desk) -> None:
    desk.run()
    _do(desk)
    stored: Any = desk.client.hgetall(keys.valuation("main"))
    assert FEES_SEEN in stored
    assert json.loads(stored["seq_end"]) == desk.book().seq_end


def test_a_corrected_fee_is_valued_as_it_is_now_at_the_time_of_its_trade(desk: Desk) -> None:
    desk.mark("BNB", "300", at=desk.now - 10 * SECOND)
    desk.fill(BTC, "1", "100", fees=BNB_FEE)
    watch = _upkeep(desk)
    correcting = CorrectingDesk(desk)
    desk.later(60)
    correcting.correct("binance/O1/T1", fees=(Fee("BNB", "0.05"),))
    desk.mark("BNB", "500")
    watch.watch.read_on(desk.client, through=int(desk.client.hget(keys.book("main"), "seq") or 0))
    for upkeep in (watch, _upkeep(desk)):
        rates = PastRates.of(desk.client, desk.settings.valuation, desk.facts.reference)
        upkeep.value_fees(desk.facts, rates, desk.now)
        upkeep.finish()
        assert desk.position(BTC)["fee_value"] == "15"
    correcting.bust("binance/O1/T1", "C2")
    assert (desk.position(BTC)["fee_value"], desk.position(BTC)["fees_unvalued"]) == ("0", "{}")
    assert _upkeep(desk).watch.fees == []
    assert verify_book(desk.server.client(decode=False), "main").is_whole
