"""What ends a measurement before it has a figure."""

from __future__ import annotations


class BenchError(Exception):
    """A measurement cannot be made, or was not of what it claims; the text is one line."""
