"""Which checks are made, in which order, with and without a server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from redis import exceptions

from pm.connect import ServerError
from pm.connect.errors import explain
from pm.doctor import book_checks, host_checks, rights, server_checks, settings_checks
from pm.doctor.finding import Finding, fault, ok
from pm.doctor.site import Site
from pm.doctor.unreachable import remedy_for
from pm.server.running import running_server
from pm.settings import Settings


def examine(settings: Settings, file: Path | None, role: str | None) -> Iterator[Finding]:
    """Every finding, as it is made. `file` is the settings file that was named, if any."""
    yield from settings_checks.check_settings(settings, file)
    site = None
    try:
        site = _visit(settings)
        if site is None:
            yield ok(
                "server", f"none configured, and none runs for {settings.data}: commands start one"
            )
        else:
            yield from _on_server(site, role)
    except ServerError as error:
        yield fault("server", str(error), "start it, or correct redis.url")
    except (exceptions.RedisError, OSError) as error:
        target = settings.redis.target or str(settings.data)
        yield fault(
            "server", explain(error, target, is_first=site is None), remedy_for(error, "redis.url")
        )
    finally:
        if site is not None:
            site.client.close()
    yield from settings_checks.check_queue(settings, site)
    yield from host_checks.check_disks(settings, role)
    if role in (None, "admin", "gateway"):
        yield from host_checks.check_relay(settings)


def _visit(settings: Settings) -> Site | None:
    configured = settings.redis.target
    target = configured or running_server(settings.data)
    if target is None:
        return None
    return Site.visited(settings, target, is_private=configured is None)


def _on_server(site: Site, role: str | None) -> Iterator[Finding]:
    for check in server_checks.CHECKS:
        yield from check(site)
    yield from host_checks.check_kernel(site)
    yield from host_checks.check_server_disk(site)
    yield from rights.check_rights(site, role)
    for check in book_checks.CHECKS:
        yield from check(site)
