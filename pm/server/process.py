"""Starting, awaiting and stopping the server process of a data folder.

Every function here is called under the folder's starting lock, so nobody else starts or stops the
same server meanwhile. A server is alive while it holds the alive lock, and ready once it answers
PING: between the two it loads its append-only file, which is waited for. `SHUTDOWN` flushes that
file before the process ends; SIGTERM does the same where the socket is gone.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from contextlib import closing, suppress
from pathlib import Path

import redis
from redis import exceptions

from pm.connect import connect
from pm.server.binary import find_binary
from pm.server.configuration import Appendfsync, configuration_text
from pm.server.errors import EmbeddedServerError
from pm.server.folder import Folder, choose_socket_path, recorded_socket, write_record
from pm.server.locks import is_alive, take_life

ANSWER_WITHIN_S = 30.0
LOAD_WITHIN_S = 900.0
STOP_WITHIN_S = 60.0
_LOG_LIMIT_BYTES = 1_000_000
_FIRST_POLL_S = 0.002
_LONGEST_POLL_S = 0.05


def launch(folder: Folder, appendfsync: Appendfsync) -> bool:
    """Start a server in the folder; False if one is alive already."""
    life = take_life(folder)
    if life is None:
        return False
    try:
        binary = find_binary()
        socket_path = choose_socket_path(folder)
        _sweep(folder, socket_path)
        write_record(folder, socket_path)
        folder.configuration.write_text(configuration_text(folder, socket_path, appendfsync))
        _run(binary, folder, life)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise EmbeddedServerError(f"{folder.path}: cannot start the server: {error}") from None
    finally:
        os.close(life)
    return True


def wait_until_ready(folder: Folder) -> None:
    """Return when the server answers; EmbeddedServerError if it ends, hangs or loads too long."""
    started = time.monotonic()
    loading = False
    pause_s = _FIRST_POLL_S
    with closing(_client(folder)) as client:
        while True:
            try:
                client.ping()
                return
            except exceptions.BusyLoadingError:
                loading = True
            except (exceptions.ConnectionError, exceptions.TimeoutError):
                pass
            except exceptions.ResponseError as error:
                raise EmbeddedServerError(f"{folder.path}: the server says: {error}") from None
            if not is_alive(folder):
                raise EmbeddedServerError(
                    f"{folder.path}: the server ended: {last_log_line(folder)}"
                )
            waited_s = time.monotonic() - started
            if waited_s > (LOAD_WITHIN_S if loading else ANSWER_WITHIN_S):
                raise EmbeddedServerError(_too_long(folder, client, waited_s, loading))
            time.sleep(pause_s)
            pause_s = min(2 * pause_s, _LONGEST_POLL_S)


def strengthen(folder: Folder, appendfsync: Appendfsync) -> None:
    """Make a running server fsync at every write if that is asked; never weaken it."""
    if appendfsync != "always":
        return
    with closing(_client(folder)) as client:
        if client.config_get("appendfsync").get("appendfsync") != "always":
            client.config_set("appendfsync", "always")


def shut_down(folder: Folder) -> None:
    """End the server if it is alive, its data flushed; return when the process is gone."""
    if not is_alive(folder):
        return
    if not _ask_to_end(folder):
        _signal_to_end(folder)
    deadline = time.monotonic() + STOP_WITHIN_S
    pause_s = _FIRST_POLL_S
    while is_alive(folder):
        if time.monotonic() > deadline:
            raise EmbeddedServerError(
                f"{folder.path}: the server (pid {read_pid(folder)}) did not end within "
                f"{STOP_WITHIN_S:.0f} s: {last_log_line(folder)}"
            )
        time.sleep(pause_s)
        pause_s = min(2 * pause_s, _LONGEST_POLL_S)


def read_pid(folder: Folder) -> int | None:
    """The pid the server wrote at its start, None if there is none to read."""
    with suppress(OSError, ValueError):
        return int(folder.pid_file.read_text())
    return None


def last_log_line(folder: Folder) -> str:
    """The last line the server logged, without its pid and time."""
    try:
        lines = folder.log.read_text(errors="replace").splitlines()
    except OSError:
        return "it left no log"
    last = next((line.strip() for line in reversed(lines) if line.strip()), "its log is empty")
    head, mark, text = last.partition(" # ")
    return text if mark and ":" in head else last


def _client(folder: Folder) -> redis.Redis:
    return connect(str(recorded_socket(folder)), role="server", timeout_s=1.0)


def _sweep(folder: Folder, socket_path: Path) -> None:
    socket_path.unlink(missing_ok=True)
    folder.pid_file.unlink(missing_ok=True)
    with suppress(FileNotFoundError):
        if folder.log.stat().st_size > _LOG_LIMIT_BYTES:
            folder.log.replace(folder.log.with_suffix(".log.old"))


def _run(binary: Path, folder: Folder, life: int) -> None:
    with folder.configuration.open("rb") as configuration, folder.log.open("ab") as log:
        done = subprocess.run(
            # From stdin: the server takes ? * [ in the path of a configuration for wildcards.
            [str(binary), "-"],
            stdin=configuration,
            stdout=log,
            stderr=log,
            cwd=folder.path,
            pass_fds=(life,),
            start_new_session=True,
            umask=0o077,
            timeout=ANSWER_WITHIN_S,
            check=False,
        )
    if done.returncode != 0:
        raise EmbeddedServerError(
            f"{folder.path}: the server did not start: {last_log_line(folder)}"
        )


def _ask_to_end(folder: Folder) -> bool:
    """Whether the server took the order to end; False if its socket leads nowhere."""
    with closing(_client(folder)) as client:
        try:
            with suppress(exceptions.BusyLoadingError, exceptions.ResponseError):
                client.ping()
            client.shutdown()
        except exceptions.ConnectionError:
            return False
        except exceptions.TimeoutError:
            return True
        except exceptions.RedisError as error:
            raise EmbeddedServerError(f"{folder.path}: the server will not end: {error}") from None
    return True


def _signal_to_end(folder: Folder) -> None:
    pid = read_pid(folder)
    if pid is None or "valkey-server" not in _command_of(pid):
        raise EmbeddedServerError(
            f"{folder.path}: a server runs here but neither answers nor says its pid: "
            f"find who holds {folder.alive_lock} and end it"
        )
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)


def _command_of(pid: int) -> str:
    """The command line of a process, so that a recycled pid is never signalled."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
    with suppress(OSError):
        said = subprocess.run(
            ["ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False
        )
        return said.stdout
    return ""


def _too_long(folder: Folder, client: redis.Redis, waited_s: float, loading: bool) -> str:
    pid = read_pid(folder)
    if not loading:
        return (
            f"{folder.path}: the server (pid {pid}) does not answer on {recorded_socket(folder)} "
            f"after {waited_s:.0f} s: end it with pm stop --data {folder.path}"
        )
    done = "?"
    with suppress(exceptions.RedisError):
        done = str(client.info("persistence").get("loading_loaded_perc", "?"))
    return (
        f"{folder.path}: the server (pid {pid}) is still loading its data after {waited_s:.0f} s "
        f"({done} % read) and goes on: try again later"
    )
