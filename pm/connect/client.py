"""The one place where clients of the server are made.

redis-py's constructors differ in what they repeat by themselves: `Redis(host=…)` sends a command
again up to ten times after a timeout, `Redis.from_url` does not. A repeated write would be told
"already applied" for its own success, so a client repeats nothing unless it is asked to, and only
readers ask. RESP2 is spoken: with unified responses the Python values equal RESP3's, a small read
is about a tenth faster, and a connection opens with fewer commands. hiredis parses (it is a
dependency, and redis-py takes it when present).
"""

from __future__ import annotations

import os
from typing import Any

import redis
import redis.asyncio
import redis.asyncio.retry
from redis.backoff import ExponentialBackoff, NoBackoff
from redis.retry import Retry

from pm.connect.errors import ServerError
from pm.redis_url import check_redis_url, redact_url

TIMEOUT_S = 5.0


def connect(
    target: str,
    *,
    role: str,
    decode: bool = True,
    timeout_s: float | None = TIMEOUT_S,
    repeats: int = 0,
) -> redis.Redis:
    """A client of the server at `target`: a redis, rediss or unix URL, or the path of a socket.

    `decode` gives text; lanes of bytes need False. `timeout_s` bounds one answer (None waits for
    ever) and must exceed any BLOCK. `repeats` is how often a command is sent again after a lost
    connection or answer; leave it 0 wherever a command writes. Opens no connection.
    """
    retry = Retry(ExponentialBackoff(cap=0.5, base=0.01) if repeats else NoBackoff(), repeats)
    return redis.Redis.from_url(
        _as_url(target), retry=retry, **_options(target, role, decode, timeout_s)
    )


def connect_async(
    target: str,
    *,
    role: str,
    decode: bool = True,
    timeout_s: float | None = TIMEOUT_S,
    repeats: int = 0,
) -> redis.asyncio.Redis:
    """The asyncio counterpart of `connect`, with the same parameters."""
    backoff = ExponentialBackoff(cap=0.5, base=0.01) if repeats else NoBackoff()
    retry = redis.asyncio.retry.Retry(backoff, repeats)
    return redis.asyncio.Redis.from_url(
        _as_url(target), retry=retry, **_options(target, role, decode, timeout_s)
    )


def _as_url(target: str) -> str:
    try:
        return check_redis_url(target)
    except ValueError as error:
        raise ServerError(f"{redact_url(target)}: {error}") from error


def _options(target: str, role: str, decode: bool, timeout_s: float | None) -> dict[str, Any]:
    options: dict[str, Any] = {
        "client_name": f"pm-{role}-{os.getpid()}",
        "decode_responses": decode,
        "socket_timeout": timeout_s,
        "protocol": 2,
        "legacy_responses": False,
    }
    if target.startswith(("redis://", "rediss://")):
        options["socket_connect_timeout"] = TIMEOUT_S
        options["socket_keepalive"] = True
    return options
