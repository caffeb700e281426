"""The desk and the workers of tests/workers."""

from __future__ import annotations

from tests.workers.conftest import crew, desk, folder

__all__ = ["crew", "desk", "folder"]
