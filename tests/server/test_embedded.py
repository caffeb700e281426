"""The private server: one for each folder, whoever comes, leaves or is killed."""

from __future__ import annotations

import multiprocessing
import os
import signal
import stat
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pm.connect import check_server, connect
from pm.server import EmbeddedServerError, embedded_server, process, start_detached, stop
from pm.server.configuration import Appendfsync, configuration_text
from pm.server.folder import Folder, open_folder
from pm.server.locks import has_users, is_alive, joining_or_leaving
from pm.server.process import read_pid
from tests.server.commands import let_go, until_ready, use_server
from tests.servers import server_folder


@pytest.fixture
def data_dir() -> Iterator[Path]:
    with server_folder() as folder:
        path = folder / "data"
        yield path
        stop(path)


def _alive(data_dir: Path) -> bool:
    return is_alive(open_folder(data_dir))


def _pid(data_dir: Path) -> int:
    pid = read_pid(open_folder(data_dir))
    assert pid is not None
    return pid


def _eventually(fact: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 30
    while not fact() and time.monotonic() < deadline:
        time.sleep(0.01)
    return fact()


def _kill_server(data_dir: Path) -> None:
    os.kill(_pid(data_dir), signal.SIGKILL)
    assert _eventually(lambda: not _alive(data_dir))


def _set(url: str, key: str, value: str) -> None:
    client = connect(url, role="test")
    client.set(key, value)
    client.close()


def _get(url: str, key: str) -> object:
    client = connect(url, role="test")
    value = client.get(key)
    client.close()
    return value


def _run_ids(url: str) -> list[bytes | str]:
    client = connect(url, role="test")
    found = client.lrange("servers", 0, -1)
    client.close()
    return found


def test_it_runs_inside_the_block_and_not_after(data_dir: Path) -> None:
    with embedded_server(data_dir) as url:
        _set(url, "key", "value")
        assert _alive(data_dir)
    assert not _alive(data_dir)


def test_its_data_is_there_the_next_time(data_dir: Path) -> None:
    with embedded_server(data_dir) as url:
        _set(url, "key", "value")
    with embedded_server(data_dir) as url:
        assert _get(url, "key") == "value"


def test_it_is_durable_and_passes_the_check_for_writing(data_dir: Path) -> None:
    with embedded_server(data_dir) as url:
        client = connect(url, role="test")
        facts = check_server(client, url)
        client.close()
    assert facts.append_only
    assert facts.appendfsync == "always"
    assert facts.eviction_policy == "noeviction"
    assert facts.unchecked == ()


def test_it_opens_no_port(data_dir: Path) -> None:
    with embedded_server(data_dir) as url:
        client = connect(url, role="test")
        assert client.config_get("port") == {"port": "0"}
        client.close()


def test_only_this_user_can_reach_it(data_dir: Path) -> None:
    with embedded_server(data_dir) as url:
        assert stat.S_IMODE(data_dir.stat().st_mode) == 0o700
        assert stat.S_IMODE(Path(url.removeprefix("unix://")).stat().st_mode) == 0o700


def test_twenty_commands_at_once_on_a_fresh_folder_share_one_server(data_dir: Path) -> None:
    names = [f"command-{number}" for number in range(20)]
    commands = [use_server(data_dir, name, wait=True) for name in names]
    for command in commands:
        until_ready(command)
    pid = _pid(data_dir)
    for command in commands:
        command.stdin.write("\n")  # type: ignore[union-attr]
        command.stdin.flush()  # type: ignore[union-attr]
    for command in commands:
        let_go(command)
    assert not _alive(data_dir)
    with embedded_server(data_dir) as url:
        assert [_get(url, name) for name in names] == ["here"] * 20
        assert len(_run_ids(url)) == 20
        assert len(set(_run_ids(url))) == 1
        assert _pid(data_dir) != pid


def test_commands_that_come_and_go_lose_nothing_and_leave_nothing(data_dir: Path) -> None:
    names = [f"command-{number}" for number in range(8)]
    for command in [use_server(data_dir, name) for name in names]:
        until_ready(command)
        let_go(command)
    assert not _alive(data_dir)
    with embedded_server(data_dir) as url:
        assert [_get(url, name) for name in names] == ["here"] * 8


def test_joining_and_leaving_in_many_rounds_never_meets_a_stopped_server(
    data_dir: Path,
) -> None:
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        assert pool.map(_come_and_go, [(str(data_dir), number) for number in range(4)]) == [15] * 4
    assert not _alive(data_dir)
    with embedded_server(data_dir) as url:
        assert [_get(url, f"count-{number}") for number in range(4)] == ["15"] * 4


def _come_and_go(given: tuple[str, int]) -> int:
    data_dir, number = given
    for _ in range(15):
        with embedded_server(Path(data_dir)) as url:
            client = connect(url, role="test")
            count = int(client.incr(f"count-{number}"))
            client.close()
    return count


def test_the_second_to_leave_stops_it_not_the_first(data_dir: Path) -> None:
    first = use_server(data_dir, "first", wait=True)
    until_ready(first)
    with embedded_server(data_dir) as url:
        let_go(first)
        assert _get(url, "first") == "here"
    assert not _alive(data_dir)


def test_a_killed_owner_leaves_a_server_that_the_next_command_joins_and_stops(
    data_dir: Path,
) -> None:
    owner = use_server(data_dir, "owner", wait=True)
    until_ready(owner)
    pid = _pid(data_dir)
    owner.kill()
    owner.communicate()
    assert _alive(data_dir)
    with embedded_server(data_dir) as url:
        assert _pid(data_dir) == pid
        assert _get(url, "owner") == "here"
    assert not _alive(data_dir)


def test_a_killed_server_is_started_again_with_its_data(data_dir: Path) -> None:
    with embedded_server(data_dir) as url:
        _set(url, "key", "value")
        _kill_server(data_dir)
        with embedded_server(data_dir) as again:
            assert again == url
            assert _get(url, "key") == "value"
        assert _get(url, "key") == "value", "a user is left, so the server is too"
    assert not _alive(data_dir)


def test_a_server_killed_with_its_owner_is_started_again_with_its_data(data_dir: Path) -> None:
    owner = use_server(data_dir, "owner", wait=True)
    until_ready(owner)
    owner.kill()
    owner.communicate()
    _kill_server(data_dir)
    assert (data_dir / "server.sock").exists(), "the killed server's socket is in the way"
    with embedded_server(data_dir) as url:
        assert _get(url, "owner") == "here"


def test_a_command_killed_while_it_starts_the_server_holds_up_nobody(data_dir: Path) -> None:
    for pause_s in (0.0, 0.15, 0.2, 0.25, 0.3, 0.35):
        command = use_server(data_dir, "killed")
        time.sleep(pause_s)
        command.kill()
        command.communicate()
        with embedded_server(data_dir) as url:
            _set(url, "key", "value")
        assert not _alive(data_dir)


def test_a_forked_child_keeps_the_server_its_parent_left(data_dir: Path) -> None:
    reader, writer = os.pipe()
    with embedded_server(data_dir):
        child = os.fork()
        if child == 0:
            os.close(writer)
            os.read(reader, 1)
            os._exit(0)
        os.close(reader)
    assert _alive(data_dir)
    assert has_users(open_folder(data_dir))
    os.close(writer)
    os.waitpid(child, 0)
    assert not has_users(open_folder(data_dir))


def test_a_folder_with_a_long_path_has_a_short_socket(data_dir: Path) -> None:
    long = data_dir / ("long-" * 20) / ("path " * 20)
    with embedded_server(long) as url:
        _set(url, "key", "value")
        socket_path = Path(url.removeprefix("unix://"))
        assert len(str(socket_path)) < 60
        assert stat.S_IMODE(socket_path.parent.stat().st_mode) == 0o700
        with embedded_server(long) as again:
            assert again == url
    assert not _alive(long)
    assert not socket_path.exists()
    with embedded_server(long) as url:
        assert _get(url, "key") == "value"


def test_two_folders_have_two_servers(data_dir: Path) -> None:
    with embedded_server(data_dir / "a") as a, embedded_server(data_dir / "b") as b:
        _set(a, "key", "a")
        _set(b, "key", "b")
        assert (_get(a, "key"), _get(b, "key")) == ("a", "b")


def test_a_folder_with_signs_and_spaces_in_its_name_works(data_dir: Path) -> None:
    odd = data_dir / 'a "b" #c %41 \\d ?e [f] *'
    with embedded_server(odd) as url:
        _set(url, "key", "value")
    with embedded_server(odd) as url:
        assert _get(url, "key") == "value"


def test_a_symlink_to_the_folder_is_the_folder(data_dir: Path) -> None:
    data_dir.mkdir()
    link = data_dir.parent / "link"
    link.symlink_to(data_dir)
    with embedded_server(data_dir) as one, embedded_server(link) as other:
        assert one == other


def test_everysec_is_taken_and_a_stricter_command_makes_it_stricter(data_dir: Path) -> None:
    def fsync(url: str) -> object:
        client = connect(url, role="test")
        found = client.config_get("appendfsync")
        client.close()
        return found["appendfsync"]

    with embedded_server(data_dir, "everysec") as url:
        assert fsync(url) == "everysec"
        with embedded_server(data_dir, "always"):
            assert fsync(url) == "always"
        with embedded_server(data_dir, "everysec"):
            assert fsync(url) == "always"


def test_a_detached_server_outlives_its_command_and_its_users_until_stop(data_dir: Path) -> None:
    url = start_detached(data_dir)
    _set(url, "key", "value")
    with embedded_server(data_dir) as joined:
        assert joined == url
    assert _get(url, "key") == "value"
    report = stop(data_dir)
    assert report.stopped
    assert report.message == f"stopped the server of {data_dir}"
    assert not _alive(data_dir)
    with embedded_server(data_dir) as url:
        assert _get(url, "key") == "value"
    assert not _alive(data_dir), "a stopped folder is no longer kept"


def test_starting_detached_twice_is_starting_once(data_dir: Path) -> None:
    assert start_detached(data_dir) == start_detached(data_dir)


def test_stop_says_when_nothing_runs(data_dir: Path) -> None:
    report = stop(data_dir)
    assert not report.stopped
    assert report.message == f"no server runs for {data_dir}: there is no such folder"
    start_detached(data_dir)
    stop(data_dir)
    report = stop(data_dir)
    assert not report.stopped
    assert report.message == f"no server runs for {data_dir}"


def test_stop_ends_a_server_whose_socket_was_deleted(data_dir: Path) -> None:
    url = start_detached(data_dir)
    _set(url, "key", "value")
    (data_dir / "server.sock").unlink()
    assert stop(data_dir).stopped
    with embedded_server(data_dir) as url:
        assert _get(url, "key") == "value"


def test_stop_never_signals_a_process_that_is_not_the_server(data_dir: Path) -> None:
    start_detached(data_dir)
    pid_file, socket_path = data_dir / "server.pid", data_dir / "server.sock"
    true_pid = pid_file.read_text()
    bystander = subprocess.Popen(["sleep", "60"])
    socket_path.unlink()
    pid_file.write_text(str(bystander.pid))
    with pytest.raises(EmbeddedServerError, match="neither answers nor says its pid"):
        stop(data_dir)
    assert bystander.poll() is None
    bystander.kill()
    bystander.wait()
    pid_file.write_text(true_pid)


def test_a_server_that_does_not_answer_is_named_with_its_pid(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "ANSWER_WITHIN_S", 0.3)
    start_detached(data_dir)
    (data_dir / "server.sock").unlink()
    with pytest.raises(EmbeddedServerError, match=rf"\(pid {_pid(data_dir)}\) does not answer"):
        start_detached(data_dir)


def test_a_start_waits_until_a_long_file_is_loaded(data_dir: Path) -> None:
    with embedded_server(data_dir, "everysec") as url:
        client = connect(url, role="test", timeout_s=60)
        client.eval("for i = 1, 300000 do redis.call('SET', 'key-' .. i, i) end", 0)
        client.close()
        _kill_server(data_dir)
        commands = [use_server(data_dir, f"command-{number}") for number in range(3)]
        for command in commands:
            until_ready(command)
            let_go(command)
        assert _get(url, "key-300000") == "300000"


def test_a_load_that_takes_too_long_is_an_error_that_says_how_far_it_is(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start_detached(data_dir, "everysec")
    client = connect(str(data_dir / "server.sock"), role="test", timeout_s=60)
    client.eval("for i = 1, 50000 do redis.call('SET', 'key-' .. i, i) end", 0)
    client.close()
    _kill_server(data_dir)
    _slow_loading(monkeypatch)
    monkeypatch.setattr(process, "LOAD_WITHIN_S", 0.2)
    with pytest.raises(EmbeddedServerError, match=r"still loading its data after .* % read\)"):
        start_detached(data_dir, "everysec")
    assert stop(data_dir).stopped, "a server that loads can be stopped"


def _slow_loading(monkeypatch: pytest.MonkeyPatch) -> None:
    def slower(folder: Folder, socket_path: Path, appendfsync: Appendfsync) -> str:
        return configuration_text(folder, socket_path, appendfsync) + "key-load-delay 200\n"

    monkeypatch.setattr(process, "configuration_text", slower)


def test_a_server_that_ends_at_its_start_is_quoted(data_dir: Path) -> None:
    with embedded_server(data_dir) as url:
        _set(url, "key", "value")
    (increment,) = (data_dir / "appendonlydir").glob("*.incr.aof")
    increment.write_bytes(b"damaged" * 100)
    with pytest.raises(EmbeddedServerError, match="the server ended: Bad file format reading"):
        start_detached(data_dir)
    assert not _alive(data_dir)


def test_a_configuration_the_server_refuses_is_quoted(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "configuration_text", lambda *given: "no-such-directive 1\n")
    with pytest.raises(EmbeddedServerError, match="did not start: Bad directive"):
        start_detached(data_dir)


def test_a_missing_program_is_named_with_the_platform(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("platform.machine", lambda: "riscv64")
    with pytest.raises(EmbeddedServerError, match=r"no server program for \w+-riscv64"):
        start_detached(data_dir)
    assert not _alive(data_dir)


def test_a_missing_package_is_named(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pm.server.binary._PACKAGE", "no_such_package")
    with pytest.raises(EmbeddedServerError, match="no_such_package, which is not installed"):
        start_detached(data_dir)


def test_a_file_in_the_folders_place_is_refused(data_dir: Path) -> None:
    data_dir.write_text("")
    with pytest.raises(EmbeddedServerError, match="is a file, not a data folder"):
        start_detached(data_dir)
    data_dir.unlink()


def test_a_folder_that_cannot_be_made_is_refused() -> None:
    with pytest.raises(EmbeddedServerError, match="/proc/pm-data: cannot make the folder"):
        start_detached(Path("/proc/pm-data"))


def test_a_folder_that_is_not_writable_is_refused(data_dir: Path) -> None:
    data_dir.parent.chmod(0o755)
    data_dir.mkdir(mode=0o555)
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        if os.getuid() == 0:  # root may write everywhere
            os.setuid(65534)
        try:
            start_detached(data_dir)
        except EmbeddedServerError as error:
            os.write(writer, str(error).encode())
        os._exit(0)
    os.waitpid(child, 0)
    os.close(writer)
    with os.fdopen(reader) as said:
        assert said.read() == f"{data_dir}: the data folder is not writable"


def test_a_folder_of_a_newer_format_is_refused(data_dir: Path) -> None:
    data_dir.mkdir()
    (data_dir / "server.json").write_text('{"format": 2, "socket": "/x"}\n')
    with pytest.raises(EmbeddedServerError, match="has format 2, this version of pm knows 1"):
        start_detached(data_dir)
    (data_dir / "server.json").unlink()


def test_a_turn_that_never_comes_is_an_error(data_dir: Path) -> None:
    data_dir.mkdir()
    folder = open_folder(data_dir)
    with (
        joining_or_leaving(folder, 1),
        pytest.raises(EmbeddedServerError, match="has been starting or stopping its server"),
        joining_or_leaving(folder, 0.05),
    ):
        pass
