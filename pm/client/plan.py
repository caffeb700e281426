"""What a plan is: commands it yields, replies it is sent, the value it returns.

A plan knows nothing of connections, so the blocking and the asyncio client share every line of it.
Every list is two exchanges: what exists, from sorted sets of the books, then every hash in one
pipeline; each book's seq is read before and after, and tells whether anything was journaled in
between.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from typing import Any, TypeVar

from pm import keys
from pm.books.opening import BookError
from pm.client.results import Listing

Answer = TypeVar("Answer")
Item = TypeVar("Item")

Command = tuple[str, ...]
Plan = Generator[Sequence[Command], Sequence[Any], Answer]


def listing(
    names: Sequence[str],
    indexes: Callable[[str], Sequence[Command]],
    key_of: Callable[[str, str], str],
    parse: Callable[[str, str, Mapping[str, str]], Item],
    beside: Sequence[Command] = (),
) -> Plan[tuple[Listing[Item], Sequence[Any]]]:
    """The hashes that the indexes of the books name, parsed, and the replies to `beside`."""
    asked = [[seq_command(name), *indexes(name)] for name in names]
    replies = iter((yield [command for commands in asked for command in commands]))
    seqs: dict[str, int] = {}
    wanted: dict[tuple[str, str], None] = {}
    for name, commands in zip(names, asked, strict=True):
        seqs[name] = existing(name, next(replies))
        for _ in commands[1:]:
            wanted.update(dict.fromkeys((name, member) for member in next(replies)))
    wanted = {place: None for place in wanted if place[1] != keys.SENTINEL}
    hashes = [("HGETALL", key_of(name, member)) for name, member in wanted]
    told = yield [*hashes, *beside, *map(seq_command, names)]
    items = tuple(
        parse(name, member, values)
        for (name, member), values in zip(wanted, told, strict=False)
        if values
    )
    after = told[len(hashes) + len(beside) :]
    is_exact = [int(seq) for seq in after] == list(seqs.values())
    return Listing(items, seqs, is_exact), told[len(hashes) : len(hashes) + len(beside)]


def seq_command(book: str) -> Command:
    """The seq of a book."""
    return ("HGET", keys.book(book), "seq")


def existing(book: str, seq: str | None) -> int:
    """The seq as a number; BookError where there is no such book."""
    if seq is None:
        raise BookError(f"book {book} does not exist")
    return int(seq)


def members(index: str, first_part: str | None) -> Command:
    """Members of a sorted set of `<first part>:<rest>`, all or one part's; its scores are all 0."""
    if first_part is None:
        return ("ZRANGE", index, "0", "-1")
    # ; follows : in the order of bytes.
    return ("ZRANGE", index, f"[{first_part}:", f"({first_part};", "BYLEX")
