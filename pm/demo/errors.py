"""What can go wrong with a demo and be said in one line."""

from __future__ import annotations


class DemoError(Exception):
    """The demo cannot go on; the text is one line that names the place and the remedy."""
