"""The private server's errors are server errors: a command catches one class for both kinds."""

from __future__ import annotations

from pm.connect import ServerError


class EmbeddedServerError(ServerError):
    """The private server cannot be started, reached or stopped; the text is one line saying why."""
