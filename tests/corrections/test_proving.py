"""A restatement that is not what its history comes to is found, however well it is chained."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pm.corrections import making
from pm.corrections.derive import Restatement
from pm.corrections.restatement_facts import restatement_facts
from pm.verify import verify_book
from tests.corrections.correcting import BOOK, CorrectingDesk


def _told(desk: CorrectingDesk, monkeypatch: pytest.MonkeyPatch, **changed: Any) -> list[str]:
    """The differences that are found when a restatement tells other than was derived."""

    def other(made: Restatement, now: int) -> str:
        return json.dumps(json.loads(restatement_facts(made, now)) | changed)

    first = desk.trade("2", "100")
    desk.trade("1", "110")
    monkeypatch.setattr(making, "restatement_facts", other)
    assert desk.bust(first).status == "restated"
    report = verify_book(desk.desk.server.client(decode=False), BOOK)
    return report.differences


def test_what_was_derived_is_derived_again(
    desk: CorrectingDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert _told(desk, monkeypatch) == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("moves", []),
        ("volume", "-1"),
        ("trips", {"won": "1"}),
        ("order_moves", {"quantity": "-1", "notional": "-100", "fees": {}}),
        ("trade", {"quantity": "1", "price": "100", "fees": []}),
    ],
)
def test_what_was_not_derived_is_found(
    desk: CorrectingDesk, monkeypatch: pytest.MonkeyPatch, name: str, value: Any
) -> None:
    found = _told(desk, monkeypatch, **{name: value})
    assert found
    assert all("derived" in difference for difference in found)
