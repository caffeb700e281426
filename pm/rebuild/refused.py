"""Why a book is not rebuilt."""

from __future__ import annotations

from pm.fold import Differences


class RebuildRefused(Exception):
    """Nothing was switched; the text names the book and says why.

    `differences` are what was found wrong with the journal.
    """

    def __init__(self, book: str, reason: str, differences: Differences | None = None) -> None:
        super().__init__(f"book {book} is not rebuilt: {reason}")
        self.differences = differences or Differences()
