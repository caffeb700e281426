"""What a person reads when the server cannot be used: one line that names it and what to change.

redis-py reports the same trouble in several classes and wordings, and some drag a traceback through
its pool. Every start-up path goes through `in_one_line`, so a wrong URL, a missing socket, a
refused password or a server that is still loading reads the same from every command. The server is
named by its redacted URL: passwords never appear.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from redis import exceptions

from pm.redis_url import redact_url

_CLOSED: Final = "the server closed the connection"


class ServerError(Exception):
    """The Redis or Valkey server cannot be used; the text is one line naming it and the remedy."""


@contextmanager
def in_one_line(target: str, *, is_first: bool = False) -> Iterator[None]:
    """Turn what redis-py raises inside the block into a ServerError about `target`.

    `is_first` says that nothing has been heard from the server before.
    """
    try:
        yield
    except (exceptions.RedisError, OSError) as error:
        raise ServerError(explain(error, target, is_first=is_first)) from error


def explain(error: BaseException, target: str, *, is_first: bool = False) -> str:
    """One line for an error of redis-py, or of the socket below it, met on `target`.

    `is_first` says that nothing has been heard from the server before.
    """
    told = _said_by_server(error) or _met_on_the_way(error)
    if told == _CLOSED and is_first and target.startswith("redis://"):
        told = f"{told} (a TLS port needs rediss://)"
    return f"{redact_url(target)}: {told}"


def _said_by_server(error: BaseException) -> str | None:
    text = _first_line(error)
    if "Authentication required" in text or text.startswith("NOAUTH"):
        return "the server asks for a password: put it into the URL (redis://user:password@host)"
    match error:
        case exceptions.BusyLoadingError():
            return "the server is still loading its data: try again when it is done"
        case exceptions.AuthenticationError():
            return f"the server refused the user or password ({text})"
        case exceptions.NoPermissionError():
            return f"the user may not do this ({text})"
        case exceptions.ReadOnlyError():
            return "the server is a read-only replica: name its primary"
        case exceptions.InvalidResponse():
            return "what answers there does not speak the Redis protocol"
    if "DB index is out of range" in text or "invalid DB index" in text:
        return "the server has no database of that number"
    return None


def _met_on_the_way(error: BaseException) -> str:
    text = _first_line(error)
    for cause in _chain(error):
        match cause:
            case exceptions.TimeoutError() | TimeoutError():
                return "no answer in time: the server is down, unreachable or overloaded"
            case FileNotFoundError():
                return "there is no such socket: start the server or correct the path"
            case PermissionError():
                return "this user may not open the socket"
            case ConnectionRefusedError():
                return "connection refused: no server listens there"
            case ssl.SSLCertVerificationError():
                return f"the server's certificate is not trusted ({cause.verify_message})"
            case ssl.SSLError():
                return f"TLS failed ({cause.reason or text}): does the server speak TLS there?"
    if "Connection closed by server" in text or "Connection reset" in text:
        return _CLOSED
    return text


def _chain(error: BaseException) -> Iterator[BaseException]:
    link: BaseException | None = error
    while link is not None:
        yield link
        link = link.__cause__ or link.__context__


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
