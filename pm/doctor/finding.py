"""What a check found."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

Level = Literal["ok", "warning", "fault"]
_ORDER: Final[tuple[Level, ...]] = ("ok", "warning", "fault")


@dataclass(frozen=True, slots=True)
class Finding:
    """One sentence on `subject`, and what to change unless all is well.

    A fault is what loses, stops or refuses something; a warning what will one day, or costs time.
    """

    subject: str
    level: Level
    text: str
    remedy: str = ""


def ok(subject: str, text: str) -> Finding:
    """All is well."""
    return Finding(subject, "ok", text)


def warning(subject: str, text: str, remedy: str) -> Finding:
    """Something to see to."""
    return Finding(subject, "warning", text, remedy)


def fault(subject: str, text: str, remedy: str) -> Finding:
    """Something that must be changed."""
    return Finding(subject, "fault", text, remedy)


def worst(findings: Iterable[Finding]) -> Level:
    """The worst level of all."""
    return max((finding.level for finding in findings), key=_ORDER.index, default="ok")
