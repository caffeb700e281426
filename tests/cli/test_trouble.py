"""What goes wrong ends as one line that names it, and never as a traceback."""

from __future__ import annotations

import socket
import threading
from pathlib import Path
from typing import Any

import pytest

from pm.connect import connect
from tests.cli.site import Shell, clean_environment, spawn
from tests.servers import AnyServer, ServerProcess


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    """Commands without options in a folder with nothing in it."""
    monkeypatch.chdir(tmp_path)
    return Shell(tmp_path)


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("frobnicate",), 2, "No such command 'frobnicate'"),
        (("positions", "--nope"), 2, "No such option '--nope'"),
        (("ingest", "nofile"), 2, "'nofile': No such file or directory"),
        (("ingest",), 2, "Missing argument 'FILE'"),
        (("reference", "load", "nofile"), 2, "File 'nofile' does not exist"),
        (("strategy", "abc"), 2, "'abc' is not a valid integer range"),
        (("positions", "--strategy", "70000"), 2, "70000 is not in the range"),
        (("watch", "--from", "0"), 2, "0 is not in the range"),
        (("worker", "--count", "0"), 2, "0 is not in the range"),
        (("quarantine", "replay"), 2, "name one entry, or give --all"),
        (("quarantine", "replay", "7", "--all"), 2, "name one entry, or give --all"),
        (("--config", "nofile", "positions"), 2, "there is no file nofile"),
        (("--redis", "http://x", "verify"), 2, "it must start with redis://"),
        (("--redis", "", "verify"), 2, "it must start with redis://"),
        (("--redis", "unix:///nope.sock", "positions"), 1, "there is no such socket"),
        (("--redis", "redis://127.0.0.1:1", "ingest", "-"), 1, "connection refused"),
        (("--data", "/proc/x", "positions"), 1, "/proc/x: cannot make the folder"),
    ],
)
def test_a_command_that_cannot_be_done(
    bare: Shell, arguments: tuple[str, ...], code: int, said: str
) -> None:
    assert said in bare.refused(*arguments, code=code, stdin="")
    assert list(bare.folder.iterdir()) == []


def test_a_misspelt_setting_is_named_with_the_right_one(bare: Shell) -> None:
    bare.path("pm.toml").write_text("[workers]\ncuont = 3\n")
    said = bare.refused("--config", "pm.toml", "positions", code=2)
    assert said == "pm: pm.toml: no such setting: workers.cuont; did you mean workers.count?"


def test_a_misspelt_variable_is_named_with_the_right_one(bare: Shell) -> None:
    said = bare.refused("positions", code=2, PM_REDIS_ULR="x")
    assert said == "pm: PM_REDIS_ULR: no such setting; did you mean PM_REDIS_URL?"


def test_every_wrong_setting_is_told(bare: Shell) -> None:
    bare.path("pm.toml").write_text("[workers]\ncount = 0\nlease_ms = -1\n")
    result = bare.run("--config", "pm.toml", "positions")
    assert result.exit_code == 2
    assert [line[:12] for line in result.stderr.splitlines()] == ["pm: pm.toml:"] * 2


def test_a_server_that_asks_for_a_password(server: AnyServer, bare: Shell) -> None:
    assert isinstance(server, ServerProcess)
    server.client().config_set("requirepass", "secret-word")
    try:
        said = bare.refused("--redis", server.url, "positions")
        assert "the server asks for a password" in said
        wrong = server.url.replace("unix://", "unix://default:guess-word@")
        said = bare.refused("--redis", wrong, "positions")
        assert "the server refused the user or password" in said
        assert "guess-word" not in said
    finally:
        right = server.url.replace("unix://", "unix://default:secret-word@")
        with connect(right, role="test") as client:
            client.config_set("requirepass", "")


def test_what_is_no_redis_at_all(bare: Shell) -> None:
    path = bare.path("s.sock")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()

        def answer() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        said = bare.refused("--redis", f"unix://{path}", "positions")
        thread.join()
    assert "does not speak the Redis protocol" in said


def test_a_user_without_permission(valkey_server: ServerProcess, bare: Shell) -> None:
    client: Any = valkey_server.client()
    client.execute_command("ACL", "SETUSER", "weak", "on", ">word", "~*", "&*", "+@read", "+ping")
    try:
        url = valkey_server.url.replace("unix://", "unix://weak:word@")
        said = bare.refused("--redis", url, "ingest", "-", stdin="")
        assert "may not" in said
    finally:
        client.execute_command("ACL", "DELUSER", "weak")


@pytest.mark.parametrize(
    "command",
    [
        ("positions",),
        ("balances",),
        ("strategy", "7"),
        ("trace",),
        ("journal",),
        ("watch",),
        ("verify",),
        ("quarantine",),
        ("quarantine", "replay", "--all"),
    ],
)
def test_a_book_that_does_not_exist(told: Shell, command: tuple[str, ...]) -> None:
    assert told.refused(*command, "--book", "nope") == "pm: book nope does not exist"


def test_things_that_nobody_knows(told: Shell) -> None:
    assert told.refused("trace", "f" * 32) == f"pm: no book knows trace {'f' * 32}"
    assert "no strategy ever held X" in told.refused("positions", "--instrument", "X")
    assert "the quarantine has no entry 400" in told.refused("quarantine", "replay", "400")


def test_a_failure_in_a_process_of_its_own_has_no_traceback(tmp_path: Path) -> None:
    assert "PM_NOPE" not in clean_environment()
    command = spawn("positions", cwd=tmp_path, PM_NOPE="1")
    out, err = command.communicate(timeout=60)
    assert (command.returncode, out) == (2, "")
    assert err.splitlines() == ["pm: PM_NOPE: no such setting"] or err.startswith("pm: PM_NOPE: ")
