"""Over HTTP: metrics for Prometheus, whether the system lives, whether it is ready."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from pm import keys
from pm.metrics.serving import MonitoringServer, Pages, parse_address
from pm.settings import Settings
from tests.servers import ServerProcess
from tests.workers.desk import Desk

Get = Callable[..., tuple[int, str, str]]


@contextmanager
def serving(server: ServerProcess, host: str = "127.0.0.1") -> Iterator[Get]:
    """Asks for a path; status, content type and body."""
    pages = Pages(server.client(decode=False), Settings(), server.url)
    with MonitoringServer((host, 0), pages) as http:
        threading.Thread(target=http.serve_forever, args=(0.01,), daemon=True).start()

        def get(path: str, method: str = "GET") -> tuple[int, str, str]:
            place = f"[{host}]" if ":" in host else host
            request = Request(f"http://{place}:{http.server_address[1]}{path}", method=method)
            try:
                with urlopen(request, timeout=10) as answer:
                    return answer.status, answer.headers["Content-Type"], answer.read().decode()
            except HTTPError as error:
                with error:
                    return error.code, error.headers["Content-Type"], error.read().decode()

        yield get
        http.shutdown()


@pytest.mark.usefixtures("desk")
def test_a_system_that_works_lives_and_is_ready(valkey_server: ServerProcess) -> None:
    with serving(valkey_server) as get:
        status, kind, body = get("/metrics")
        assert (status, kind.partition(";")[0]) == (200, "text/plain")
        assert 'pm_positions{book="main",state="open"} 0.0' in body
        assert json.loads(get("/livez")[2]) == {"live": True}
        status, kind, body = get("/readyz?verbose=1")
        told = json.loads(body)
        assert (status, told["ready"], told["level"]) == (200, True, "down")  # without a worker
        assert told["components"]["functions"]["level"] == "healthy"
        assert get("/livez", "HEAD")[::2] == (200, "")
        assert get("/nothing")[0] == 404


@pytest.mark.usefixtures("desk")
def test_what_is_not_allowed_is_refused_in_a_plain_line(valkey_server: ServerProcess) -> None:
    with serving(valkey_server) as get:
        for method in ("POST", "DELETE"):
            status, kind, body = get("/metrics", method)
            assert (status, kind) == (405, "text/plain; charset=utf-8")
            assert body == "method not allowed\n"
        assert get("/livez")[2].endswith("}\n")


def test_no_version_is_told(valkey_server: ServerProcess) -> None:
    pages = Pages(valkey_server.client(decode=False), Settings(), valkey_server.url)
    with MonitoringServer(("127.0.0.1", 0), pages) as http:
        threading.Thread(target=http.serve_forever, args=(0.01,), daemon=True).start()
        with urlopen(f"http://127.0.0.1:{http.server_address[1]}/livez", timeout=10) as answer:
            assert answer.headers["Server"] == "pm"
        http.shutdown()


def test_books_that_cannot_be_applied_are_not_ready(
    desk: Desk, valkey_server: ServerProcess
) -> None:
    def causes() -> Any:
        status, _, body = get("/readyz")
        parts = json.loads(body)["components"]
        assert get("/livez")[0] == 200
        return status, parts

    with serving(valkey_server) as get:
        desk.client.xadd(keys.journal("main"), {"event": "torn"}, id="100-0")
        status, parts = causes()
        assert (status, parts["books"]["level"]) == (503, "down")
        desk.client.xdel(keys.journal("main"), "100-0")
        assert causes()[0] == 200
        desk.client.function_flush("SYNC")
        status, parts = causes()
        assert (status, parts["functions"]["level"]) == (503, "down")


def test_what_cannot_be_read_is_one_line(desk: Desk, valkey_server: ServerProcess) -> None:
    desk.client.hset(keys.book("main"), "seq", "many")
    with serving(valkey_server) as get:
        for path in ("/readyz", "/metrics"):
            status, _, body = get(path)
            assert status == 503
            assert json.loads(body)["error"].startswith("what is stored cannot be read")


@pytest.mark.usefixtures("desk")
def test_a_server_that_is_gone_is_one_line_and_serving_goes_on(
    valkey_server: ServerProcess,
) -> None:
    with serving(valkey_server) as get:
        assert get("/livez")[0] == 200
        valkey_server.kill()
        for path in ("/livez", "/readyz", "/metrics"):
            status, _, body = get(path)
            assert status == 503
            assert "s.sock: " in json.loads(body)["error"]
        valkey_server.start()
        assert get("/readyz")[0] == 200


@pytest.mark.parametrize(
    ("text", "address"),
    [("127.0.0.1:9464", ("127.0.0.1", 9464)), ("[::1]:0", ("::1", 0)), ("host:1", ("host", 1))],
)
def test_addresses(text: str, address: tuple[str, int]) -> None:
    assert parse_address(text) == address


@pytest.mark.parametrize("text", ["", "9464", "host", "host:", ":9464", "host:x", "host:65536"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no address like"):
        parse_address(text)
