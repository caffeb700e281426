"""The private Valkey server behind `pm` when no Redis is configured."""

from pm.server.embedded import StopReport, embedded_server, start_detached, stop
from pm.server.errors import EmbeddedServerError

__all__ = ["EmbeddedServerError", "StopReport", "embedded_server", "start_detached", "stop"]
