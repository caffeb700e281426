"""Files that are there whole or not at all, even after a power cut."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from pm.crash_points import crash_point

ASIDE = ".part"
"""Ends the name of a file that is still being written; one found later is of a killed process."""


def write_whole(path: Path, write: Callable[[BinaryIO], None], *, step: str) -> None:
    """Write a file aside, sync it, rename it to `path` and sync the folder.

    `write` gets the open file. `step` names the crash points: `<step>_written`, `<step>_synced`,
    `<step>_renamed`.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(path.name + ASIDE)
    with open(aside, "wb") as file:
        write(file)
        file.flush()
        crash_point(f"{step}_written")
        os.fsync(file.fileno())
    crash_point(f"{step}_synced")
    os.replace(aside, path)
    sync_folder(path.parent)
    crash_point(f"{step}_renamed")


def sync_folder(folder: Path) -> None:
    """Make renames and removals in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
