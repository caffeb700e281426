"""How the results of a reconciliation are shown."""

from __future__ import annotations

from typing import Any

import click

from pm.breaks.found import Found
from pm.breaks.kept import Outcome
from pm.reconcile.outside import OutsideReport
from pm.reconcile.run import Summary


def print_summary(summary: Summary) -> None:
    """What a run over the books gave, for people."""
    for report in summary.books:
        proof = report.proof
        verdict = "agrees with its journal" if proof.is_whole else "DOES NOT AGREE with its journal"
        since = f" from the checkpoint at {proof.start_seq}" if proof.start_seq else ""
        click.echo(
            f"book {report.book} {verdict} at seq {proof.seq}: {proof.entries} entries"
            f"{since}, {proof.keys} keys{_outcome_text(report.outcome)}"
        )
        _print_found(report.found)
    if summary.across is not None and (summary.across.found or summary.across.resolved):
        click.echo(f"between books{_outcome_text(summary.across).replace(', ', ': ', 1)}")
    for name, error in summary.failed.items():
        click.echo(f"book {name} could not be looked at: {error}")


def print_outside(report: OutsideReport) -> None:
    """What a statement was compared with, for people."""
    at = ", ".join(f"{book} at seq {seq}" for book, seq in report.seqs.items())
    verdict = "all agree" if not report.found else f"{len(report.found)} DIFFER"
    click.echo(
        f"{report.location}: {report.compared} compared ({', '.join(report.parts)}), {verdict},"
        f" with {at}{_outcome_text(report.outcome)}"
    )
    _print_found(report.found)


def _outcome_text(outcome: Outcome) -> str:
    told = {
        "new": outcome.new,
        "opened again": outcome.reopened,
        "resolved": outcome.resolved,
        "open": outcome.open,
        "explained": outcome.explained,
        "not kept, as there are too many": outcome.left_out,
    }
    parts = [f"{count} {name}" for name, count in told.items() if count]
    return f", breaks: {', '.join(parts)}" if parts else ""


def _print_found(found: tuple[Found, ...]) -> None:
    for each in found:
        click.echo(f"  {each.break_id} {each.kind} {each.subject}: {_found_text(each)}")


def _found_text(found: Found) -> str:
    """What differs in a line: both sides, by how much, and since which event."""
    sides = f"ours {found.ours or 'none'}, theirs {found.theirs or 'none'}"
    parts = [sides] if found.ours or found.theirs else []
    if found.difference:
        parts.append(f"difference {found.difference}")
    if found.detail:
        parts.append(found.detail)
    if found.first.seq:
        parts.append(f"since {found.first.book}@{found.first.seq} {found.first.text}".rstrip())
    return "; ".join(parts)


def summary_json(summary: Summary) -> dict[str, Any]:
    """The same of a run over the books, for programs."""
    return {
        "right": summary.is_right,
        "books": [
            {
                "book": report.book,
                "right": report.proof.is_whole,
                "seq": report.proof.seq,
                "digest": report.proof.digest,
                "from_seq": report.proof.start_seq,
                "entries": report.proof.entries,
                "keys": report.proof.keys,
                "difference_count": report.proof.difference_count,
                "breaks": _outcome_json(report.outcome),
                "found": [_found_json(each) for each in report.found],
            }
            for report in summary.books
        ],
        "between_books": None if summary.across is None else _outcome_json(summary.across),
        "failed": summary.failed,
    }


def outside_json(report: OutsideReport) -> dict[str, Any]:
    """The same of a statement, for programs."""
    return {
        "right": not report.found,
        "venue": report.venue,
        "location": report.location,
        "seqs": dict(report.seqs),
        "parts": list(report.parts),
        "compared": report.compared,
        "breaks": _outcome_json(report.outcome),
        "found": [_found_json(each) for each in report.found],
    }


def _outcome_json(outcome: Outcome) -> dict[str, int]:
    return {
        "found": outcome.found,
        "new": outcome.new,
        "reopened": outcome.reopened,
        "resolved": outcome.resolved,
        "open": outcome.open,
        "explained": outcome.explained,
        "left_out": outcome.left_out,
    }


def _found_json(found: Found) -> dict[str, Any]:
    """One finding for programs: unknown is null."""
    first = found.first
    return {
        "id": found.break_id,
        "kind": found.kind,
        "subject": found.subject,
        "books": list(found.books),
        "ours": found.ours or None,
        "theirs": found.theirs or None,
        "difference": found.difference or None,
        "detail": found.detail or None,
        "first_book": first.book or None,
        "first_seq": first.seq or None,
        "first_event": first.text or None,
        "agreed_seq": found.agreed_seq or None,
    }
