"""Makes a chosen command of the next call of a chosen entry fail."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
import redis
from redis import exceptions

from pm.functions import library
from pm.functions.bundler import Library, bundle

_call = library.call


class InjectedFault(Exception):
    """The command that was to fail was reached, and failed."""


@dataclass(slots=True)
class Faults:
    """Stands in for `library.call`; faults are armed by entry, and each fails one command once."""

    library: Library = field(default_factory=lambda: bundle(faults=True))
    armed: dict[str, int] = field(default_factory=dict)

    @classmethod
    def installed(cls, monkeypatch: pytest.MonkeyPatch) -> Faults:
        """Faults that every call through `pm.functions.library` meets."""
        made = cls()
        monkeypatch.setattr(library, "call", made.call)
        return made

    def load(self, client: redis.Redis) -> None:
        """Load the library that can fail."""
        library.load(client, self.library)

    def call(
        self,
        client: redis.Redis,
        entry: str,
        keys: Sequence[str],
        arguments: Sequence[str | bytes],
    ) -> list[str]:
        """Call an entry; the command armed for it fails, also after the answer to lack keys."""
        fail_at = self.armed.pop(entry, 0)
        try:
            reply = _call(client, entry, keys, [*arguments, str(fail_at)], self.library)
        except exceptions.ResponseError as error:
            if "injected fault" in str(error):
                raise InjectedFault(f"command {fail_at} of {entry}") from error
            raise
        if reply[0] == "need":
            self.armed[entry] = fail_at
        return reply
