"""Whether books, functions and reference data on the server are those this program knows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from pm import keys
from pm.archive import layout
from pm.books import opening, reference_store
from pm.doctor.finding import Finding, fault, ok, warning
from pm.doctor.site import Site
from pm.functions import library


def check_functions(site: Site) -> Iterator[Finding]:
    """This version's function library is there; which older ones are left."""
    name = library.current().name
    loaded = site.ask(lambda: library.loaded_names(site.client))
    if loaded is None:
        yield warning("functions", "this user may not list them", "give it +function|list")
        return
    others = [other for other in loaded if other != name]
    left = f"; of other versions {len(others)}: {', '.join(others)}" if others else ""
    if name not in loaded:
        text = f"{name} is not loaded{left}"
        yield fault("functions", text, "run `pm functions load` as an administrator")
    elif len(others) > 1:
        text = f"{name} is loaded{left}"
        yield warning("functions", text, "FUNCTION DELETE those that no running process calls")
    else:
        yield ok("functions", f"{name} is loaded{left}")


def check_reference(site: Site) -> Iterator[Finding]:
    """There are instruments to book executions in."""
    version = site.ask(lambda: reference_store.current_version(site.client))
    if version or site.is_cluster:
        yield ok("reference", f"version {version or 'unknown: on another node'}")
    else:
        text = "there is no reference data: every execution would be quarantined"
        yield warning("reference", text, "run `pm reference load FILE`")


def check_books(site: Site) -> Iterator[Finding]:
    """Each book's layout, its reference data, and whether it is whole."""
    if site.is_cluster:
        yield ok("books", "spread over a cluster: `pm verify` looks at each")
        return
    names = site.ask(lambda: opening.names(site.client)) or []
    version = site.ask(lambda: reference_store.current_version(site.client)) or 0
    for name in names:
        yield _book(site, name, version)
    lost = [name for name in layout.listed_books(site.settings.archive_path) if name not in names]
    for name in lost:
        text = "it is in the archive and not on the server, which is new or lost it"
        yield fault(f"book {name}", text, "run `pm rebuild` before anything opens it empty")
    missing = [name for name in site.settings.books.names if name not in (*names, *lost)]
    if missing:
        text = f"not opened yet: {', '.join(missing)}"
        yield warning("books", text, "`pm worker` opens them when it starts")


def _book(site: Site, name: str, version: int) -> Finding:
    subject = f"book {name}"
    head = site.ask(lambda: opening.head(site.client, name))
    if head is None:
        return fault(subject, "it is listed and is not there", "see what deleted its keys")
    if head.schema != opening.SCHEMA:
        text = f"it has layout {head.schema}, this program knows {opening.SCHEMA}"
        return fault(subject, text, "use the version of pm that made it, or `pm rebuild`")
    last: Any = site.ask(lambda: site.client.xrevrange(keys.journal(name), count=1))
    if last and int(str(last[0][0]).partition("-")[0]) > head.seq:
        text = f"it is torn: its journal is ahead of seq {head.seq}"
        return warning(subject, text, "the next call of a worker mends it: see that one runs")
    if head.reference_version < version:
        text = f"seq {head.seq}, reference version {head.reference_version} of {version}"
        return warning(subject, text, "its worker takes over the newest: see that one runs")
    return ok(subject, f"seq {head.seq}, reference version {head.reference_version}")


CHECKS: Final = (check_functions, check_reference, check_books)
