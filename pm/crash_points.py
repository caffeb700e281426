"""Named steps at which a test can make a process die as if its machine lost power.

`PM_TEST_CRASH_AT=<step>` kills the process with SIGKILL when it first passes that step,
`PM_TEST_CRASH_AT=<step>:<n>` at its n-th passage. Without the variable a step costs one empty call.
What must survive a death at every step is thereby tested on the code that runs in production.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

_VARIABLE = "PM_TEST_CRASH_AT"


def _pass(step: str) -> None:
    """Do nothing."""


def _armed(wanted: str) -> Callable[[str], None]:
    step, colon, passage = wanted.partition(":")
    if colon and (not passage.isdecimal() or int(passage) < 1):
        raise ValueError(f"{_VARIABLE}={wanted}: what follows the colon is a number from 1")
    left = int(passage) if colon else 1

    def crash_point(passed: str) -> None:
        nonlocal left
        if passed == step:
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    return crash_point


_wanted = os.environ.get(_VARIABLE, "")

crash_point: Callable[[str], None] = _armed(_wanted) if _wanted else _pass
"""Pass a step: `crash_point("before_commit")`. Passages are counted per process, not per thread."""
