"""Effects: what an entry changes beside legs, as the journal keeps it."""

from pm.decimals import Amount


def rescale_json(position: str, quantity: Amount, removed: Amount) -> str:
    """A quantity that came or went without a leg, and the cost taken out with it."""
    return (
        f'{{"type":"rescale","position":"{position}","quantity":"{quantity}",'
        f'"removed":"{removed}"}}'
    )


def settle_json(position: str, amount: Amount) -> str:
    """Profit or loss paid out of an open position, by which its cost moves."""
    return f'{{"type":"settle","position":"{position}","amount":"{amount}"}}'


def declined_json(requested: Amount, available: Amount) -> str:
    """A reservation there was not enough for."""
    return f'{{"type":"declined","requested":"{requested}","available":"{available}"}}'


def in_flight_json(token: str, amount: Amount) -> str:
    """What left one location and has not reached the other; below zero when it ends."""
    return f'{{"type":"in_flight","token":"{token}","amount":"{amount}"}}'


def receivable_json(token: str, amount: Amount) -> str:
    """What is owed to the book; below zero when it is paid."""
    return f'{{"type":"receivable","token":"{token}","amount":"{amount}"}}'
