"""Joins the Lua files into one Redis function library.

``lua/*.lua`` are the entries, one verb each; ``lua/state`` reads and writes the keys of a book;
``lua/lib`` are plain modules that know nothing of Redis. A file names what it needs with
``local NAME = require("NAME")`` at column zero, so the same source also runs under plain Lua.

While a library loads, Redis 7.0 offers it no ``string``, ``math`` or ``table``: every module is
wrapped in a function and built at the first call, then kept. The library and its functions carry
the start of the library's sha in their names, so old and new workers can overlap.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

LUA_ROOT = Path(__file__).resolve().parents[2] / "lua"
_REQUIRE = re.compile(r'^local \w+ = require\("(\w+)"\)$', re.MULTILINE)

_HEAD = "local modules, entries, built = {}, {}, {}"
# `arguments` is what modules and entries are built with: `require`, and what stands in for `redis`.
_TAIL = """
local function require(name)
  local present = built[name]
  if not present then
    present = modules[name]({arguments})
    built[name] = present
  end
  return present
end
local function entry(name)
  local key = "entry:" .. name
  if not built[key] then
    built[key] = entries[name]({arguments})
  end
  return built[key]
end"""
_REGISTRATION = """redis.register_function('{function}', function(keys, args)
  return entry('{entry}')(keys, args)
end)"""

# With faults, what the sources call `redis` counts the commands of a call and fails the one it was
# told to. The server's own table is only looked up in a call: while a library loads it is another.
_FAULTS_HEAD = """
local count, fail_at = 0, 0
local fault = { err = "ERR injected fault" }
local function server()
  return redis
end
local function fails()
  count = count + 1
  return count == fail_at
end
local faulty = {}
function faulty.call(...)
  if fails() then error(fault) end
  return server().call(...)
end
function faulty.pcall(...)
  if fails() then return fault end
  return server().pcall(...)
end
function faulty.sha1hex(text)
  return server().sha1hex(text)
end"""
_FAULTS_REGISTRATION = """redis.register_function('{function}', function(keys, args)
  count, fail_at = 0, tonumber(table.remove(args))
  return entry('{entry}')(keys, args)
end)"""


class BundleError(Exception):
    """The Lua sources cannot be joined; the message names the file."""


@dataclass(frozen=True, slots=True)
class Library:
    """A function library: its text, its sha (hex), its name and the names of its entries."""

    source: str
    sha: str
    name: str
    functions: dict[str, str]


@dataclass(frozen=True, slots=True)
class _Frame:
    """What the sources are put into."""

    name: str
    head: str
    parameters: str
    arguments: str
    registration: str


_PLAIN = _Frame("pm", _HEAD, "require", "require", _REGISTRATION)
_WITH_FAULTS = _Frame(
    "pm_faults", _HEAD + _FAULTS_HEAD, "require, redis", "require, faulty", _FAULTS_REGISTRATION
)


def bundle(root: Path = LUA_ROOT, *, faults: bool = False) -> Library:
    """Build the library from the Lua files under `root`; BundleError when they do not fit together.

    With `faults`, for tests, it is a library of another name whose functions take one more last
    argument: which command of the call fails, counted from 1 over call and pcall; 0 for none.
    """
    frame = _WITH_FAULTS if faults else _PLAIN
    entries = {path.stem: path for path in sorted(root.glob("*.lua"))}
    if not entries:
        raise BundleError(f"no Lua entries in {root}")
    modules = {
        path.stem: path for folder in ("lib", "state") for path in root.glob(f"{folder}/*.lua")
    }
    ordered: list[str] = []
    for path in entries.values():
        _collect(path, modules, ordered, [])
    body = "\n".join(_wrap(modules[name], "modules", name, frame) for name in ordered)
    body += "\n" + "\n".join(_wrap(path, "entries", name, frame) for name, path in entries.items())
    tail = _TAIL.replace("{arguments}", frame.arguments)
    sha = hashlib.sha1(f"{frame}{body}{tail}".encode()).hexdigest()
    name = f"{frame.name}_{sha[:8]}"
    functions = {entry: f"{frame.name}_{entry}_{sha[:8]}" for entry in entries}
    registrations = "\n".join(
        frame.registration.format(function=function, entry=entry)
        for entry, function in functions.items()
    )
    source = f"#!lua name={name}\n{frame.head}\n{body}\n{tail}\n{registrations}\n"
    return Library(source=source, sha=sha, name=name, functions=functions)


def _collect(path: Path, modules: dict[str, Path], ordered: list[str], trail: list[str]) -> None:
    for module in _REQUIRE.findall(path.read_text()):
        if module in trail:
            raise BundleError(f"{path.name}: {' -> '.join([*trail, module])} is a circle")
        if module not in modules:
            raise BundleError(f"{path.name}: there is no module {module}")
        if module not in ordered:
            _collect(modules[module], modules, ordered, [*trail, module])
            ordered.append(module)


def _wrap(path: Path, table: str, name: str, frame: _Frame) -> str:
    return f"{table}['{name}'] = function({frame.parameters})\n{path.read_text()}\nend"
