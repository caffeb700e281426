"""How many orders may go out: a number in a file, from those who reserve to the simulated relay.

It stands for the orders themselves, which a demo does not send: what a venue would not have heard
of yet, it cannot execute.
"""

from __future__ import annotations

import os
from pathlib import Path


def clear(path: Path, orders: int) -> None:
    """Say that so many orders, from the first on, may go out."""
    new = path.with_suffix(".new")
    new.write_text(str(orders), encoding="ascii")
    os.replace(new, path)


def cleared(path: Path) -> int:
    """How many orders may go out, 0 as long as nobody has said anything."""
    try:
        return int(path.read_text(encoding="ascii"))
    except FileNotFoundError:
        return 0
