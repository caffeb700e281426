"""What a server may be called, and how that is shown.

A server is named by a redis://, rediss:// or unix:// URL, or by the path of its socket. Options in
the query are limited to those that name and secure the server: timeouts, retries and decoding are
decided where clients are made, and redis-py would let a URL override them. Passwords stand in URLs,
so nothing prints one except through `redact_url`.
"""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

_OPTIONS = {
    "redis": {"db"},
    "unix": {"db", "username", "password"},
    "rediss": {"db", "ssl_ca_certs", "ssl_certfile", "ssl_keyfile", "ssl_check_hostname"},
}


def redact_url(url: str) -> str:
    """`url` with every password in it replaced by ***, however malformed it is."""
    shown = re.sub(r"(password=)[^&#]*", r"\1***", url, flags=re.IGNORECASE)
    if shown.startswith(("unix:///", "/", ".")):
        return shown
    return re.sub(r"^(\w+://)?([^:/@]*:)?.*@", r"\1\2***@", shown, flags=re.DOTALL)


def socket_url(path: Path) -> str:
    """The URL of the socket at `path`, made absolute."""
    return "unix://" + quote(str(path.absolute()))


def check_redis_url(target: str) -> str:
    """`target` as a URL redis-py takes, or ValueError saying what is wrong with it."""
    if target.startswith(("/", "./", "../")):
        return socket_url(Path(target))
    try:
        url = urlsplit(target)
        port = url.port
    except ValueError as error:
        raise ValueError(f"not a Redis URL: {redact_url(str(error))}") from None
    if url.scheme not in _OPTIONS:
        raise ValueError("not a Redis URL: it must start with redis://, rediss:// or unix://")
    if url.scheme == "unix" and not url.path:
        raise ValueError("names no socket: write unix:///path/to/socket")
    if url.scheme != "unix" and (not url.hostname or port == 0):
        raise ValueError(f"names no host and port: write {url.scheme}://host:6379/0")
    if url.scheme != "unix" and not re.fullmatch(r"/?\d*", url.path):
        raise ValueError("names no database: what follows the last / is its number")
    _check_options(url.scheme, url.query)
    return target


def _check_options(scheme: str, query: str) -> None:
    for option, values in parse_qs(query, keep_blank_values=True).items():
        if option not in _OPTIONS[scheme]:
            raise ValueError(f"has an option that is not taken here: {option}")
        if option == "db" and not values[0].isdecimal():
            raise ValueError("names no database: db is its number")
