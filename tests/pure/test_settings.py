"""Where a setting comes from, and what a wrong one says."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from pm.redis_url import check_redis_url, redact_url
from pm.settings import Settings, SettingsError, load_settings, setting_names

SHIPPED = Path(__file__).resolve().parents[2] / "config" / "portfolio.toml"


@pytest.fixture(autouse=True)
def _no_file_in_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def _written(text: str, name: str = "given.toml") -> Path:
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def _faults(
    text: str = "",
    environ: dict[str, str] | None = None,
    overrides: dict[str, object] | None = None,
) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        load_settings(_written(text), environ or {}, overrides)
    return str(caught.value).splitlines()


def test_without_any_source_the_defaults_hold() -> None:
    assert load_settings(None, {}) == Settings()


def test_the_shipped_file_states_the_defaults() -> None:
    assert load_settings(SHIPPED, {}) == Settings()


def test_the_shipped_file_names_every_setting_but_the_data_folder() -> None:
    text = SHIPPED.read_text()
    unnamed = [name for name in setting_names() if name.rpartition(".")[2] not in text]
    assert unnamed == []
    assert "PM_DATA" in text


def test_every_line_of_the_shipped_file_that_is_commented_out_is_a_setting() -> None:
    text = SHIPPED.read_text().replace("# url", "url").replace("# outbox_path", "outbox_path")
    settings = load_settings(_written(text.replace("# 7", "7")), {})
    assert settings.redis.shown == "redis://user:***@host:6379/0"
    assert settings.books.strategies == {"7": "market-making"}
    assert settings.outbox_path == Path("/var/lib/pm/outbox.sqlite")


def test_the_file_beats_the_default() -> None:
    assert load_settings(_written("[workers]\ncount = 3\n"), {}).workers.count == 3


def test_the_environment_beats_the_file() -> None:
    file = _written("[workers]\ncount = 3\nlease_ms = 7\n")
    workers = load_settings(file, {"PM_WORKERS__COUNT": "4"}).workers
    assert (workers.count, workers.lease_ms) == (4, 7)


def test_the_command_line_beats_the_environment() -> None:
    environ = {"PM_REDIS_URL": "redis://a", "PM_DATA": "/from/variable"}
    settings = load_settings(None, environ, {"redis.url": "redis://b", "data": None})
    assert settings.redis.target == "redis://b"
    assert settings.data == Path("/from/variable")


def test_the_file_in_its_usual_place_is_read_when_none_is_named() -> None:
    _written("[workers]\ncount = 5\n", "config/portfolio.toml")
    assert load_settings(None, {}).workers.count == 5


def test_a_named_file_replaces_the_one_in_the_usual_place() -> None:
    _written("[workers]\ncount = 5\n", "config/portfolio.toml")
    file = _written("")
    assert load_settings(None, {"PM_CONFIG": str(file)}).workers.count == 2


def test_the_command_lines_file_beats_the_variables() -> None:
    file = _written("[workers]\ncount = 5\n")
    assert load_settings(file, {"PM_CONFIG": "/no/such"}).workers.count == 5


def test_a_file_named_on_the_command_line_must_exist() -> None:
    with pytest.raises(SettingsError, match=r"^--config: there is no file /no/such\.toml$"):
        load_settings(Path("/no/such.toml"), {})


def test_a_file_named_by_the_variable_must_exist() -> None:
    with pytest.raises(SettingsError, match=r"^PM_CONFIG: there is no file /no/such\.toml$"):
        load_settings(None, {"PM_CONFIG": "/no/such.toml"})


def test_a_file_that_is_not_toml_says_the_line() -> None:
    (fault,) = _faults("[workers]\ncount = \n")
    assert fault.startswith("given.toml: not valid TOML: ")
    assert "line 2" in fault


def test_a_misspelt_key_names_the_right_one() -> None:
    assert _faults("[workers]\ncuont = 3\n") == [
        "given.toml: no such setting: workers.cuont; did you mean workers.count?"
    ]


def test_a_key_in_the_wrong_section_names_the_right_one() -> None:
    assert _faults("[workers]\nappendfsync = 'always'\n") == [
        "given.toml: no such setting: workers.appendfsync; did you mean redis.appendfsync?"
    ]


def test_a_misspelt_section_names_the_right_one() -> None:
    assert _faults("[worker]\ncount = 3\n") == [
        "given.toml: no such setting: worker; did you mean workers?"
    ]


def test_an_unknown_section_is_refused_even_when_it_is_empty() -> None:
    (fault,) = _faults("[warehouse]\n")
    assert fault.startswith("given.toml: no such setting: warehouse; sections: ")


def test_a_value_where_a_section_belongs_is_refused() -> None:
    assert _faults("redis = 5\n", {"PM_REDIS_URL": "redis://h"}) == [
        "given.toml: redis = 5: must be a table: write [redis]"
    ]


def test_a_misspelt_variable_names_the_right_one() -> None:
    assert _faults(environ={"PM_WORKER_COUNT": "3", "PM_REDIS_URI": "redis://:secret@h"}) == [
        "PM_REDIS_URI: no such setting; did you mean PM_REDIS_URL?",
        "PM_WORKER_COUNT: no such setting; did you mean PM_WORKERS__COUNT?",
    ]


def test_variables_of_others_are_left_alone() -> None:
    environ = {"pm_id": "0", "PMX": "1", "HOME": "/", "PM_TEST_REDIS": "x", "PM_CONFIG": ""}
    assert load_settings(None, environ) == Settings()


def test_an_empty_variable_counts_as_none() -> None:
    assert load_settings(None, {"PM_REDIS_URL": "", "PM_WORKERS__COUNT": ""}) == Settings()


def test_the_short_and_the_full_variable_may_not_differ() -> None:
    environ = {"PM_REDIS_URL": "redis://a", "PM_REDIS__URL": "redis://b"}
    assert _faults(environ=environ) == ["PM_REDIS_URL and PM_REDIS__URL differ: set one of them"]


def test_every_wrong_value_is_a_line_with_its_own_place() -> None:
    faults = _faults(
        "[workers]\ncount = 0\nlease_ms = true\n",
        {"PM_REDIS__APPENDFSYNC": "no", "PM_GATEWAY__SOURCE": "a:b"},
        {"workers.batch_max_entries": "many"},
    )
    assert sorted(faults) == [
        "PM_GATEWAY__SOURCE: gateway.source = 'a:b': must be 1 to 128 of A-Z a-z 0-9 . _ -",
        "PM_REDIS__APPENDFSYNC: redis.appendfsync = 'no': must be 'always' or 'everysec'",
        "command line: workers.batch_max_entries = 'many': must be a valid integer, "
        "unable to parse string as an integer",
        "given.toml: workers.count = 0: must be greater than or equal to 1",
        "given.toml: workers.lease_ms = True: must be a whole number",
    ]


def test_strategies_map_to_books_from_file_and_environment() -> None:
    books = load_settings(_written('[books.strategies]\n7 = "hot"\n'), {}).books
    assert (books.book_of("7"), books.book_of("8")) == ("hot", "main")
    assert books.names == ("hot", "main")
    books = load_settings(None, {"PM_BOOKS__STRATEGIES": '{"8": "cold"}'}).books
    assert books.book_of("8") == "cold"


def test_a_strategy_table_that_is_not_json_is_refused() -> None:
    (fault,) = _faults(environ={"PM_BOOKS__STRATEGIES": "7=hot"})
    assert fault.endswith("""'7=hot': must be a JSON object like {"7": "main"}""")


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Settings().workers.count = 9


def test_the_outbox_lies_in_the_data_folder_unless_it_is_placed() -> None:
    assert load_settings(None, {"PM_DATA": "/d"}).outbox_path == Path("/d/outbox.sqlite")
    placed = load_settings(None, {"PM_GATEWAY__OUTBOX_PATH": "/o.sqlite"})
    assert placed.outbox_path == Path("/o.sqlite")


def test_a_password_is_in_no_text_of_the_settings() -> None:
    settings = load_settings(None, {"PM_REDIS_URL": "redis://u:secret@h:1/2"})
    assert "secret" not in repr(settings) + str(settings) + settings.model_dump_json()
    assert settings.redis.shown == "redis://u:***@h:1/2"
    assert settings.redis.target == "redis://u:secret@h:1/2"


@pytest.mark.parametrize(
    "wrong",
    [
        "http://u:secret@h",
        "redis://u:secret@",
        "redis://u:secret@h:notaport",
        "redis://u:secret@h/books",
        "unix://u:secret@",
        "redis://u:secret@h?socket_timeout=1",
        "unix:///s.sock?password=secret&protocol=3",
        "u:secret@h:6379",
        "redis://u:secret@[h",
        "redis://u:12/secret@h",
    ],
)
def test_a_wrong_url_is_refused_without_its_password(wrong: str) -> None:
    (fault,) = _faults(environ={"PM_REDIS_URL": wrong})
    assert fault.startswith("PM_REDIS_URL: redis.url = ")
    assert "secret" not in fault


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://h:1/2", "redis://h:1/2"),
        ("redis://u:p@ss:w/o@h", "redis://u:***@h"),
        ("rediss://:p@h?ssl_password=q&db=1", "rediss://:***@h?ssl_password=***&db=1"),
        ("unix:///a@b.sock?password=p", "unix:///a@b.sock?password=***"),
        ("/a@b.sock", "/a@b.sock"),
    ],
)
def test_a_url_is_shown_without_its_password(url: str, shown: str) -> None:
    assert redact_url(url) == shown


def test_the_path_of_a_socket_becomes_a_url() -> None:
    assert check_redis_url("/a b/c?.sock") == "unix:///a%20b/c%3F.sock"
