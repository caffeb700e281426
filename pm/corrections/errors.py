"""What keeps a correction from being made."""


class CannotCorrect(Exception):
    """A correction that fails for good: `reason` is one word, the text says what is wrong."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


class TradeUnknown(Exception):
    """No entry has booked the trade yet: a correction that came first waits for it."""
