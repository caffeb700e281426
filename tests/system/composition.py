"""compose.yaml as data: what Compose would run, with its variables filled in."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "compose.yaml"
EXAMPLE = ROOT / "config" / "compose.env.example"
_VARIABLE = re.compile(r"\$\{(\w+)(?::([-?])([^}]*))?\}")


class VariableMissing(Exception):
    """Compose would refuse to start: a variable has no value and must have one."""


@dataclass(frozen=True, slots=True)
class Service:
    """One service with everything filled in; `mounts` are (source, target) as they stand."""

    name: str
    raw: Mapping[str, Any]
    entrypoint: tuple[str, ...]
    command: tuple[str, ...]
    environment: Mapping[str, str]
    mounts: tuple[tuple[str, str], ...]

    @property
    def is_ours(self) -> bool:
        """Whether it runs the image of this project."""
        return "build" in self.raw

    @property
    def check(self) -> tuple[str, ...]:
        """The words of its health check; one, for a shell, where it is a line."""
        return tuple(self.raw.get("healthcheck", {}).get("test", [])[1:])

    def pm_commands(self) -> list[list[str]]:
        """The `pm` commands it runs, as arguments."""
        if self.entrypoint[:2] == ("sh", "-c"):
            parts = " ".join(self.command).split("&&")
            return [shlex.split(part)[1:] for part in parts if shlex.split(part)[0] == "pm"]
        return [list(self.command)]


def services(variables: Mapping[str, str]) -> dict[str, Service]:
    """The services by name. VariableMissing as Compose would say it."""
    told = _filled(yaml.safe_load(FILE.read_text()), variables)
    return {name: _service(name, raw) for name, raw in told["services"].items()}


def example_variables() -> dict[str, str]:
    """The variables of the example file, the secrets filled in for a test."""
    lines = [line for line in EXAMPLE.read_text().splitlines() if re.match(r"\w+=", line)]
    pairs = dict(line.split("=", 1) for line in lines)
    return {
        name: value or f"test-only-{name.lower()}".replace("_", "-")
        for name, value in pairs.items()
    }


def _service(name: str, raw: Mapping[str, Any]) -> Service:
    mounts = []
    for volume in raw.get("volumes", ()):
        source, target = str(volume).split(":")[:2]
        mounts.append((source, target))
    return Service(
        name,
        raw,
        _words(raw.get("entrypoint")),
        _words(raw.get("command")),
        {key: str(value) for key, value in raw.get("environment", {}).items()},
        tuple(mounts),
    )


def _words(told: Any) -> tuple[str, ...]:
    return tuple(shlex.split(told)) if isinstance(told, str) else tuple(told or ())


def _filled(value: Any, variables: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: _filled(inner, variables) for key, inner in value.items()}
    if isinstance(value, list):
        return [_filled(inner, variables) for inner in value]
    if not isinstance(value, str):
        return value

    def put(found: re.Match[str]) -> str:
        name, how, told = found.groups()
        if variables.get(name):
            return variables[name]
        if how == "?":
            raise VariableMissing(f"{name}: {told}")
        return told or ""

    return _VARIABLE.sub(put, value.replace("$$", "\0")).replace("\0", "$")
