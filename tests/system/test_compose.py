"""compose.yaml holds together: its commands, files, users and variables are those there are."""

from __future__ import annotations

import os
import re
import shutil
import subprocess

import click
import pytest
import yaml

from pm.cli.main import main
from pm.settings import load_settings
from tests.system.composition import (
    FILE,
    ROOT,
    VariableMissing,
    example_variables,
    services,
)

VARIABLES = example_variables()
SERVICES = services(VARIABLES)
OURS = [name for name, service in SERVICES.items() if service.is_ours]
DECLARED = yaml.safe_load(FILE.read_text())["volumes"]
SECRETS = [name for name in VARIABLES if name.endswith("_PASSWORD")]


def test_everything_the_system_needs_is_there() -> None:
    assert set(SERVICES) == {
        *("redis", "init", "admin", "gateway", "worker", "jobs", "metrics"),
        *("prometheus", "grafana"),
    }
    assert SERVICES["worker"].raw["deploy"]["replicas"] == 2
    for name in set(SERVICES) - {"init", "admin"}:
        assert SERVICES[name].raw["restart"] == "unless-stopped", name
        assert SERVICES[name].check, f"{name} has no health check"


def test_who_rebuilds_is_the_administrator_where_the_archive_is_and_only_when_asked() -> None:
    admin, jobs = SERVICES["admin"], SERVICES["jobs"]
    assert (admin.raw["profiles"], admin.raw["restart"]) == (["admin"], "no")
    assert admin.environment["PM_REDIS_URL"].startswith("redis://admin:")
    assert admin.environment["PM_DATA"] == jobs.environment["PM_DATA"]
    assert {"history"} == {source for source, _ in admin.mounts} & set(DECLARED)
    assert set(jobs.mounts) <= set(admin.mounts)
    assert set(admin.raw["depends_on"]) == {"redis"}  # the others would open the books
    # What operations.md has typed by hand.
    told = (ROOT / "docs" / "operations.md").read_text()
    typed = re.findall(r"docker compose run --rm admin (.*)", told)
    assert [words.split()[0] for words in typed] == ["rebuild", "reference", "verify"]
    for words in typed:
        instruments = str(ROOT / "config" / "instruments.toml")
        _parse(words.replace("/etc/pm/instruments.toml", instruments).split())


@pytest.mark.parametrize("name", ["gateway", "worker", "metrics"])
def test_who_may_open_books_or_tells_of_them_sees_the_archive(name: str) -> None:
    service, jobs = SERVICES[name], SERVICES["jobs"]
    (mounted,) = [text for text in service.raw["volumes"] if text.startswith("history:")]
    _, place, how = mounted.split(":")
    assert how == "ro"
    seen, kept = (
        load_settings(ROOT / "config" / "portfolio.toml", environment).archive_path
        for environment in (service.environment, jobs.environment)
    )
    assert seen.relative_to(place) == kept.relative_to(jobs.environment["PM_DATA"])


@pytest.mark.parametrize("name", OURS)
def test_commands_and_their_options_exist(name: str) -> None:
    sources = {target: str(ROOT / source) for source, target in SERVICES[name].mounts}
    for arguments in SERVICES[name].pm_commands():
        _parse([sources.get(argument, argument) for argument in arguments])
    if SERVICES[name].check:
        program, *arguments = SERVICES[name].check
        assert program == "pm"
        _parse(arguments)


def _parse(arguments: list[str]) -> None:
    """Let click find the command and parse its options, without running it."""
    command: click.Command = main
    context = click.Context(main)
    while isinstance(command, click.Group) and arguments:
        found = command.get_command(context, arguments[0])
        assert found is not None, f"pm has no command {arguments[0]}"
        if isinstance(found, click.Group) and len(arguments) > 1 and arguments[1][0] != "-":
            command, arguments = found, arguments[1:]
            continue
        found.make_context(arguments[0], list(arguments[1:]))
        return


@pytest.mark.parametrize("name", SERVICES)
def test_what_is_mounted_exists(name: str) -> None:
    for source, _target in SERVICES[name].mounts:
        if source.startswith("./"):
            assert (ROOT / source).exists(), source
        elif not source.startswith("/"):
            assert source in DECLARED


@pytest.mark.parametrize("name", OURS)
def test_settings_are_settings_and_users_are_users(name: str) -> None:
    environment = dict(SERVICES[name].environment)
    assert environment.pop("PM_CONFIG") in dict(map(reversed, SERVICES[name].mounts))
    settings = load_settings(ROOT / "config" / "portfolio.toml", environment)
    user = re.match(r"redis://(\w+):", settings.redis.target or "")
    assert user is not None
    acl = (ROOT / "config" / "users.acl").read_text()
    assert f"\nuser {user[1]} on " in acl
    assert VARIABLES[f"REDIS_{user[1].upper()}_PASSWORD"] in (settings.redis.target or "")
    if name != "init":
        assert SERVICES[name].raw["read_only"], "files outside its volumes"


def test_every_user_of_the_file_has_a_password_of_its_own() -> None:
    acl = (ROOT / "config" / "users.acl").read_text()
    users = re.findall(r"^user (\w+) on ", acl, re.MULTILINE)
    wanted = {f"REDIS_{user.upper()}_PASSWORD" for user in users}
    assert wanted <= set(SERVICES["redis"].environment)
    assert wanted <= set(SECRETS)


@pytest.mark.parametrize("secret", SECRETS)
def test_without_a_secret_nothing_starts(secret: str) -> None:
    with pytest.raises(VariableMissing, match=secret):
        services({**VARIABLES, secret: ""})


@pytest.mark.parametrize("password", ["", "replace-this-password", "short", "has space in it"])
def test_the_server_refuses_a_password_that_is_none(tmp_path: object, password: str) -> None:
    environment = {
        **os.environ,
        **SERVICES["redis"].environment,
        "REDIS_ACL_FILE": f"{tmp_path}/users.acl",
        "REDIS_WORKER_PASSWORD": password,
    }
    done = subprocess.run(
        ["sh", str(ROOT / "config" / "start-redis.sh")],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("REDIS_WORKER_PASSWORD: needs 12 or more")


def test_ports_are_those_of_this_machine_alone() -> None:
    for service in SERVICES.values():
        for port in service.raw.get("ports", ()):
            assert str(port).startswith("127.0.0.1:"), service.name


@pytest.mark.skipif(shutil.which("docker-compose") is None, reason="no docker-compose")
def test_compose_takes_it() -> None:
    done = subprocess.run(
        ["docker-compose", "--file", str(FILE), "config", "--quiet"],
        env={**os.environ, **VARIABLES},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")
