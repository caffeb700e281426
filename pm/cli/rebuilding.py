"""`pm rebuild`: the books made anew from their journals."""

from __future__ import annotations

import re
import sys
from dataclasses import asdict, replace
from functools import partial
from typing import Final

import click
import redis

from pm.books import opening
from pm.checkpoints import Checkpoints
from pm.cli.options import BOOK_OPTION
from pm.cli.output import JSON_OPTION, print_json
from pm.cli.progress import EntryProgress
from pm.cli.proof import print_differences
from pm.cli.session import Failure, Options, Session, ensure_library, session
from pm.days import DAY_NS
from pm.history import History
from pm.history.opening import open_history
from pm.rebuild import RebuildRefused, Rebuilt, rebuild_book
from pm.rebuild.restoring import Limits
from pm.wording import number_of

SWITCH_TIMEOUT_S: Final = 60.0
"""The one call that switches may rename every key of a book."""

_DIGEST: Final = re.compile("[0-9a-f]{40}")


def _digest(_context: click.Context, _option: click.Parameter, value: str) -> str:
    if value and not _DIGEST.fullmatch(value):
        raise click.BadParameter(f"{value!r} is no digest: 40 digits of 0-9 a-f")
    return value


@click.command()
@BOOK_OPTION
@click.option(
    "--from",
    "source",
    type=click.Choice(("hot", "archive", "both")),
    default="both",
    help="Where the journal is read: Redis, the archive, or both (default).",
)
@click.option("--dry-run", "looks_only", is_flag=True, help="Compare, and switch nothing.")
@click.option(
    "--accept-digest",
    "accepted",
    default="",
    callback=_digest,
    help="Replace a book of another digest, if the journal's last digest is this one.",
)
@click.option(
    "--set-aside",
    "sets_aside",
    is_flag=True,
    help="With --from archive: a live book of another history is kept under other keys.",
)
@click.option("--checkpoint", "keeps", is_flag=True, help="Keep a checkpoint of the result.")
@JSON_OPTION
@click.pass_obj
def rebuild(
    options: Options,
    book: str | None,
    source: str,
    looks_only: bool,
    accepted: str,
    sets_aside: bool,
    keeps: bool,
    as_json: bool,
) -> None:
    """Make the books anew from their journals, beside the live ones, and switch if all is right.

    Also onto a server that has no book: then everything comes from the archive.
    """
    if sets_aside and source != "archive":
        raise click.UsageError("--set-aside needs --from archive: it takes what Redis has away")
    with session(options, writes=not looks_only, opens=False) as current:
        with current.client(decode=False, timeout_s=SWITCH_TIMEOUT_S) as client:
            ensure_library(client)
            history = _chosen(open_history(client, current.settings), source)
            names = [book] if book is not None else _known(client, history)
            if not names:
                raise Failure(f"{current.shown} and the archive hold no book")
            wanted = partial(
                _rebuild,
                current,
                client,
                history,
                looks_only=looks_only,
                accepted=accepted,
                sets_aside=sets_aside,
            )
            done = [wanted(name) for name in names]
        if keeps:
            for rebuilt in done:
                Checkpoints.of(current.settings).write(rebuilt.fold.checkpoint())
    if as_json:
        print_json([_rebuilt_json(rebuilt) for rebuilt in done])
    else:
        for rebuilt in done:
            _print_rebuilt(rebuilt, looks_only)
            if accepted and not rebuilt.used_digest:
                click.echo("  --accept-digest was not needed")
    if looks_only and any(rebuilt.healed for rebuilt in done):
        sys.exit(1)


def _chosen(history: History, source: str) -> History:
    if source == "hot":
        return replace(history, archive=None, leaves_out=history.archive is not None)
    return replace(history, client=None) if source == "archive" else history


def _known(client: redis.Redis, history: History) -> list[str]:
    archived = () if history.archive is None else history.archive.books()
    return sorted({*opening.names(client), *archived})


def _rebuild(
    current: Session,
    client: redis.Redis,
    history: History,
    name: str,
    *,
    looks_only: bool,
    accepted: str,
    sets_aside: bool,
) -> Rebuilt:
    settings = current.settings
    limits = Limits(
        settings.storage.hot_data_retention_days * DAY_NS,
        settings.portfolio_manager.quarantine_max_entries,
    )
    progress = EntryProgress(f"book {name}")
    try:
        return rebuild_book(
            client,
            name,
            history,
            limits,
            looks_only=looks_only,
            accepted_digest=accepted,
            sets_aside=sets_aside,
            progress=progress.show,
        )
    except RebuildRefused as error:
        further = error.differences.shown[1:10]
        raise Failure("\n".join([f"{error}; nothing was changed", *further])) from None
    finally:
        progress.end()


def _rebuilt_json(rebuilt: Rebuilt) -> dict[str, object]:
    return {
        "book": rebuilt.book,
        "seq": rebuilt.fold.seq,
        "digest": rebuilt.fold.digest,
        "entries": rebuilt.fold.entries,
        "keys": rebuilt.keys,
        "switched": rebuilt.is_switched,
        "used_accepted_digest": rebuilt.used_digest,
        "set_aside": None if rebuilt.aside is None else asdict(rebuilt.aside),
        "stood_at": rebuilt.live_seq,
        "restored_entries": rebuilt.restored.entries,
        "restored_refusals": rebuilt.restored.refusals,
        "differences": rebuilt.healed.shown,
        "difference_count": rebuilt.healed.count,
    }


def _print_rebuilt(rebuilt: Rebuilt, looks_only: bool) -> None:
    fold = rebuilt.fold
    at = f"seq {fold.seq} ({fold.digest[:12]})"
    entries = number_of(fold.entries, "journal entry", "journal entries")
    if rebuilt.live_seq > fold.seq:
        click.echo(
            f"book {rebuilt.book} stands at seq {rebuilt.live_seq}, and the archive ends before:"
            f" {entries} recomputed through {at}; nothing was switched"
        )
        return
    done = "is rebuilt" if rebuilt.is_switched else "would be rebuilt"
    keys = number_of(rebuilt.keys, "key")
    click.echo(f"book {rebuilt.book} {done} at {at}: {entries}, {keys}")
    if rebuilt.aside is not None:
        other = rebuilt.aside
        click.echo(
            f"  the book of another history (seq {other.seq}, digest {other.digest[:12]}) is kept:"
            f" {number_of(other.keys, 'key')} under {other.prefix}*"
        )
    if not rebuilt.live_seq and looks_only:
        click.echo("  it is not on the server")
    elif not rebuilt.live_seq:
        why = "" if rebuilt.aside else "it was not on the server: "
        click.echo(
            f"  {why}{number_of(rebuilt.restored.entries, 'journal entry', 'journal entries')} and"
            f" {number_of(rebuilt.restored.refusals, 'refusal')} put back"
        )
    elif rebuilt.live_seq < fold.seq:
        click.echo(f"  it stood at seq {rebuilt.live_seq}, behind its journal")
    elif rebuilt.live_seq == fold.seq:
        found = "is not as it must be" if looks_only else "was not as it had to be"
        count = rebuilt.healed.count
        click.echo(f"  {count} {found}:" if count else "  every key was as it had to be")
    print_differences(rebuilt.healed.shown, rebuilt.healed.count)


COMMANDS = [rebuild]
