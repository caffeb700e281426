"""Whether a user of the server may do what its role needs, and no more.

The commands of a role are asked for and never executed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from pm import keys
from pm.connect.rights import may, user_of
from pm.doctor.finding import Finding, fault, ok, warning
from pm.doctor.site import Site

_BOOK: Final = keys.of_book("doctor", "none")
_FCALL: Final = ("FCALL", "pm_doctor_none", "1", _BOOK)
_READS: Final = (
    ("HGETALL", _BOOK),
    ("HMGET", _BOOK, "a"),
    ("ZRANGE", _BOOK, "0", "-1"),
    ("XRANGE", _BOOK, "-", "+"),
    ("FUNCTION", "LIST"),
)
_FUNCTION_WRITES: Final = (
    _FCALL,
    ("XADD", _BOOK, "*", "a", "b"),
    ("HSET", _BOOK, "a", "b"),
    ("HDEL", _BOOK, "a"),
    ("ZADD", _BOOK, "0", "a"),
    ("ZREM", _BOOK, "a"),
    ("SADD", _BOOK, "a"),
    ("PUBLISH", _BOOK, "a"),
)
_LEASES: Final = (
    ("SET", _BOOK, "a", "NX", "PX", "1"),
    ("PEXPIRE", _BOOK, "1"),
    ("DEL", _BOOK),
    ("UNLINK", _BOOK),
    ("ZREMRANGEBYSCORE", _BOOK, "0", "0"),
)
_ARCHIVING: Final = (
    ("XTRIM", keys.journal("doctor"), "MINID", "0"),
    ("HSET", keys.archive_head("doctor"), "a", "b"),
    ("INFO",),
    ("CONFIG", "GET", "appendfsync"),
)
_QUEUE: Final = (
    ("LPUSH", "rq:queue:none", "a"),
    ("LMOVE", "rq:queue:none", "rq:queue:other", "LEFT", "LEFT"),
    ("HSET", "rq:job:none", "a", "b"),
    ("ZADD", "rq:wip:none", "0", "a"),
    ("EXPIRE", "rq:job:none", "1"),
)
_CODE: Final = (
    ("FUNCTION", "FLUSH"),
    ("EVAL", "return 1", "0"),
    ("FLUSHALL",),
    ("CONFIG", "SET", "maxmemory-policy", "noeviction"),
)

Command = tuple[str, ...]
NEEDS: Final[Mapping[str, tuple[Command, ...]]] = {
    "gateway": (
        _FCALL,
        ("XADD", _BOOK, "*", "a", "b"),
        ("HSET", _BOOK, "a", "b"),
        _READS[1],
        _READS[3],
    ),
    "worker": (*_READS, *_FUNCTION_WRITES, *_LEASES, ("XREAD", "STREAMS", _BOOK, "0")),
    "archiver": (*_READS, *_ARCHIVING),
    "reader": _READS,
    "risk": (*_READS, *_FUNCTION_WRITES),
    "jobs": (*_READS, *_FUNCTION_WRITES, *_LEASES, *_QUEUE, ("INFO",)),
    "metrics": (*_READS, ("INFO",), ("HSET", keys.gauges(), "a", "b")),
    "admin": (*_READS, *_CODE),
}
"""What a process of each role sends; the users of config/users.acl have these names."""


def check_rights(site: Site, role: str | None) -> Iterator[Finding]:
    """The rights of the user we connect as, for a role (default: the one of its name)."""
    user = user_of(site.client)
    wanted = role or (user if user in NEEDS else None)
    if user == "default" and not site.target.startswith(("unix:", "/")):
        text = "connected as the default user: who reaches the port may do everything it may"
        yield warning("rights", text, "use the users of config/users.acl and turn default off")
    if wanted is None:
        yield ok("rights", f"user {user}; `--role` checks what a process of a role needs")
        return
    if not may(site.client, ("PING",)):
        text = f"user {user} may not use MULTI, without which its rights cannot be tried"
        yield warning("rights", text, "give it +multi +exec")
        return
    lacking = [" ".join(command[:1]) for command in NEEDS[wanted] if not may(site.client, command)]
    if lacking:
        text = f"user {user} may not use {', '.join(dict.fromkeys(lacking))}, which {wanted} needs"
        yield fault("rights", text, "give it the rights that config/users.acl lists")
    else:
        yield ok("rights", f"user {user} may do what {wanted} needs")
    if wanted != "admin" and user != "default":
        too_much = [" ".join(command[:2]) for command in _CODE if may(site.client, command)]
        if too_much:
            text = f"user {user} may also use {', '.join(too_much)}"
            yield warning("rights", text, f"take from it what {wanted} does not need")
