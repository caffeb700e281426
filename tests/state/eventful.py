"""A past, and a batch after it that changes a key of every kind and in every way.

With generations of this size the batch turns the generation twice.
"""

from __future__ import annotations

from collections.abc import Sequence

from pm.books.applying import Prepared
from tests import told_book
from tests.state import capital_facts as capital
from tests.state import correction_facts as corrections
from tests.state import life_facts as life
from tests.state.capital_facts import BASIS, INTO_KRAKEN
from tests.state.facts import (
    BTC,
    CALL,
    FUTURE,
    INVERSE,
    KRAKEN_BTC,
    OPTION,
    SECOND,
    SHARE,
    START,
    TRACE,
    Facts,
    deposit,
    fill,
    on_ethereum,
    order_status,
    placed,
    quarantined,
    rejected,
    result,
)

GENERATION_SIZE = 28

REVIVED, ENDED, IN_FLIGHT = ({"id": "0" * 31 + letter} for letter in "bcd")
_BASIS_9 = {**BASIS, "strategy": "9"}


def past() -> list[Prepared]:
    """What the book holds when the batch comes."""
    return placed(*_past())


def batch() -> list[Prepared]:
    """What comes then."""
    events = [*_executions(), *_capital(), *_lives(), *_ends()]
    return _placed([*_with_corrections(events), fill("O15", "-7", "99")])


def _placed(events: Sequence[Facts | Sequence[Facts]]) -> list[Prepared]:
    return placed(*events, first=len(_past()) + 1, at=START + 100 * SECOND)


def _with_corrections(
    events: Sequence[Facts | Sequence[Facts]],
) -> list[Facts | Sequence[Facts]]:
    """The events, then corrections of some, each derived from all that was before it."""
    asked = [
        told_book.bust("binance/O12/0.5", "C1"),
        told_book.correct("binance/O5/-3", "C2", price="110", fees=[["USDT", "0.25", "trading"]]),
        told_book.bust("binance/O99/1", "C3"),
        corrections.adjustment("USDT", "-1.5"),
        corrections.failure("C3"),
    ]
    all_ = [*events, *asked]
    for name in ("C1", "C2"):
        all_.append(_restated(name, [*past(), *_placed(all_)]))
    return all_


def _past() -> list[Facts]:
    return [
        deposit("USDT", "1000"),
        fill("O1", "2"),
        fill("O2", "-1", strategy="9"),
        fill("O3", "1", strategy="9"),
        on_ethereum("O4", "5", fees=[["ETH", "0.01", "gas"]]),
        fill("O0", "0.5", trace=TRACE),
        capital.reserve("O20", "USDT", "200", "2"),
        capital.reserve("O21", "BTC", "0.25"),
        capital.sent("T1", "BTC", "0.4", **BASIS),
        life.opening(SHARE, "7", "7", "70"),
        life.opening(SHARE, "8", "-3", "-33"),
        life.dividend(SHARE, "D1", "ex", "0.5"),
        life.opening(FUTURE, "7", "2", "20"),
        life.opening(FUTURE, "8", "-1", "-11"),
        life.opening(INVERSE, "7", "100", "-0.02"),
        life.opening(INVERSE, "9", "-40", "0.008"),
        life.opening(CALL, "7", "3", "30"),
        life.opening(OPTION, "8", "-2", "-0.4"),
        fill("O30", "1", trace=REVIVED),
        fill("O31", "-1", trace=REVIVED),
        life.trace_archived(REVIVED["id"], 2),
        fill("O32", "1", strategy="8", trace=ENDED),
        fill("O33", "-1", strategy="8", trace=ENDED),
        fill("O34", "0.1", fees=[["BNB", "0.1", "trading"]]),
        told_book.bust("binance/O1/2", "C0"),
    ]


def restated() -> Facts:
    """The bust of the past, made where nothing else has come."""
    return _restated("C0", past())


def _restated(name: str, events: Sequence[Prepared]) -> Facts:
    book = told_book.ToldBook.opened(generation_size=GENERATION_SIZE)
    for event in events:
        book.take(event.text)
    return corrections.restatement(book.derived(name))


def _executions() -> list[Facts | Sequence[Facts]]:
    inverse_result = result(
        "O10", "4", "partial", strategy="12", fees=[["BTC", "0.001", "trading"]]
    )
    elsewhere = {"location": "sub1", "chain_id": "5"}
    return [
        fill("O5", "-3", "120", trace=TRACE, fees=[["USDT", "0.5", "trading"]]),
        on_ethereum("O6", "-5", trace=TRACE, fees=[["ETH", "0.02", "gas"]]),
        fill("O7", "1", strategy="9", decided_at=str(START)),
        fill("O8", "2", strategy="10", fees=[["BTC", "0.002", "trading"]]),
        quarantined(),
        fill("O1", "2"),
        [
            fill("O9", "-0.25", strategy="9"),
            fill("O8", "-1", strategy="11"),
            result("O8", "3", "filled", strategy="10", fees=[["BTC", "0.003", "trading"]]),
        ],
        {**inverse_result, **INVERSE, **elsewhere},
        rejected("O11", fees=[["ETH", "0.001", "gas"]]),
        quarantined("malformed_event"),
        order_status("O1", "filled"),
        fill("O12", "0.5", "101", trace=TRACE, fees=[["BNB", "0.1", "trading"]]),
        deposit("EUR", "-7.5"),
        fill("O13", "0.5", "101"),
        fill("O14", "0.5", "101"),
    ]


def _capital() -> list[Facts | Sequence[Facts]]:
    return [
        fill("O20", "1", "95", fees=[["USDT", "0.1", "trading"]]),
        [capital.reserve("O22", "USDT", "50"), capital.release("O22", "USDT", "20")],
        order_status("O20", "cancelled"),
        capital.reserve("O23", "USDT", "1000000"),
        fill("O21", "-0.1"),
        [capital.reserve("O24", "USDT", "10", "1"), rejected("O24")],
        capital.arrived("T1", "BTC", "0.39", **BASIS, **INTO_KRAKEN),
        [
            capital.sent("T2", "BTC", "0.2", **_BASIS_9),
            capital.failed("T2", "BTC", **_BASIS_9),
        ],
        capital.sent("T3", "USDT", "40", trace=IN_FLIGHT),
        capital.moved("T4", "BTC", "0.1", "0.09", **_BASIS_9, **INTO_KRAKEN),
        capital.arrived("T9", "USDT", "5"),
        capital.withdrawal("BTC", "0.05", **_BASIS_9),
        capital.allocation("12", "USDT", "500"),
    ]


def _lives() -> list[Facts]:
    return [
        life.dividend(SHARE, "D1", "paid", "0.5", amount="2.5"),
        life.dividend(SHARE, "D2", "ex", "0.1"),
        life.dividend(SHARE, "D3", "whole", "0.2"),
        life.funding(INVERSE, "1", amount="0.003"),
        life.split(SHARE, "3", "2", "0", price="12"),
        life.settlement(FUTURE, "105"),
        life.settlement(FUTURE, "107", final="1", strategy="8"),
        life.for_delivery(CALL, "call", "90", KRAKEN_BTC),
        life.expiry(OPTION),
        life.fee_value(BTC, "BNB", "0.1", "30"),
    ]


def _ends() -> list[Facts]:
    return [
        life.trace_archived(ENDED["id"], 2),
        life.trace_expired(IN_FLIGHT["id"], 1, "expired"),
        life.trace_expired(TRACE["id"], 4, "stranded"),
        life.trace_archived(TRACE["id"], 4),
        fill("O25", "0.5", trace=TRACE),
        fill("O26", "0.5", trace=REVIVED),
    ]
