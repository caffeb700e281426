"""The floor: the reads and writes of `apply` with no arithmetic, as a function.

A twin of the function library notes every command `apply` gives to the server. Replaying exactly
those commands from within a function costs what no implementation in Lua can go below. The commands
reach the replay as its arguments; a second function that walks over them and does nothing tells
what that carrying costs, which is no part of the floor.
"""

from __future__ import annotations

from typing import Any

import redis

from pm.bench.book import Call, apply
from pm.bench.errors import BenchError
from pm.functions import library
from pm.functions.bundler import Library

RECORD, REPLAY, CARRY = "pm_bench_record", "pm_bench_replay", "pm_bench_carry"

_RECORDING_HEAD = """
local recorded = {}
local function recording()
  local real = redis
  local function noting(run)
    return function(...)
      local command = { ... }
      for index = 1, #command do
        if type(command[index]) == "number" then
          command[index] = string.format("%.17g", command[index])
        end
      end
      recorded[#recorded + 1] = command
      return run(...)
    end
  end
  return setmetatable({ call = noting(real.call), pcall = noting(real.pcall) }, { __index = real })
end
"""

_RECORDING_TAIL = f"""
redis.register_function('{RECORD}', function(keys, args)
  recorded = {{}}
  local reply = entry('apply')(keys, args)
  return {{ reply, recorded }}
end)
"""

_REPLAYING = f"""#!lua name=pm_bench_floor
local function walk(run, arguments)
  local place, count = 1, #arguments
  while place <= count do
    local size = tonumber(arguments[place])
    run(unpack(arguments, place + 1, place + size))
    place = place + size + 1
  end
end
local function nothing() end
redis.register_function('{REPLAY}', function(keys, args)
  walk(redis.call, args)
end)
redis.register_function('{CARRY}', function(keys, args)
  walk(nothing, args)
end)
"""

Recording = list[bytes]
"""Commands one after the other, each as its number of words and its words."""


def load_recorder(client: redis.Redis) -> None:
    """Load the library's twin that notes commands."""
    client.function_load(_recording_source(library.current()))


def load_replayer(client: redis.Redis) -> None:
    """Load the functions that replay commands, and that only carry them."""
    client.function_load(_REPLAYING)


def record(client: redis.Redis, call: Call) -> Recording:
    """Apply a call for real, and return the commands it made."""
    before = _commands_run(client)
    _, commands = apply(client, call, RECORD)
    made = _commands_run(client) - before
    # FCALL itself, and the INFO that reads the counters.
    if made != len(commands) + 2:
        raise BenchError(f"recorded {len(commands)} commands of {made - 2} that apply made")
    words: Recording = []
    for command in commands:
        words.append(b"%d" % len(command))
        words += command
    return words


def replay(client: redis.Redis, recording: Recording, function: str = REPLAY) -> None:
    """Replay commands in one call, or with CARRY only carry them."""
    untyped: Any = client
    untyped.fcall(function, 0, *recording)


def _recording_source(plain: Library) -> str:
    head, opening, rest = plain.source.partition("local modules, entries, built = {}, {}, {}")
    _, newline, _ = head.partition("\n")
    body, registration, _ = rest.partition("redis.register_function(")
    marked = body.replace(
        "] = function(require)\n", "] = function(require)\nlocal redis = recording()\n"
    )
    if not (opening and newline and registration) or marked == body:
        raise BenchError("the function library has another form than the recorder knows")
    return "#!lua name=pm_bench_recorder\n" + _RECORDING_HEAD + opening + marked + _RECORDING_TAIL


def _commands_run(client: redis.Redis) -> int:
    found: Any = client.info("commandstats")
    return sum(int(stats["calls"]) for stats in found.values())
