"""What each strategy does next: the orders of the day, one small story after another.

A strategy that holds much of something trades the other way, so positions turn now and then and
stay of a size. A story is told message by message, many at once, as orders live beside each other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random
from typing import Final

from pm.demo import desk
from pm.demo.amendments import correctable
from pm.demo.exact import fixed, text_of
from pm.demo.ledger import Ledger
from pm.demo.market import (
    BASIS,
    BINANCE_SPOT,
    DOLLAR_SPOT,
    ETHER_POOLS,
    HEDGE,
    LATE,
    OPTIONS,
    OTHER_POOLS,
    SHARES,
    Execution,
    Listing,
    Market,
)
from pm.demo.reservations import OrderReservation
from pm.demo.tellings import (
    Clock,
    Message,
    Order,
    told_as_fills,
    told_as_rejected,
    told_cumulatively,
    told_in_bincode,
    told_thrice,
    told_wide,
)
from pm.wire.header import EXECUTION_DOMAIN
from pm.wire.trace_layouts import ARBITRAGE_FLAG, DocumentedTrace36

Story = Iterator[Message]

_STRATEGY_SHIFT: Final = 48
_FUTURES: Final = ((desk.OPTIONS_DESK, HEDGE), *((desk.BASIS_DESK, listing) for listing in BASIS))
_SHARES: Final = tuple((desk.EQUITIES, listing) for listing in SHARES)
# How much of a position makes a strategy want to be rid of it, in full orders.
_FULL_INVENTORY: Final = 6


class Traders:
    """Makes stories; every choice comes from `random`.

    `reservations` are of the orders so far that reserve before they are sent.
    """

    def __init__(self, random: Random, market: Market, ledger: Ledger, clock: Clock) -> None:
        self.reservations: list[OrderReservation] = []
        self._random = random
        self._market = market
        self._ledger = ledger
        self._clock = clock
        self._orders = 0
        self._traces = 0
        self._day: tuple[tuple[int, Callable[[], Story]], ...] = (
            (40, self._make_markets),
            (20, self._follow_trend),
            (6, self._trade_shares),
            (10, self._arbitrage),
            (7, self._swap),
            (8, self._trade_options),
            (5, self._hedge),
            (10, self._trade_basis),
            (4, self._be_rejected),
        )

    def next_story(self) -> Story:
        """What happens next."""
        weights = [weight for weight, _ in self._day]
        (story,) = self._random.choices([make for _, make in self._day], weights)
        return story()

    def late_story(self) -> Story:
        """Trades in an instrument that the reference data learns of too late."""
        return told_cumulatively(self._order(desk.TREND, LATE, True, 2), self._ledger)

    def closing_stories(self) -> list[Story]:
        """Trades without which the close of the day would meet nothing.

        What happens to be flat is bought, and there are two trades that can be corrected.
        """
        stories = []
        if len(correctable(self._ledger)) < 2:
            order = self._order(desk.TREND, DOLLAR_SPOT[0], True, 2)
            stories.append(told_as_fills(order, self._ledger, self._clock))
        for strategy, listing in (*_FUTURES, *_SHARES):
            if not self._ledger.quantity(strategy, listing.instrument):
                order = self._order(strategy, listing, True, 1)
                tell = told_as_fills if listing in SHARES else told_in_bincode
                stories.append(tell(order, self._ledger, self._clock))
        return stories

    def _make_markets(self) -> Story:
        order = self._some_order(desk.MARKET_MAKING, BINANCE_SPOT, self._random.randint(1, 4))
        if self._random.random() < 0.1:
            return told_cumulatively(order._replace(is_cancelled=True), self._ledger)
        return told_thrice(order, self._ledger)

    def _follow_trend(self) -> Story:
        order = self._some_order(desk.TREND, DOLLAR_SPOT, self._random.randint(1, 5))
        if self._random.random() < 0.4:
            return told_as_fills(order, self._ledger, self._clock)
        return told_cumulatively(order, self._ledger)

    def _trade_shares(self) -> Story:
        order = self._some_order(desk.EQUITIES, SHARES, self._random.randint(1, 3))
        return told_as_fills(order, self._ledger, self._clock)

    def _swap(self) -> Story:
        order = self._some_order(desk.TREASURY, OTHER_POOLS, self._random.randint(1, 2))
        self.reservations.append(self._reservation(order))
        reserved = len(self.reservations)
        return told_wide(order, self._ledger, self._clock, reserved=reserved)

    def _trade_options(self) -> Story:
        order = self._some_order(desk.OPTIONS_DESK, OPTIONS, self._random.randint(1, 3))
        return told_cumulatively(order, self._ledger)

    def _hedge(self) -> Story:
        order = self._some_order(desk.OPTIONS_DESK, (HEDGE,), self._random.randint(1, 3))
        return told_as_fills(order, self._ledger, self._clock)

    def _trade_basis(self) -> Story:
        order = self._some_order(desk.BASIS_DESK, BASIS, self._random.randint(1, 4))
        return told_in_bincode(order, self._ledger, self._clock)

    def _be_rejected(self) -> Story:
        return told_as_rejected(self._some_order(desk.MARKET_MAKING, BINANCE_SPOT, 1))

    def _arbitrage(self) -> Story:
        """Buy ether where it is cheap, sell what arrived elsewhere: one trace over two chains.

        Sometimes it is sold in two places, and sometimes the second leg never comes.
        """
        self._traces += 1
        trace = DocumentedTrace36(
            trace_id=self._random.getrandbits(128) | 1,
            span_id=self._traces,
            parent_span_id=0,
            flags=ARBITRAGE_FLAG,
            domain=EXECUTION_DOMAIN,
        )
        first, *others = self._random.sample(ETHER_POOLS, 3)
        bought = self._order(desk.ARBITRAGE, first, True, self._random.randint(1, 2), -1_500)
        yield from told_wide(bought, self._ledger, self._clock, trace)
        if self._random.random() < 0.05:
            return
        arrived = bought.quantity - sum(execution.fee for execution in bought.executions)
        parts = [arrived]
        if self._random.random() < 0.3:
            parts = [arrived // 3, arrived - arrived // 3]
        for listing, part in zip(others, parts, strict=False):
            price = self._market.price(listing, 1_500)
            execution = self._market.execution(listing, part, buys=False, price=price)
            sold = Order(
                self._next_id(desk.ARBITRAGE), desk.ARBITRAGE, listing, False, (execution,)
            )
            yield from told_wide(sold, self._ledger, self._clock, trace)

    def _some_order(self, strategy: int, listings: tuple[Listing, ...], executions: int) -> Order:
        listing = self._random.choice(listings)
        held = self._ledger.quantity(strategy, listing.instrument)
        most = listing.lot * listing.lots_max * _FULL_INVENTORY // 2
        full = fixed(most, listing.quantity_decimals)
        buys = self._random.random() < 0.5 if abs(held) < full else held < 0
        return self._order(strategy, listing, buys, executions)

    def _order(
        self, strategy: int, listing: Listing, buys: bool, executions: int, spread_ppm: int = 0
    ) -> Order:
        lots = self._random.randint(executions, listing.lots_max)
        cuts = sorted(self._random.sample(range(1, lots), executions - 1)) if lots > 1 else []
        parts = [end - start for start, end in zip([0, *cuts], [*cuts, lots], strict=True)]
        return Order(
            self._next_id(strategy),
            strategy,
            listing,
            buys,
            tuple(self._execution(listing, part * listing.lot, buys, spread_ppm) for part in parts),
        )

    def _reservation(self, order: Order) -> OrderReservation:
        """All an order can take: what it sells, or what it costs at the worst of its prices."""
        listing = order.listing
        known = self._ledger.instrument(listing.instrument)
        quantity = fixed(order.quantity, listing.quantity_decimals)
        worst = max(execution.price for execution in order.executions)
        cost = quantity * fixed(worst, listing.price_decimals)
        return OrderReservation(
            order.order_id,
            order.strategy,
            known.venue,
            known.quote if order.buys else known.base,
            text_of(cost if order.buys else quantity),
            text_of(quantity),
        )

    def _execution(self, listing: Listing, quantity: int, buys: bool, spread_ppm: int) -> Execution:
        price = self._market.price(listing, spread_ppm)
        return self._market.execution(listing, quantity, buys=buys, price=price)

    def _next_id(self, strategy: int) -> int:
        """An order id that names its strategy, for messages that carry nothing else."""
        self._orders += 1
        return strategy << _STRATEGY_SHIFT | self._orders
