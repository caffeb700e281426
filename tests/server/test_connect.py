"""Clients and start-up checks against real servers, and the one line each fault becomes."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis
from redis import exceptions

from pm.connect import ServerError, check_server, connect, connect_async, in_one_line
from tests.servers import AnyServer, ServerProcess, StartServer

CONFIG = Path(__file__).resolve().parents[2] / "config" / "redis.conf"


def _refusal(target: str, **options: bool) -> str:
    client = connect(target, role="test", timeout_s=2)
    try:
        with pytest.raises(ServerError) as caught:
            check_server(client, target, **options)
    finally:
        client.close()
    text = str(caught.value)
    assert "\n" not in text
    return text


@contextmanager
def _listener(answer: bytes) -> Iterator[int]:
    """A port where something that is not Redis sends `answer` and closes."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            accepted, _ = listening.accept()
            with accepted:
                accepted.recv(4096)
                accepted.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        yield int(listening.getsockname()[1])
        thread.join()


@contextmanager
def _losing_answers_of(command: bytes, server: AnyServer, tmp_path: Path) -> Iterator[str]:
    """The URL of a way to the server that breaks each connection where `command` was executed."""
    path = tmp_path / "way.sock"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen()
        threads: list[threading.Thread] = []

        def accept() -> None:
            while (taken := listening.accept()[0]).recv(1, socket.MSG_PEEK) != b"!":
                threads.append(threading.Thread(target=_relay, args=(taken, server, command)))
                threads[-1].start()
            taken.close()

        accepting = threading.Thread(target=accept)
        accepting.start()
        yield f"unix://{path}"
        with socket.socket(socket.AF_UNIX) as last:
            last.connect(str(path))
            last.sendall(b"!")
        for thread in (accepting, *threads):
            thread.join()


def _relay(taken: socket.socket, server: AnyServer, command: bytes) -> None:
    assert isinstance(server, ServerProcess)
    with taken, socket.socket(socket.AF_UNIX) as onward:
        onward.connect(str(server.socket_path))
        while request := taken.recv(65536):
            onward.sendall(request)
            answer = onward.recv(65536)
            if command in request:
                return
            taken.sendall(answer)


def test_a_healthy_server_passes_with_its_facts(server: AnyServer) -> None:
    facts = check_server(server.client(), server.url)
    assert facts.engine == server.engine
    assert (facts.append_only, facts.is_replica, facts.is_cluster) == (True, False, False)
    assert facts.appendfsync == "always"
    assert facts.unchecked == ()


def test_bytes_or_text_as_asked(server: AnyServer) -> None:
    client = server.client()
    client.hset("key", "field", "1.5")
    assert client.hgetall("key") == {"field": "1.5"}
    assert server.client(decode=False).hgetall("key") == {b"field": b"1.5"}
    assert check_server(server.client(decode=False), server.url).append_only


def test_the_asyncio_client_does_the_same(server: AnyServer) -> None:
    async def ask() -> tuple[object, object]:
        client = connect_async(server.url, role="async")
        await client.set("key", "value")
        found = await client.get("key"), await client.client_getname()
        await client.aclose()
        return found

    assert asyncio.run(ask()) == ("value", f"pm-async-{os.getpid()}")


def test_a_client_is_named_after_its_role_and_process(server: AnyServer) -> None:
    assert server.client().client_getname() == f"pm-test-{os.getpid()}"


def test_the_path_of_a_socket_will_do(valkey_server: ServerProcess) -> None:
    client = connect(str(valkey_server.socket_path), role="test")
    assert client.ping()
    client.close()


def test_a_write_whose_answer_is_lost_is_not_sent_again(
    valkey_server: ServerProcess, tmp_path: Path
) -> None:
    with _losing_answers_of(b"HINCRBY", valkey_server, tmp_path) as way:
        client = connect(way, role="test")
        with pytest.raises(exceptions.ConnectionError):
            client.hincrby("position", "quantity", 5)
        client.close()
    assert valkey_server.client().hget("position", "quantity") == "5"


def test_the_asyncio_client_does_not_send_again_either(
    valkey_server: ServerProcess, tmp_path: Path
) -> None:
    async def add(way: str) -> None:
        client = connect_async(way, role="test")
        with pytest.raises(exceptions.ConnectionError):
            await client.hincrby("position", "quantity", 5)
        await client.aclose()

    with _losing_answers_of(b"HINCRBY", valkey_server, tmp_path) as way:
        asyncio.run(add(way))
    assert valkey_server.client().hget("position", "quantity") == "5"


def test_repeats_are_as_many_as_asked(valkey_server: ServerProcess, tmp_path: Path) -> None:
    with _losing_answers_of(b"HINCRBY", valkey_server, tmp_path) as way:
        client = connect(way, role="test", repeats=2)
        with pytest.raises(exceptions.ConnectionError):
            client.hincrby("position", "quantity", 5)
        client.close()
    assert valkey_server.client().hget("position", "quantity") == "15"


def test_a_reader_that_asks_for_repeats_outlives_a_restart(valkey_server: ServerProcess) -> None:
    client = connect(valkey_server.url, role="test", repeats=20)
    client.set("key", "value")
    valkey_server.kill()
    thread = threading.Thread(target=valkey_server.start)
    thread.start()
    assert client.get("key") == "value"
    thread.join()
    client.close()


def test_a_server_without_functions_is_too_old(start_server: StartServer, tmp_path: Path) -> None:
    config = tmp_path / "old.conf"
    config.write_text('rename-command FCALL ""\n')
    old = start_server("redis", config=config)
    assert _refusal(old.url).endswith(
        "the server lacks FCALL: Redis 7.0 or Valkey 7.2 or newer is needed"
    )


def test_a_server_that_would_evict_is_refused(server: AnyServer) -> None:
    client = server.client()
    client.config_set("maxmemory-policy", "allkeys-lru")
    client.config_set("maxmemory", "1gb")
    try:
        assert "set maxmemory-policy noeviction" in _refusal(server.url)
        assert check_server(client, server.url, writes=False).eviction_policy == "allkeys-lru"
        client.config_set("maxmemory", "0")
        assert check_server(client, server.url).eviction_policy == "allkeys-lru"
    finally:
        client.config_set("maxmemory", "0")
        client.config_set("maxmemory-policy", "noeviction")


@pytest.mark.parametrize("engine", ["valkey", "redis"])
def test_a_server_that_keeps_nothing_is_refused_for_writing_unless_that_is_accepted(
    engine: str, start_server: StartServer
) -> None:
    server = start_server(engine, options={"appendonly": "no"})
    assert "(appendonly no): set appendonly yes" in _refusal(server.url)
    client = server.client()
    assert check_server(client, server.url, writes=False).append_only is False
    assert check_server(client, server.url, allow_no_persistence=True).append_only is False


def test_a_replica_is_refused_for_writing_only(start_server: StartServer) -> None:
    replica = start_server(options={"replicaof": "127.0.0.1 1"})
    assert _refusal(replica.url).endswith("the server is a replica: name its primary")
    assert check_server(replica.client(), replica.url, writes=False).is_replica


def test_what_the_user_may_not_ask_is_listed_and_passes(server: AnyServer) -> None:
    server.client().execute_command(  # type: ignore[no-untyped-call]
        "ACL SETUSER", "worker", "on", ">secret", "~*", "+ping", "+client"
    )
    client = connect(_as_user(server.url, "worker", "secret"), role="test")
    try:
        facts = check_server(client, server.url)
    finally:
        client.close()
        server.client().acl_deluser("worker")
    assert facts.unchecked == ("COMMAND", "INFO", "CONFIG")
    assert facts.append_only is None


def test_a_refused_password_is_not_shown(server: AnyServer) -> None:
    text = _refusal(_as_user(server.url, "nobody", "secret"))
    assert "the server refused the user or password" in text
    assert "secret" not in text


def test_a_server_that_wants_a_password_says_so(start_server: StartServer) -> None:
    server = start_server()
    server.client().config_set("requirepass", "secret")
    assert "the server asks for a password" in _refusal(server.url)


def test_a_missing_socket_is_named() -> None:
    assert _refusal("/no/such.sock") == (
        "/no/such.sock: there is no such socket: start the server or correct the path"
    )


def test_a_socket_without_its_server_is_named(start_server: StartServer) -> None:
    server = start_server()
    server.kill()
    assert _refusal(server.url).endswith(": connection refused: no server listens there")


def test_a_refused_connection_is_named() -> None:
    assert _refusal("redis://u:secret@127.0.0.1:1") == (
        "redis://u:***@127.0.0.1:1: connection refused: no server listens there"
    )


def test_an_unknown_host_is_named() -> None:
    assert "no-such-host.invalid" in _refusal("redis://no-such-host.invalid:6379")


def test_something_that_is_not_redis_is_named() -> None:
    with _listener(b"HTTP/1.1 400 Bad Request\r\n\r\n") as port:
        text = _refusal(f"redis://127.0.0.1:{port}")
    assert text.endswith("what answers there does not speak the Redis protocol")


def test_a_closed_connection_hints_at_tls() -> None:
    with _listener(b"") as port:
        text = _refusal(f"redis://127.0.0.1:{port}")
    assert "a TLS port needs rediss://" in text


def test_a_connection_that_is_closed_later_does_not_hint_at_tls() -> None:
    with pytest.raises(ServerError) as caught, in_one_line("redis://h:1"):
        raise exceptions.ConnectionError("Connection closed by server.")
    assert str(caught.value) == "redis://h:1: the server closed the connection"


def test_tls_to_a_plain_port_is_named() -> None:
    with _listener(b"-ERR unknown command\r\n") as port:
        text = _refusal(f"rediss://127.0.0.1:{port}")
    assert "does the server speak TLS there?" in text


def test_no_answer_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        target = f"redis://127.0.0.1:{silent.getsockname()[1]}"
        client = connect(target, role="test", timeout_s=0.05)
        with pytest.raises(ServerError, match="no answer in time"):
            check_server(client, target)
        client.close()


def test_a_database_that_is_not_there_is_named(server: AnyServer) -> None:
    assert "the server has no database of that number" in _refusal(f"{server.url}?db=99")


def test_a_server_that_loads_is_named() -> None:
    with (
        pytest.raises(ServerError, match=r"^/s\.sock: the server is still loading its data"),
        in_one_line("/s.sock"),
    ):
        raise exceptions.BusyLoadingError("LOADING Redis is loading the dataset in memory")


@pytest.mark.parametrize("url", ["http://u:secret@h", "redis://u:secret@h?protocol=3", "h:6379"])
def test_a_wrong_url_opens_nothing(url: str) -> None:
    with pytest.raises(ServerError) as caught:
        connect(url, role="test")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("engine", ["valkey", "redis"])
def test_the_production_configuration_passes_the_check(
    engine: str, start_server: StartServer
) -> None:
    server = start_server(engine, config=CONFIG)
    facts = check_server(server.client(), server.url)
    assert (facts.append_only, facts.appendfsync) == (True, "always")
    assert facts.eviction_policy == "noeviction"
    assert server.client().config_get("save") == {"save": ""}


@pytest.mark.parametrize("engine", ["valkey", "redis"])
def test_a_killed_server_keeps_what_it_acknowledged(engine: str, start_server: StartServer) -> None:
    server = start_server(engine)
    server.client().set("key", "value")
    server.kill()
    server.restart()
    assert server.client().get("key") == "value"


def test_a_server_is_handed_over_empty(server: AnyServer) -> None:
    client = server.client()
    assert client.dbsize() == 0
    assert client.function_list() == []
    client.set("key", "left behind")


def test_a_server_is_handed_over_empty_again(server: AnyServer) -> None:
    assert server.client().dbsize() == 0


def _as_user(url: str, user: str, password: str) -> str:
    if url.startswith("unix://"):
        return f"{url}?username={user}&password={password}"
    scheme, rest = url.split("://", 1)
    return f"{scheme}://{user}:{password}@{rest}"


def test_every_line_of_the_production_configuration_has_its_reason() -> None:
    blocks = CONFIG.read_text().split("\n\n")
    directives = [block for block in blocks if any(_is_directive(x) for x in block.splitlines())]
    assert directives
    assert [block for block in directives if not block.startswith("# ")] == []


def _is_directive(line: str) -> bool:
    return bool(line.strip()) and not line.startswith("#")


def test_the_clients_of_a_test_are_plain_redis_clients(server: AnyServer) -> None:
    assert isinstance(server.client(), redis.Redis)
