"""The five queries of a portfolio, each with what it reads and what a pass writes anew of that."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from pm import keys
from pm.bench.book import BOOK
from pm.bench.workload import BASES, QUOTE, VENUE, Pair, Spread, base_token, instrument_id
from pm.client import Client

LOOKBACK_DAYS: Final = 365


@dataclass(frozen=True, slots=True)
class WorthQuery:
    """`reads` are the hashes and streams of the answer, `records` those a pass replaces."""

    name: str
    ask: Callable[[Client, Pair], object]
    reads: Callable[[Spread, Pair], Sequence[str]]
    records: Callable[[Pair], Sequence[str]]


def _nothing(_: Pair) -> Sequence[str]:
    return ()


def _position(_: Spread, pair: Pair) -> Sequence[str]:
    return (keys.position(BOOK, str(pair[0]), instrument_id(pair[1])),)


def _portfolio(spread: Spread, pair: Pair) -> Sequence[str]:
    strategy = str(pair[0])
    return (
        *(key for held in spread.of_strategy(pair[0]) for key in _position(spread, held)),
        keys.strategy(BOOK, strategy),
        keys.valuation(BOOK, strategy),
        keys.equity(BOOK, strategy),
        keys.returns(BOOK, strategy),
    )


def _balances(_: Spread, __: Pair) -> Sequence[str]:
    tokens = [base_token(number) for number in range(BASES)]
    return [keys.balance(BOOK, VENUE, token) for token in (*tokens, QUOTE)]


def _summary(_: Spread, __: Pair) -> Sequence[str]:
    return (keys.book(BOOK), keys.valuation(BOOK))


def _risk(_: Spread, __: Pair) -> Sequence[str]:
    return (keys.risk(BOOK), keys.valuation(BOOK), keys.equity(BOOK), keys.returns(BOOK))


FIVE: Final = (
    WorthQuery(
        "position",
        lambda client, pair: client.position(instrument_id(pair[1]), pair[0]),
        _position,
        _nothing,
    ),
    WorthQuery(
        "strategy portfolio",
        lambda client, pair: client.strategy_portfolio(pair[0]),
        _portfolio,
        lambda pair: (keys.valuation(BOOK, str(pair[0])),),
    ),
    WorthQuery(
        "chain balances",
        lambda client, _: client.chain_balances(0),
        _balances,
        _nothing,
    ),
    WorthQuery(
        "portfolio summary",
        lambda client, _: client.portfolio_summary(),
        _summary,
        lambda _: (keys.valuation(BOOK),),
    ),
    WorthQuery(
        "risk metrics",
        lambda client, _: client.risk_metrics(LOOKBACK_DAYS),
        _risk,
        lambda _: (keys.valuation(BOOK), keys.risk(BOOK)),
    ),
)
