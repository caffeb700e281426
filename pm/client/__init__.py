"""Reading: queries and the update feed, for blocking and for asyncio code, straight from Redis."""

from pm.client.async_client import AsyncClient
from pm.client.client import Client
from pm.client.errors import FeedError, JournalRewritten, JournalTrimmed, QueryTimeout
from pm.client.feed import AsyncFeed, Feed
from pm.client.journal import JournalEntry
from pm.client.limits import QueryLimits
from pm.client.rendering import to_json
from pm.client.results import (
    Balance,
    BalanceMargin,
    IntermediatePosition,
    Listing,
    LiveValue,
    NettedPosition,
    Position,
    Reservation,
    Trace,
)
from pm.client.totals import (
    BookState,
    PortfolioSummary,
    RiskMetrics,
    StrategyPortfolio,
)
from pm.client.updates import BalanceChange, PositionChange, TraceStranded, Update
from pm.history import HistoryGap

__all__ = [
    "AsyncClient",
    "AsyncFeed",
    "Balance",
    "BalanceChange",
    "BalanceMargin",
    "BookState",
    "Client",
    "Feed",
    "FeedError",
    "HistoryGap",
    "IntermediatePosition",
    "JournalEntry",
    "JournalRewritten",
    "JournalTrimmed",
    "Listing",
    "LiveValue",
    "NettedPosition",
    "PortfolioSummary",
    "Position",
    "PositionChange",
    "QueryLimits",
    "QueryTimeout",
    "Reservation",
    "RiskMetrics",
    "StrategyPortfolio",
    "Trace",
    "TraceStranded",
    "Update",
    "to_json",
]
