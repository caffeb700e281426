"""Every component of health and the rule that judges it: pure, over one reading."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from pm.health import book_rules, load_rules, server_rules
from pm.health.verdict import Component, Rule, Situation

_RULES: Final[Mapping[str, Rule]] = {
    "position_updates": load_rules.position_updates,
    "query_performance": load_rules.query_performance,
    "position_reconciliation": book_rules.position_reconciliation,
    "position_capacity": load_rules.position_capacity,
    "lag": book_rules.lag,
    "workers": server_rules.workers,
    "books": book_rules.books_whole,
    "schema": book_rules.schema,
    "functions": server_rules.functions,
    "persistence": server_rules.persistence,
    "replicas": server_rules.replicas,
    "memory": server_rules.memory,
    "quarantine": book_rules.quarantine,
    "valuation": book_rules.valuation,
    "archive": book_rules.archive,
    "history": book_rules.history,
    "checksum": server_rules.checksum,
}

_NEEDED: Final = ("server", "books", "schema", "functions", "persistence", "replicas", "memory")
"""What books can be neither applied nor read without."""


def assess(situation: Situation) -> tuple[Component, ...]:
    """Every component, in a fixed order."""
    return tuple(Component(name, *rule(situation)) for name, rule in _RULES.items())


def is_ready(components: Sequence[Component]) -> bool:
    """Whether books can be applied and read."""
    return not any(part.level == "down" and part.name in _NEEDED for part in components)
