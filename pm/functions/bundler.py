"""Joins the Lua files into one Redis function library.

``lua/*.lua`` are the entries, one verb each; ``lua/state`` reads and writes the keys of a book;
``lua/lib`` are plain modules that know nothing of Redis. A file names what it needs with
``local NAME = require("NAME")`` at column zero, so the same source also runs under plain Lua.

While a library loads, Redis 7.0 offers it no ``string``, ``math`` or ``table``: every module is
wrapped in a function and built at the first call, then kept. The library and its functions carry the
start of the sha of the sources in their names, so old and new workers can overlap.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

LUA_ROOT = Path(__file__).resolve().parents[2] / "lua"
_REQUIRE = re.compile(r'^local (\w+) = require\("(\w+)"\)$', re.MULTILINE)

# Counts the commands of a call and fails the one it is told to; only tests ask for it.
_FAULTS = """
local function with_faults(entry)
  return function(keys, args)
    local fail_at = tonumber(table.remove(args))
    local count, real = 0, redis
    local function counted(of)
      return function(...)
        count = count + 1
        if count == fail_at then
          if of == "pcall" then return { err = "ERR injected fault" } end
          error({ err = "ERR injected fault" })
        end
        return real[of](...)
      end
    end
    local proxied = setmetatable({ call = counted("call"), pcall = counted("pcall") },
      { __index = real })
    setfenv(entry, setmetatable({ redis = proxied }, { __index = _G }))
    return entry(keys, args)
  end
end
"""


class BundleError(Exception):
    """The Lua sources cannot be joined; the message names the file."""


@dataclass(frozen=True, slots=True)
class Library:
    """A function library: its text, its sha (hex), its name and the names of its entries."""

    source: str
    sha: str
    name: str
    functions: dict[str, str]


def bundle(root: Path = LUA_ROOT) -> Library:
    """Build the library from the Lua files under `root`."""
    entries = {path.stem: path for path in sorted(root.glob("*.lua"))}
    if not entries:
        raise BundleError(f"no Lua entries in {root}")
    modules = {path.stem: path for folder in ("lib", "state") for path in root.glob(f"{folder}/*.lua")}
    ordered: list[str] = []
    for path in entries.values():
        _collect(path, modules, ordered, [])
    body = "\n".join(_wrap(modules[name], "modules", name) for name in ordered)
    body += "\n" + "\n".join(_wrap(path, "entries", name) for name, path in entries.items())
    sha = hashlib.sha1(body.encode()).hexdigest()
    tag = sha[:8]
    functions = {name: f"pm_{name}_{tag}" for name in entries}
    registrations = "\n".join(
        f"redis.register_function('{function}', function(keys, args) "
        f"return entry('{name}')(keys, args) end)"
        for name, function in functions.items()
    )
    source = f"#!lua name=pm_{tag}\n{_HEAD}\n{body}\n{_TAIL}\n{registrations}\n"
    return Library(source=source, sha=sha, name=f"pm_{tag}", functions=functions)


_HEAD = "local modules, entries, built = {}, {}, {}"
_TAIL = """
local function require(name)
  local present = built[name]
  if not present then
    present = modules[name](require)
    built[name] = present
  end
  return present
end
local function entry(name)
  local key = "entry:" .. name
  if not built[key] then
    built[key] = entries[name](require)
  end
  return built[key]
end"""


def _collect(path: Path, modules: dict[str, Path], ordered: list[str], trail: list[str]) -> None:
    for local_name, module in _REQUIRE.findall(path.read_text()):
        if local_name != module and module not in ("order",):
            pass
        if module in trail:
            raise BundleError(f"{path.name}: {' -> '.join([*trail, module])} is a circle")
        if module not in modules:
            raise BundleError(f"{path.name}: there is no module {module}")
        if module not in ordered:
            _collect(modules[module], modules, ordered, [*trail, module])
            ordered.append(module)


def _wrap(path: Path, table: str, name: str) -> str:
    return f"{table}['{name}'] = function(require)\n{path.read_text()}\nend"
