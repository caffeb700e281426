"""The Lua files joined into one function library, and what servers make of it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from lupa.lua51 import LuaRuntime
from redis import exceptions

from pm.books.opening import open_book
from pm.functions import library
from pm.functions.bundler import LUA_ROOT, BundleError, bundle
from tests.servers import Server

REQUIRE = re.compile(r'^local (\w+) = require\("(\w+)"\)$', re.MULTILINE)


def sources(root: Path, **files: str) -> Path:
    """Lua files by name; `lib_x` is lua/lib/x.lua, `state_x` is lua/state/x.lua."""
    for name, text in files.items():
        folder, _, stem = name.partition("_")
        path = root / folder / stem if stem else root / folder
        path.parent.mkdir(exist_ok=True)
        path.with_suffix(".lua").write_text(text)
    return root


def requires(*names: str, body: str = "return {}") -> str:
    """A Lua file that needs others."""
    return "".join(f'local {name} = require("{name}")\n' for name in names) + body


ANSWER = "return function(keys, args) return %s end"


# --- joining ---


def test_a_library_holds_every_entry_under_a_name_with_its_sha() -> None:
    made = bundle()
    assert made.functions.keys() == {path.stem for path in LUA_ROOT.glob("*.lua")}
    tag = made.sha[:8]
    assert made.name == f"pm_{tag}"
    assert made.source.startswith(f"#!lua name={made.name}\n")
    assert all(name == f"pm_{entry}_{tag}" for entry, name in made.functions.items())


def test_the_same_files_give_the_same_library(tmp_path: Path) -> None:
    copied = tmp_path / "lua"
    for path in sorted(LUA_ROOT.rglob("*.lua"), reverse=True):
        target = copied / path.relative_to(LUA_ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes())
    assert bundle(copied) == bundle()


@pytest.mark.parametrize("name", ["one", "lib_shared"])
def test_any_changed_file_gives_another_sha(tmp_path: Path, name: str) -> None:
    files = {"one": requires("shared", body=ANSWER % "'1'"), "lib_shared": "return {}"}
    before = bundle(sources(tmp_path, **files))
    after = bundle(sources(tmp_path, **{**files, name: files[name] + " -- changed"}))
    assert before.sha != after.sha
    assert not set(before.functions.values()) & set(after.functions.values())


def test_modules_that_nobody_needs_are_left_out(tmp_path: Path) -> None:
    root = sources(tmp_path, one=ANSWER % "'1'", lib_unused="return 'unused text'")
    assert "unused text" not in bundle(root).source


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (
            {"one": requires("a"), "lib_a": requires("b"), "lib_b": requires("a")},
            r"b\.lua: a -> b -> a is a circle",
        ),
        ({"one": requires("a"), "lib_a": requires("a")}, r"a\.lua: a -> a is a circle"),
        ({"one": requires("a")}, r"one\.lua: there is no module a"),
        ({"one": requires("a"), "lib_a": requires("b")}, r"a\.lua: there is no module b"),
        ({"one": requires("two"), "two": ANSWER % "'2'"}, r"one\.lua: there is no module two"),
        ({"lib_a": "return {}"}, "no Lua entries"),
    ],
)
def test_files_that_do_not_fit_together_are_refused(
    tmp_path: Path, files: dict[str, str], message: str
) -> None:
    with pytest.raises(BundleError, match=message):
        bundle(sources(tmp_path, **files))


def test_the_library_in_use_holds_nothing_that_fails_on_demand() -> None:
    plain, faulty = bundle().source, bundle(faults=True).source
    for text in ("injected", "fail_at", "faulty", "function(require, redis)"):
        assert text in faulty
        assert text not in plain


# --- the sources ---


def test_every_module_loads_under_plain_lua() -> None:
    lua = LuaRuntime(unpack_returned_tuples=True)
    lua.execute(
        """
        local source_of = ...
        local loaded = {}
        function require(name)
          if not loaded[name] then
            loaded[name] = assert(loadstring(source_of(name), name))()
          end
          return loaded[name]
        end
        """,
        lambda name: modules()[name].read_text(),
    )
    for name in modules():
        assert lua.eval(f"type(require('{name}'))") == "table"
    for path in LUA_ROOT.glob("*.lua"):
        load = lua.eval("function(source, name) return assert(loadstring(source, name))() end")
        assert str(load(path.read_text(), path.stem)).startswith("<Lua function")


def modules() -> dict[str, Path]:
    return {path.stem: path for path in LUA_ROOT.glob("*/*.lua")}


def test_modules_of_lib_know_nothing_of_the_server() -> None:
    for path in (LUA_ROOT / "lib").glob("*.lua"):
        code = re.sub(r"--.*", "", path.read_text())
        assert not re.search(r"\b(redis|KEYS|ARGV)\b", code), path.name


def test_modules_of_lib_need_only_modules_of_lib() -> None:
    names = {path.stem for path in (LUA_ROOT / "lib").glob("*.lua")}
    for path in (LUA_ROOT / "lib").glob("*.lua"):
        assert {name for _, name in REQUIRE.findall(path.read_text())} <= names, path.name


# --- on servers ---


def test_a_library_is_loaded_once(server: Server) -> None:
    client = server.client(decode=False)
    assert not library.is_loaded(client)
    assert library.load(client)
    assert library.is_loaded(client)
    assert not library.load(client)
    assert library.loaded_names(client) == [library.current().name]


def test_modules_are_built_at_the_first_call_and_kept(server: Server, tmp_path: Path) -> None:
    counter = "local calls = 0\nreturn { next = function() calls = calls + 1 return calls end }"
    root = sources(
        tmp_path,
        one=requires("counter", body=ANSWER % "{ 'one', tostring(counter.next()) }"),
        two=requires("counter", body=ANSWER % "{ 'two', tostring(counter.next()) }"),
        lib_counter=counter,
    )
    client, made = server.client(), bundle(root)
    library.load(client, made)
    answers = [library.call(client, entry, [], [], made) for entry in ("one", "two", "one")]
    assert answers == [["one", "1"], ["two", "2"], ["one", "3"]]


def test_two_versions_serve_side_by_side(server: Server, tmp_path: Path) -> None:
    client = server.client()
    versions = []
    for number in ("1", "2"):
        (tmp_path / number).mkdir()
        versions.append(bundle(sources(tmp_path / number, one=ANSWER % f"{{ '{number}' }}")))
        library.load(client, versions[-1])
    library.load(client)
    assert [library.call(client, "one", [], [], each) for each in versions] == [["1"], ["2"]]
    assert open_book(client, "main", seen_generation_size=10)
    assert len(library.loaded_names(client)) == 3


def test_a_version_that_is_not_loaded_is_missed_by_name(server: Server, tmp_path: Path) -> None:
    made = bundle(sources(tmp_path, one=ANSWER % "'1'"))
    with pytest.raises(library.LibraryMissing, match=made.functions["one"]):
        library.call(server.client(), "one", [], [], made)


@pytest.mark.parametrize("protected", [True, False])
def test_a_chosen_command_fails_and_no_other(
    server: Server, tmp_path: Path, protected: bool
) -> None:
    call = "pcall" if protected else "call"
    body = f"""return function(keys, args)
  redis.call("RPUSH", keys[1], "first")
  local second = redis.{call}("RPUSH", keys[1], "second")
  if type(second) == "table" then return second end
  redis.call("RPUSH", keys[1], redis.sha1hex(args[1]))
  return {{ "done" }}
end"""
    client, made = server.client(), bundle(sources(tmp_path, one=body), faults=True)
    library.load(client, made)
    done = ["first", "second", "da39a3ee5e6b4b0d3255bfef95601890afd80709"]
    for fails, left in ((1, []), (2, done[:1]), (3, done[:2]), (4, done), (0, done)):
        client.delete("list")
        if 1 <= fails <= 3:
            with pytest.raises(exceptions.ResponseError, match="injected fault"):
                library.call(client, "one", ["list"], ["", str(fails)], made)
        else:
            assert library.call(client, "one", ["list"], ["", str(fails)], made) == ["done"]
        assert client.lrange("list", 0, -1) == left
