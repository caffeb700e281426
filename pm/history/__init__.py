"""The journal as one, whatever of it is in Redis and what in the archive."""

from pm.history.history import Archive, History, HistoryFork, HistoryGap

__all__ = ["Archive", "History", "HistoryFork", "HistoryGap"]
