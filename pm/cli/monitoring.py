"""Commands that watch the system: metrics, health."""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click
import redis

from pm import keys
from pm.cli.output import JSON_OPTION, iso, print_json, print_table
from pm.cli.process_log import log_to_stderr
from pm.cli.processes import stop_on_signals
from pm.cli.session import Failure, Options, Session, WrongSettings, load, session
from pm.client.asking import READ_REPEATS
from pm.connect.replies import text_of
from pm.counting.catalogue import BUCKETS, METRICS, Series
from pm.counting.stored import read_counted
from pm.health.asking import Health, ask, not_asked
from pm.metrics import exposition
from pm.metrics.collecting import current_gauges
from pm.metrics.serving import MonitoringServer, Pages, parse_address

log = logging.getLogger("pm.metrics")


@click.command()
@click.option("--once", is_flag=True, help="Print them once instead of serving them.")
@JSON_OPTION
@click.option("--verbose", is_flag=True, help="Log more.")
@click.pass_obj
def metrics(options: Options, once: bool, as_json: bool, verbose: bool) -> None:
    """Serve /metrics, /livez and /readyz on monitoring.metrics_address until stopped.

    With --once or --json print the metrics instead: as Prometheus reads them, or as JSON with exact
    amounts.
    """
    if once or as_json:
        with _asking(options) as (current, client):
            if as_json:
                print_json(_metrics_json(client, current))
            else:
                click.echo(exposition.text_of(client, current.settings), nl=False)
        return
    log_to_stderr(load(options), verbose)
    with (
        session(options, writes=False) as current,
        current.client(role="metrics", decode=False, repeats=READ_REPEATS) as client,
    ):
        _serve(current, client)


@contextmanager
def _asking(options: Options) -> Iterator[tuple[Session, redis.Redis]]:
    """A client that does not decode; what is stored and cannot be read becomes a Failure."""
    with session(options, writes=False) as current, current.client(decode=False) as client:
        try:
            yield current, client
        except ValueError as error:
            raise Failure(f"what is stored cannot be read, see `pm verify`: {error}") from None


def _serve(current: Session, client: redis.Redis) -> None:
    told = current.settings.monitoring.metrics_address
    try:
        address = parse_address(told)
    except ValueError as error:
        raise WrongSettings(f"monitoring.metrics_address: {error}") from None
    try:
        server = MonitoringServer(address, Pages(client, current.settings, current.target))
    except OSError as error:
        raise Failure(f"monitoring.metrics_address = {told}: {error.strerror}") from None
    with server:
        stop = stop_on_signals()
        thread = threading.Thread(target=server.serve_forever, name="http", daemon=True)
        thread.start()
        host, port = server.server_address[:2]
        log.info("serving /metrics, /livez, /readyz on http://%s:%d", text_of(host), port)
        stop.wait()
        server.shutdown()
        thread.join()


def _metrics_json(client: redis.Redis, current: Session) -> dict[str, Any]:
    """Counters and gauges as decimal text; the buckets of histograms each for itself."""
    stored: Any = client.hgetall(keys.metrics())
    counted = read_counted(stored)
    gauges = current_gauges(client, current.settings)
    rows = [
        {"name": series.name, "labels": _labels(series), "value": str(value)}
        for series, value in [*counted.counters.items(), *gauges.items()]
    ]
    histograms = [
        {
            "name": series.name,
            "labels": _labels(series),
            "buckets": dict(zip(BUCKETS, found.counts, strict=True)),
            "sum_us": found.sum_us,
        }
        for series, found in counted.histograms.items()
    ]
    return {"values": rows, "histograms": histograms}


def _labels(series: Series) -> dict[str, str]:
    return dict(zip(METRICS[series.name].labels, series.labels, strict=True))


@click.command()
@JSON_OPTION
@click.pass_obj
def health(options: Options, as_json: bool) -> None:
    """Say how every part of the system is; exit code 0 if all are well, 1 if one is not."""
    try:
        with _asking(options) as (current, client):
            found = ask(client, current.settings, time.time_ns())
    except WrongSettings:
        raise
    except Failure as error:
        if not as_json:
            raise
        found = not_asked(error.message, time.time_ns())
    if as_json:
        print_json(found.to_json())
    else:
        _print_health(found)
    sys.exit(0 if found.level == "healthy" else 1)


def _print_health(found: Health) -> None:
    readiness = "ready" if found.is_ready else "not ready"
    click.echo(f"{found.level}, {readiness}, {iso(found.at)}\n")
    print_table(
        ("component", "level", ""),
        [(part.name, part.level, part.text) for part in found.components],
    )


COMMANDS = [metrics, health]
