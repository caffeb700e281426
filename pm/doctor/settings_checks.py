"""Where settings come from, which differ from the defaults, and which do not fit together."""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from redis import exceptions

from pm.connect import connect
from pm.connect.errors import explain
from pm.doctor.finding import Finding, fault, ok, warning
from pm.doctor.site import TIMEOUT_S, Site
from pm.doctor.unreachable import remedy_for
from pm.redis_url import redact_url
from pm.settings import DEFAULT_CONFIG, Settings, setting_names


def check_settings(settings: Settings, file: Path | None) -> Iterator[Finding]:
    """The file, and what is not as it is by default."""
    used = file or DEFAULT_CONFIG
    place = f"read from {used}" if used.is_file() else f"no file {used}: defaults and PM_ variables"
    changed = [
        f"{name} = {_shown(_value(settings, name))}"
        for name in setting_names()
        if _value(settings, name) != _value(Settings(), name)
    ]
    yield ok("settings", f"{place}; " + ("; ".join(changed) or "all as by default"))
    storage = settings.storage
    if storage.cold_path and not storage.archive_completed_trades:
        text = "storage.cold_path is set and storage.archive_completed_trades is false"
        yield warning("settings", text, "nothing is archived, so nothing moves there: set it true")
    if settings.jobs.trace_expiry_interval_seconds > (
        settings.attribution.temporary_position_ttl_seconds
    ):
        text = "traces are looked at less often than they expire"
        yield warning("settings", text, "set jobs.trace_expiry_interval_seconds below their ttl")


def check_queue(settings: Settings, site: Site | None) -> Iterator[Finding]:
    """Whether the jobs' queue has a server that can hold it."""
    target = settings.jobs.target
    if target is None:
        if site is None:
            return
        if site.is_cluster:
            text = "the books' server is a cluster, which cannot hold the queue"
            yield fault("jobs", text, "set jobs.url to a single server")
        else:
            yield ok("jobs", "their queue is on the books' server")
        return
    shown = redact_url(target)
    try:
        with connect(target, role="doctor", timeout_s=TIMEOUT_S) as client:
            client.ping()
            try:
                info: Any = client.info("cluster")
            except exceptions.NoPermissionError:
                info = {}
    except (exceptions.RedisError, OSError) as error:
        yield fault("jobs", explain(error, target, is_first=True), remedy_for(error, "jobs.url"))
        return
    if str(info.get("cluster_enabled", "0")) == "1":
        yield fault("jobs", f"{shown} is a cluster", "set jobs.url to a single server")
    else:
        yield ok("jobs", f"their queue is at {shown}")


def _value(settings: Settings, name: str) -> Any:
    return reduce(getattr, name.split("."), settings)


def _shown(value: Any) -> str:
    if isinstance(value, SecretStr):
        return redact_url(value.get_secret_value())
    return str(value)
