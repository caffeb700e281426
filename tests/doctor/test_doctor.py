"""`pm doctor` finds what is wrong with a real server, and changes nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from pm import keys
from pm.archive import layout
from pm.books import opening
from pm.doctor import Finding, examine, host_checks, server_checks, worst
from pm.doctor.rights import NEEDS
from pm.doctor.site import Site
from pm.functions import library
from pm.settings import Settings, load_settings
from tests.cli.site import Shell
from tests.servers import ServerProcess, StartServer
from tests.valuation.desk import Desk

PASSWORD = "replace-this-password"


def settings_for(url: str, folder: Path, **variables: str) -> Settings:
    environment = {"PM_REDIS_URL": url, "PM_DATA": str(folder), **variables}
    return load_settings(Path("config/portfolio.toml"), environment)


def found(settings: Settings, role: str | None = None) -> dict[str, list[Finding]]:
    """The findings by subject."""
    by_subject: dict[str, list[Finding]] = {}
    for finding in examine(settings, None, role):
        by_subject.setdefault(finding.subject, []).append(finding)
    return by_subject


@pytest.fixture
def desk(valkey_server: ServerProcess) -> Desk:
    return Desk.opened(valkey_server)


def test_a_server_as_it_should_be_has_no_fault(desk: Desk, tmp_path: Path) -> None:
    findings = found(settings_for(desk.server.url, tmp_path))
    assert worst(finding for several in findings.values() for finding in several) != "fault"
    subjects = ("server", "features", "persistence", "eviction", "functions", "disk: server")
    for subject in (*subjects, "book main"):
        assert [finding.level for finding in findings[subject]] == ["ok"], findings[subject]
    assert findings["reference"][0].text == "version 1"


@pytest.mark.parametrize(
    ("configuration", "subject", "level", "said"),
    [
        ({"appendonly": "no"}, "persistence", "fault", "set appendonly yes"),
        ({"appendfsync": "no"}, "persistence", "fault", "set appendfsync always"),
        ({"appendfsync": "everysec"}, "persistence", "warning", "set appendfsync always"),
        ({"no-appendfsync-on-rewrite": "yes"}, "persistence", "warning", "rewrite no"),
        (
            {"maxmemory": "4gb", "maxmemory-policy": "allkeys-lru"},
            "eviction",
            "fault",
            "set maxmemory-policy noeviction",
        ),
        ({"maxmemory-policy": "volatile-ttl"}, "eviction", "warning", "noeviction"),
        ({"maxmemory": "0"}, "memory", "warning", "at most 60 %"),
        ({"maxmemory": "2mb"}, "memory", "fault", "archive sooner"),
        ({"timeout": "5"}, "timeouts", "warning", "set timeout 0"),
    ],
)
def test_what_is_configured_wrong_is_named_with_its_remedy(
    desk: Desk,
    tmp_path: Path,
    configuration: dict[str, str],
    subject: str,
    level: str,
    said: str,
) -> None:
    client = desk.server.client()
    before = {name: str(client.config_get(name)[name]) for name in configuration}
    try:
        for name, value in configuration.items():
            client.config_set(name, value)
        (finding,) = found(settings_for(desk.server.url, tmp_path))[subject]
    finally:
        for name, value in before.items():
            client.config_set(name, value)
    assert (finding.level, said in finding.remedy) == (level, True), finding


def test_what_is_wrong_with_books_and_functions(desk: Desk, tmp_path: Path) -> None:
    client = desk.client
    settings = settings_for(desk.server.url, tmp_path)
    library_name = library.current().name
    client.function_delete(library_name)
    assert found(settings)["functions"][0].level == "fault"
    library.load(client)

    client.hset(keys.book("main"), "schema", "1")
    assert found(settings)["book main"][0].level == "fault"
    client.hset(keys.book("main"), "schema", opening.SCHEMA)
    client.hincrby(keys.book("main"), "seq", -1)
    assert "torn" in found(settings)["book main"][0].text
    client.zadd(keys.books(), {"gone": 0})
    assert found(settings)["book gone"][0].level == "fault"
    client.delete(keys.reference_versions())
    assert found(settings)["reference"][0].level == "warning"


def test_a_book_that_only_the_archive_has_is_a_fault(desk: Desk, tmp_path: Path) -> None:
    settings = settings_for(desk.server.url, tmp_path)
    (settings.archive_path / "book=begun").mkdir(parents=True)
    (settings.archive_path / "book=lost").mkdir()
    (settings.archive_path / "book=lost" / layout.MANIFEST).touch()
    findings = found(settings)
    assert "book begun" not in findings
    (finding,) = findings["book lost"]
    assert (finding.level, "`pm rebuild`" in finding.remedy) == ("fault", True)


def test_the_relay_is_looked_for_where_it_is_needed(desk: Desk, tmp_path: Path) -> None:
    settings = settings_for(desk.server.url, tmp_path)
    assert "relay" in found(settings)
    assert "relay" in found(settings, "gateway")
    assert "relay" not in found(settings, "jobs")


def test_it_changes_nothing(desk: Desk, tmp_path: Path) -> None:
    client = desk.server.client(decode=False)
    before = _everything(client)
    for role in NEEDS:
        found(settings_for(desk.server.url, tmp_path), role)
    assert _everything(client) == before
    assert list(tmp_path.iterdir()) == []


def _everything(client: redis.Redis) -> tuple[Any, ...]:
    stored = {key: client.dump(key) for key in client.scan_iter(count=1000)}
    return stored, client.config_get("*"), client.function_list()


def test_without_a_server_the_rest_is_checked(tmp_path: Path) -> None:
    shell = Shell(tmp_path, "--redis", f"unix://{tmp_path}/none.sock")
    result = shell.run("doctor", "--json")
    told = json.loads(result.stdout)
    by_subject = {finding["subject"]: finding for finding in told["findings"]}
    assert (result.exit_code, told["level"]) == (1, "fault")
    assert "there is no such socket" in by_subject["server"]["text"]
    assert by_subject["disk: data"]["level"] == "ok"
    assert by_subject["relay"]["level"] == "warning"


def test_a_private_server_is_neither_started_nor_needed(tmp_path: Path) -> None:
    shell = Shell(tmp_path, "--data", str(tmp_path / "none"))
    assert "none configured, and none runs" in shell.ok("doctor")
    assert not (tmp_path / "none").exists()


def test_wrong_settings_are_findings(tmp_path: Path) -> None:
    shell = Shell(tmp_path)
    result = shell.run("doctor", PM_REDIS__APPENDFSYNC="sometimes", PM_WORKERS__COUNTS="3")
    assert result.exit_code == 1
    assert "did you mean PM_WORKERS__COUNT?" in result.stdout
    assert "\x1b" not in result.stdout


def test_passwords_are_not_shown(desk: Desk, tmp_path: Path) -> None:
    target = desk.server.url.replace("://", "://nobody:secret@")
    shell = Shell(tmp_path, "--redis", target)
    result = shell.run("doctor", PM_JOBS__URL="redis://u:hidden@127.0.0.1:1/0")
    assert result.exit_code == 1
    assert "refused the user or password" in result.stdout
    assert "→ correct user and password in redis.url\n" in result.stdout
    assert "→ start it, or correct jobs.url\n" in result.stdout
    assert "secret" not in result.stdout
    assert "hidden" not in result.stdout


def test_a_cluster_is_told_of_the_queue_and_of_updates(
    start_server: StartServer, tmp_path: Path
) -> None:
    cluster = start_server("valkey", options={"cluster-enabled": "yes"})
    findings = found(settings_for(cluster.url, tmp_path))
    assert findings["jobs"][0].remedy == "set jobs.url to a single server"
    assert findings["features"][0].remedy == "set redis.sharded_updates = true"
    assert findings["books"][0].level == findings["reference"][0].level == "ok"


def test_a_replica_is_refused_and_its_primary_warned(
    start_server: StartServer, desk: Desk, tmp_path: Path
) -> None:
    with desk.server.client() as client:
        client.config_set("port", "0")
    replica = start_server("valkey", options={"replicaof": "127.0.0.1 1"})
    (finding,) = found(settings_for(replica.url, tmp_path))["server"]
    assert (finding.level, finding.remedy) == ("fault", "name its primary in redis.url")
    site = _site(connected_slaves=1)
    assert next(server_checks.check_replicas(site)).level == "warning"


@pytest.fixture
def users(desk: Desk) -> Iterator[Desk]:
    client = desk.server.client()
    names = []
    for line in Path("config/users.acl").read_text().splitlines():
        if line.startswith("user ") and not line.startswith("user default"):
            _, name, *rules = re.findall(r"\([^)]*\)|\S+", line)
            client.execute_command("ACL", "SETUSER", name, "reset", *rules)
            names.append(name)
    yield desk
    desk.server.client().acl_deluser(*names)


def test_each_user_may_do_what_its_role_needs_and_bring_no_code(
    users: Desk, tmp_path: Path
) -> None:
    names = users.server.client().acl_users()
    assert set(NEEDS) == set(names) - {"default"}
    for role in sorted(NEEDS):
        target = users.server.url.replace("://", f"://{role}:{PASSWORD}@")
        for finding in found(settings_for(target, tmp_path))["rights"]:
            assert finding.level == "ok", finding
            assert finding.text == f"user {role} may do what {role} needs"


def test_a_user_without_info_is_not_warned_of_what_it_cannot_see(
    users: Desk, tmp_path: Path
) -> None:
    target = users.server.url.replace("://", f"://reader:{PASSWORD}@")
    (finding,) = found(settings_for(target, tmp_path))["persistence"]
    assert finding.level == "ok"
    assert finding.text.startswith("not looked at: this user may not use INFO")


def test_a_password_that_is_missing_is_no_server_to_start(desk: Desk, tmp_path: Path) -> None:
    with desk.server.client() as client:
        client.config_set("requirepass", "secret")
        try:
            (finding,) = found(settings_for(desk.server.url, tmp_path))["server"]
        finally:
            client.config_set("requirepass", "")
    assert finding.remedy == "correct user and password in redis.url"


def test_a_user_that_lacks_rights_for_a_role_is_told_which(users: Desk, tmp_path: Path) -> None:
    target = users.server.url.replace("://", f"://reader:{PASSWORD}@")
    (finding,) = found(settings_for(target, tmp_path), "worker")["rights"]
    assert finding.level == "fault"
    assert "FCALL" in finding.text
    assert "XADD" in finding.text
    client = users.server.client()
    client.execute_command("ACL", "SETUSER", "worker", "+eval")
    target = users.server.url.replace("://", f"://worker:{PASSWORD}@")
    *_, finding = found(settings_for(target, tmp_path))["rights"]
    assert (finding.level, "EVAL" in finding.text) == ("warning", True)


def _site(clock_ahead_s: float = 0.0, **info: Any) -> Site:
    site = Site(Settings(), "unix:///none", False, redis.Redis(), info)
    site.clock_ahead_s = clock_ahead_s
    return site


@pytest.mark.parametrize(("ahead", "level"), [(0.2, "ok"), (-2.0, "warning"), (60.0, "fault")])
def test_clocks_that_differ(ahead: float, level: str) -> None:
    (finding,) = server_checks.check_clock(_site(ahead))
    assert finding.level == level


@pytest.mark.parametrize(("free", "level"), [(50, "ok"), (5, "warning"), (1, "fault")])
def test_disks_that_fill_up(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, free: int, level: str
) -> None:
    usage = type("usage", (), {"free": free, "total": 100})
    monkeypatch.setattr(host_checks.shutil, "disk_usage", lambda _path: usage)
    findings = list(host_checks.check_disks(Settings(data=tmp_path)))
    assert [finding.level for finding in findings] == [level] * 4


def test_who_only_reads_the_archive_need_not_be_able_to_write_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    archive = tmp_path / "archive"
    archive.mkdir()
    monkeypatch.setattr(host_checks.os, "access", lambda path, _how: path != archive)
    faults = {
        role: [f.subject for f in host_checks.check_disks(settings, role) if f.level == "fault"]
        for settings in [Settings(data=tmp_path)]
        for role in ("jobs", "gateway", "worker", "metrics")
    }
    assert faults == {"jobs": ["disk: archive"], "gateway": [], "worker": [], "metrics": []}


def test_kernel_settings_that_hurt_a_rewrite(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "sys/vm").mkdir(parents=True)
    (tmp_path / "sys/vm/overcommit_memory").write_text("0\n")
    (tmp_path / "meminfo").write_text("MemTotal: 9 kB\nMemAvailable:  1024 kB\n")
    (tmp_path / "huge").write_text("[always] madvise never\n")
    monkeypatch.setattr(host_checks, "PROC", tmp_path)
    monkeypatch.setattr(host_checks, "HUGE_PAGES", tmp_path / "huge")
    findings = list(host_checks.check_kernel(_site(used_memory_rss=2 * 2**20)))
    assert [finding.level for finding in findings] == ["warning"] * 3
    (tmp_path / "sys/vm/overcommit_memory").write_text("1\n")
    (tmp_path / "huge").write_text("always [madvise] never\n")
    (finding,) = host_checks.check_kernel(_site(used_memory_rss=1))
    assert finding.level == "ok"


def test_a_relay_that_is_no_socket(tmp_path: Path) -> None:
    path = tmp_path / "relay.sock"
    path.write_text("")
    settings = settings_for("unix:///none", tmp_path, PM_GATEWAY__SOCKET_PATH=str(path))
    (finding,) = host_checks.check_relay(settings)
    assert (finding.level, finding.text) == ("fault", f"{path} is no socket")
