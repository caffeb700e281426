"""How the frames of a day really arrive: repeated, damaged, and cut anywhere.

Nothing is lost for good: after every frame that is damaged or cut off a whole one follows, as from
a sender that tries again. What is sent does not depend on how fast.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import Final, NamedTuple

from pm.demo.scenario import SentFrame

DEFAULT_RATE: Final = 400
"""Executions a second."""

# A damaged length may claim bytes up to the limit of a frame, and only later frames can be those.
_QUIET_END_BYTES: Final = 20_000
_REPEAT_DELAY_MAX: Final = 400
_GROUP_MAX: Final = 6
_SEED_APART: Final = 1_000_003


class Chunk(NamedTuple):
    """Bytes of one write, the whole frames that begin in them, and the executions those tell of.

    They are not sent before so many orders have `reserved`.
    """

    data: bytes
    executions: int
    frames: tuple[bytes, ...]
    reserved: int


class Piece(NamedTuple):
    """Bytes that belong together: a frame, or what is no frame."""

    data: bytes
    executions: int = 0
    is_frame: bool = False
    reserved: int = 0


@dataclass(slots=True)
class Disturbances:
    """How often what was done to the stream."""

    repeated: int = 0
    damaged: int = 0
    cut_off: int = 0
    garbage: int = 0


@dataclass(frozen=True, slots=True)
class Delivery:
    """All chunks in order, and what was done on the way."""

    chunks: tuple[Chunk, ...]
    disturbances: Disturbances

    @property
    def frames(self) -> int:
        """Whole frames in the stream, repeated ones included."""
        return sum(len(chunk.frames) for chunk in self.chunks)


def deliver(frames: Sequence[SentFrame], seed: int) -> Delivery:
    """The stream of these frames; the same for the same seed."""
    random = Random(seed + _SEED_APART)
    done = Disturbances()
    pieces = list(_disturbed(frames, random, done))
    return Delivery(tuple(_cut(pieces, random)), done)


def _disturbed(frames: Sequence[SentFrame], random: Random, done: Disturbances) -> Iterator[Piece]:
    sizes_left = sum(len(frame.raw) for frame in frames)
    again: dict[int, list[bytes]] = {}
    for number, frame in enumerate(frames):
        sizes_left -= len(frame.raw)
        if sizes_left > _QUIET_END_BYTES:
            yield from _trouble(frame.raw, random, done)
        if random.random() < 0.025:
            later = min(number + random.randint(0, _REPEAT_DELAY_MAX), len(frames) - 1)
            again.setdefault(later, []).append(frame.raw)
            done.repeated += 1
        yield Piece(frame.raw, frame.executions, True, frame.reserved)
        for raw in again.pop(number, ()):
            yield Piece(raw, 0, True)


def _trouble(raw: bytes, random: Random, done: Disturbances) -> Iterator[Piece]:
    """Bytes that come before a frame and are none."""
    chance = random.random()
    if chance < 0.006:
        done.damaged += 1
        place, bit = random.randrange(len(raw)), 1 << random.randrange(8)
        yield Piece(raw[:place] + bytes([raw[place] ^ bit]) + raw[place + 1 :])
    elif chance < 0.011:
        done.cut_off += 1
        yield Piece(raw[: random.randrange(4, len(raw))])
    elif chance < 0.016:
        done.garbage += 1
        yield Piece(random.randbytes(random.randint(1, 60)))


def _cut(pieces: Iterable[Piece], random: Random) -> Iterator[Chunk]:
    """Join some pieces into one write and split others over two, wherever it falls."""
    waiting: list[Piece] = []
    size = random.randint(1, _GROUP_MAX)
    rest = b""
    for piece in pieces:
        waiting.append(piece)
        if len(waiting) == size:
            whole = rest + b"".join(piece.data for piece in waiting)
            held_back = random.randrange(len(whole)) if random.random() < 0.3 else 0
            rest = whole[len(whole) - held_back :]
            yield _chunk(whole[: len(whole) - held_back], waiting)
            waiting, size = [], random.randint(1, _GROUP_MAX)
    yield _chunk(rest + b"".join(piece.data for piece in waiting), waiting)


def _chunk(data: bytes, pieces: Sequence[Piece]) -> Chunk:
    executions = sum(piece.executions for piece in pieces)
    reserved = max((piece.reserved for piece in pieces), default=0)
    frames = tuple(piece.data for piece in pieces if piece.is_frame)
    return Chunk(data, executions, frames, reserved)
