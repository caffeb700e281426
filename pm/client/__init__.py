"""Reading: queries and the update feed, for blocking and for asyncio code, straight from Redis."""

from pm.client.client import AsyncClient, Client
from pm.client.errors import FeedError, JournalRewritten, JournalTrimmed
from pm.client.feed import AsyncFeed, Feed
from pm.client.journal import JournalEntry
from pm.client.rendering import to_json
from pm.client.results import (
    Balance,
    BookState,
    IntermediatePosition,
    Listing,
    NettedPosition,
    Position,
    StrategyPortfolio,
    Trace,
)
from pm.client.updates import BalanceChange, PositionChange, Update

__all__ = [
    "AsyncClient",
    "AsyncFeed",
    "Balance",
    "BalanceChange",
    "BookState",
    "Client",
    "Feed",
    "FeedError",
    "IntermediatePosition",
    "JournalEntry",
    "JournalRewritten",
    "JournalTrimmed",
    "Listing",
    "NettedPosition",
    "Position",
    "PositionChange",
    "StrategyPortfolio",
    "Trace",
    "Update",
    "to_json",
]
