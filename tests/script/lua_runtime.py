"""Lua 5.1 inside Python, with the library modules loadable as the bundler would resolve them.

A module may `require` another by its file name in lua/lib. Writing a global is an error: inside a
server globals are read-only, and plain Lua would hide it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lupa.lua51 import LuaRuntime

LIBRARY = Path(__file__).resolve().parents[2] / "lua" / "lib"

_LOADER = """
local source_of = ...
local loaded = {}
local guarded = setmetatable({}, {
  __index = _G,
  __newindex = function(_, name) error("the global " .. name .. " is written", 2) end,
})
function require(name)
  local module = loaded[name]
  if module == nil then
    local chunk = assert(loadstring(source_of(name), "@" .. name .. ".lua"))
    loaded[name] = false
    module = setfenv(chunk, guarded)()
    loaded[name] = module
  end
  return module or error(name .. " requires itself")
end
"""


def library_source(name: str) -> str:
    """The text of lua/lib/NAME.lua."""
    return (LIBRARY / f"{name}.lua").read_text(encoding="utf-8")


def lua_runtime() -> Any:
    """A fresh Lua whose `require` finds lua/lib; modules are loaded once per runtime."""
    runtime = LuaRuntime(unpack_returned_tuples=True)
    runtime.execute(_LOADER, library_source)
    return runtime


def load_library(name: str) -> Any:
    """The module lua/lib/NAME.lua in a Lua of its own."""
    return lua_runtime().eval("require")(name)
