"""Whether this machine has what the processes on it need: disk, kernel settings, the relay."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from pm.doctor.finding import Finding, fault, ok, warning
from pm.doctor.site import Site, existing_parent
from pm.settings import Settings

DISK_WARNING: Final = 0.10
DISK_FAULT: Final = 0.02
_WRITES: Final[Mapping[str, tuple[str, ...]]] = {
    "gateway": ("data", "outbox"),
    "worker": ("data",),
    "metrics": ("data",),
    "reader": ("data",),
    "risk": ("data",),
}
PROC: Final = Path("/proc")
HUGE_PAGES: Final = Path("/sys/kernel/mm/transparent_hugepage/enabled")


def check_disks(settings: Settings, role: str | None = None) -> Iterator[Finding]:
    """Room and rights where files are written, by a role or by any."""
    places = {
        "data": settings.data,
        "outbox": settings.outbox_path.parent,
        "archive": settings.archive_path,
        "checkpoints": settings.checkpoint_path,
    }
    for name in _WRITES.get(role or "", tuple(places)):
        yield _disk(name, places[name])


def _disk(name: str, path: Path) -> Finding:
    folder = existing_parent(path)
    is_ours = name != "server"
    if is_ours and not os.access(folder, os.W_OK | os.X_OK):
        return fault(
            f"disk: {name}", f"{folder} is not writable for this user", "change its rights"
        )
    usage = shutil.disk_usage(folder)
    share = usage.free / usage.total if usage.total else 0.0
    text = f"{usage.free / 2**30:,.1f} GiB ({share:.0%}) free at {path}"
    if share < DISK_WARNING:
        level = fault if share < DISK_FAULT else warning
        return level(f"disk: {name}", text, "make room, or move it to another disk")
    return ok(f"disk: {name}", text)


def check_relay(settings: Settings) -> Iterator[Finding]:
    """Whether there is a socket to take executions from. It is not connected to."""
    path = settings.gateway.socket_path
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        text = f"there is no socket at {path}"
        yield warning("relay", text, "start the relay, or correct gateway.socket_path")
    except OSError as error:
        yield fault("relay", f"{path}: {error.strerror}", "let this user reach it")
    else:
        if not stat.S_ISSOCK(mode):
            yield fault("relay", f"{path} is no socket", "correct gateway.socket_path")
        elif not os.access(path, os.R_OK | os.W_OK):
            yield fault("relay", f"{path} may not be opened by this user", "change its rights")
        else:
            yield ok("relay", f"a socket at {path}")


def check_kernel(site: Site) -> Iterator[Finding]:
    """What a rewrite's fork needs, on the machine of the server."""
    if not site.is_local or not PROC.exists():
        yield ok("kernel", "the server is on another machine: look there with `pm doctor`")
        return
    findings = [*_overcommit(), *_huge_pages(), *_fork_room(site)]
    yield from findings or [
        ok("kernel", "memory for a fork, overcommit and huge pages as they should be")
    ]


def check_server_disk(site: Site) -> Iterator[Finding]:
    """Room for the append-only file and its rewrite, where the server is on this machine."""
    folder = Path(site.configuration.get("dir", ""))
    if site.is_local and folder.is_absolute() and folder.is_dir():
        yield _disk("server", folder)


def _overcommit() -> Iterator[Finding]:
    if _read(PROC / "sys/vm/overcommit_memory") not in ("1", ""):
        text = (
            "vm.overcommit_memory is not 1: a rewrite may fail for want of memory it will not use"
        )
        yield warning("kernel", text, "sysctl vm.overcommit_memory=1, and in /etc/sysctl.conf")


def _huge_pages() -> Iterator[Finding]:
    if "[always]" in _read(HUGE_PAGES):
        text = "transparent huge pages are on: after a fork each write copies 2 MiB"
        yield warning("kernel", text, f"echo madvise > {HUGE_PAGES}, at every start")


def _fork_room(site: Site) -> Iterator[Finding]:
    available = next(
        (
            int(line.split()[1]) * 1024
            for line in _read(PROC / "meminfo").splitlines()
            if line.startswith("MemAvailable:")
        ),
        0,
    )
    held = site.count("used_memory_rss")
    if available and held > available:
        text = f"the server holds {held / 2**20:,.0f} MiB, {available / 2**20:,.0f} MiB are left"
        yield warning(
            "kernel", text, "a rewrite may need as much again: add memory or archive sooner"
        )


def _read(path: Path) -> str:
    with suppress(OSError):
        return path.read_text().strip()
    return ""
