"""Differences between what is held and what was summed, as text."""

from collections.abc import Mapping

from pm.decimals import ZERO, Amount


def unequal(name: str, held: Amount, summed: Amount) -> list[str]:
    """The difference of two amounts, nothing when they are equal."""
    return [] if held == summed else [f"{name}: {held}, not {summed}"]


def unequal_maps(name: str, held: Mapping[str, Amount], summed: Mapping[str, Amount]) -> list[str]:
    """The differences per token, where an absent one counts as 0."""
    found = []
    for token in sorted(held.keys() | summed.keys()):
        found += unequal(f"{name} {token}", held.get(token, ZERO), summed.get(token, ZERO))
    return found
