"""Answers Prometheus and whoever asks whether the system lives: /metrics, /livez, /readyz."""

from __future__ import annotations

import json
import logging
import socket
import time
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import urlsplit

import redis
from prometheus_client import CONTENT_TYPE_LATEST
from redis import exceptions

from pm.connect.errors import explain
from pm.health.asking import ask
from pm.metrics.exposition import text_of
from pm.settings import Settings

_JSON: Final = "application/json; charset=utf-8"
_ASK_WITHIN_S: Final = 10.0

log = logging.getLogger("pm.metrics")


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer over HTTP."""

    status: HTTPStatus
    content_type: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Pages:
    """What there is to ask for. `client` must not decode; threads share it."""

    client: redis.Redis
    settings: Settings
    target: str

    def answer(self, path: str) -> Answer:
        """The answer to a GET; trouble with the server is 503 and one line."""
        pages = {"/metrics": self._metrics, "/livez": self._live, "/readyz": self._ready}
        page = pages.get(path)
        if page is None:
            return _json(HTTPStatus.NOT_FOUND, {"error": f"there is {', '.join(pages)}"})
        try:
            return page()
        except (exceptions.RedisError, OSError) as error:
            told = explain(error, self.target)
            return _json(HTTPStatus.SERVICE_UNAVAILABLE, {"error": told})
        except ValueError as error:
            told = f"what is stored cannot be read, see `pm verify`: {error}"
            return _json(HTTPStatus.SERVICE_UNAVAILABLE, {"error": told})

    def _metrics(self) -> Answer:
        return Answer(HTTPStatus.OK, CONTENT_TYPE_LATEST, text_of(self.client, self.settings))

    def _live(self) -> Answer:
        self.client.ping()
        return _json(HTTPStatus.OK, {"live": True})

    def _ready(self) -> Answer:
        found = ask(self.client, self.settings, time.time_ns())
        status = HTTPStatus.OK if found.is_ready else HTTPStatus.SERVICE_UNAVAILABLE
        return _json(status, found.to_json())


class MonitoringServer(ThreadingHTTPServer):
    """Serves pages until it is shut down."""

    daemon_threads = True

    def __init__(self, address: tuple[str, int], pages: Pages) -> None:
        """Listens at once; OSError when the address cannot be had."""
        self.pages = pages
        if ":" in address[0]:
            self.address_family = socket.AF_INET6
        super().__init__(address, _Handler)


class _Handler(BaseHTTPRequestHandler):
    server: MonitoringServer
    timeout = _ASK_WITHIN_S

    def do_GET(self) -> None:
        answer = self.server.pages.answer(urlsplit(self.path).path)
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)

    do_HEAD = do_GET

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Refuse in one plain line; a method that is not known is one that is not allowed."""
        status = HTTPStatus(code)
        if status is HTTPStatus.NOT_IMPLEMENTED:
            status = HTTPStatus.METHOD_NOT_ALLOWED
        body = f"{status.phrase.lower()}\n".encode()
        self.send_response(status)
        if status is HTTPStatus.METHOD_NOT_ALLOWED:
            self.send_header("Allow", "GET, HEAD")
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def version_string(self) -> str:
        """The name of the server, and no version of anything."""
        return "pm"

    def log_message(self, format: str, *args: Any) -> None:
        log.debug(format, *args)


def parse_address(text: str) -> tuple[str, int]:
    """Host and port of `127.0.0.1:9464` or `[::1]:9464`; ValueError when it is neither."""
    host, colon, port = text.rpartition(":")
    if not colon or not host or not port.isdecimal() or int(port) > 65_535:
        raise ValueError(f"{text!r} is no address like 127.0.0.1:9464")
    return host.strip("[]"), int(port)


def _json(status: HTTPStatus, told: Any) -> Answer:
    return Answer(status, _JSON, f"{json.dumps(told)}\n".encode())
