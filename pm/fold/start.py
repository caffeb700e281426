"""Where a fold begins: at genesis, or at a checkpoint that is of this very history.

A checkpoint counts only if the journal has its digest at its seq, or goes on from it: one of
another server's book of the same name, or of a journal changed since, is named and not used.
"""

from __future__ import annotations

from pm.archive import ArchiveError
from pm.checkpoints import Checkpoint, Checkpoints
from pm.fold.fold import Fold, Progress
from pm.history import History, HistoryGap
from pm.rules.journal import follows


def from_the_beginning(book: str) -> Fold:
    """A fold of the whole journal."""
    return Fold(book)


def from_checkpoint(
    history: History,
    checkpoints: Checkpoints | None,
    book: str,
    *,
    seq: int | None = None,
    time_ns: int | None = None,
) -> Fold:
    """A fold from the newest usable checkpoint at or before a seq and a time; else of the whole."""
    if checkpoints is not None:
        for checkpoint in checkpoints.newest_first(book, seq=seq, time_ns=time_ns):
            fault = _fault(history, checkpoint)
            if not fault:
                return Fold.after(checkpoint)
            checkpoints.reject(f"book {book} at seq {checkpoint.seq}: {fault}")
    return Fold(book)


def at_seq(
    history: History,
    checkpoints: Checkpoints | None,
    book: str,
    seq: int,
    progress: Progress = lambda seq: None,
) -> Fold:
    """The book as it was after entry `seq`; the fold has `found` something where it was not."""
    fold = from_checkpoint(history, checkpoints, book, seq=seq)
    if fold.seq < seq:
        fold.follow(history, through=seq, progress=progress)
    return fold


def at_time(
    history: History,
    checkpoints: Checkpoints | None,
    book: str,
    time_ns: int,
    progress: Progress = lambda seq: None,
) -> Fold:
    """The book as it was when nothing received after `time_ns` had been journaled.

    That is the longest prefix of the journal all of whose entries were received by then.
    """
    fold = from_checkpoint(history, checkpoints, book, time_ns=time_ns)
    fold.follow(history, until_ns=time_ns, progress=progress)
    return fold


def _fault(history: History, checkpoint: Checkpoint) -> str:
    """Why a checkpoint is not of this history, "" when it is."""
    entry = _entry(history, checkpoint.book, checkpoint.seq)
    if entry is not None:
        digest = entry.get("digest", "")
        return "" if digest == checkpoint.digest else f"the journal's digest there is {digest}"
    # What comes after may be all there is: it must follow from the checkpoint.
    following = _entry(history, checkpoint.book, checkpoint.seq + 1)
    if following is None:
        return "the journal has no such entry"
    if not follows(following, checkpoint.digest):
        return f"entry {checkpoint.seq + 1} of the journal does not follow from it"
    return ""


def _entry(history: History, book: str, seq: int) -> dict[str, str] | None:
    try:
        return next(history.read(book, after=seq - 1, through=seq), None)
    except (HistoryGap, ArchiveError, UnicodeDecodeError):
        return None
