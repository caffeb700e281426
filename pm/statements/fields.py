"""Single values of a statement, each fault named by its place."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from pm.decimals import Amount, parse_amount
from pm.reference.table import shown
from pm.reference.text_ids import escape_id
from pm.statements.statement import StatementError

_NS_PER_MS: Final = 1_000_000
_TIME_MAX_NS: Final = (1 << 63) - 1


class Row:
    """The named values of one row; a null counts as not told.

    `place` is what the name of a value is put behind in a fault: `[3].` or `line 4, `.
    """

    __slots__ = ("_values", "place")

    def __init__(self, values: Mapping[str, Any], place: str) -> None:
        self._values = values
        self.place = place

    def fault(self, name: str, text: str) -> StatementError:
        """An error about one value."""
        return StatementError(f"{self.place}{name}: {text}")

    def told(self, name: str) -> Any:
        """The value as it was read, None where it was not told."""
        return self._values.get(name)

    def amount(self, name: str) -> Amount | None:
        """A decimal number, to the last digit; None where it was not told."""
        value = self._values.get(name)
        if value is None:
            return None
        try:
            return parse_amount(value, "")
        except ValueError as error:
            raise self.fault(name, str(error).removeprefix(": ")) from None

    def need_amount(self, name: str) -> Amount:
        """A decimal number that must be told."""
        amount = self.amount(name)
        if amount is None:
            raise self.fault(name, "is missing")
        return amount

    def text(self, name: str) -> str | None:
        """Text, or a number that names something; None where it was not told."""
        value = self._values.get(name)
        if value is None:
            return None
        if not isinstance(value, str) or not value:
            raise self.fault(name, f"must be text, not {shown(value)}")
        return value

    def need_text(self, name: str) -> str:
        """Text that must be told."""
        text = self.text(name)
        if text is None:
            raise self.fault(name, "is missing")
        return text

    def text_id(self, name: str) -> str | None:
        """An id in its inside spelling, None where it was not told."""
        text = self.text(name)
        return None if text is None else self._escaped(name, text)

    def need_text_id(self, name: str) -> str:
        """An id in its inside spelling that must be told."""
        return self._escaped(name, self.need_text(name))

    def milliseconds(self, name: str) -> int | None:
        """A time in ms since 1970 as ns, None where it was not told."""
        amount = self.amount(name)
        if amount is None:
            return None
        if amount.scale or amount.sign < 0 or amount.mantissa > _TIME_MAX_NS // _NS_PER_MS:
            raise self.fault(name, f"must be milliseconds since 1970, not {amount}")
        return amount.mantissa * _NS_PER_MS

    def moment(self, name: str) -> int | None:
        """An ISO time, or ns since 1970, as ns; None where it was not told."""
        text = self.text(name)
        if text is None:
            return None
        if text.isascii() and text.isdigit() and int(text) <= _TIME_MAX_NS:
            return int(text)
        try:
            told = datetime.fromisoformat(text)
        except ValueError:
            raise self.fault(name, f"must be a time, not {shown(text)}") from None
        told = told if told.tzinfo else told.replace(tzinfo=UTC)
        elapsed = told - datetime(1970, 1, 1, tzinfo=UTC)
        return ((elapsed.days * 86_400 + elapsed.seconds) * 10**6 + elapsed.microseconds) * 1000

    def sign(self, name: str, positive: str, negative: str) -> int:
        """1 or -1 for one of two words."""
        text = self.need_text(name).lower()
        if text not in (positive, negative):
            raise self.fault(name, f"must be {positive} or {negative}, not {shown(text)}")
        return 1 if text == positive else -1

    def _escaped(self, name: str, text: str) -> str:
        try:
            return escape_id(text)
        except ValueError as error:
            raise self.fault(name, str(error)) from None


def signed(amount: Amount, sign: int) -> Amount:
    """The amount with a sign."""
    return -abs(amount) if sign < 0 else abs(amount)
