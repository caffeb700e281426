"""The steps at which a test can end a process."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.gateway.gateway_site import ROOT

PROGRAM = """
from pm.crash_points import crash_point
for number in range(3):
    crash_point("one")
    print(number, flush=True)
    crash_point("other")
"""


def run(wanted: str | None) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if k != "PM_TEST_CRASH_AT"}
    environment["PYTHONPATH"] = str(ROOT)
    if wanted is not None:
        environment["PM_TEST_CRASH_AT"] = wanted
    return subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("wanted", "printed"),
    [("one", ""), ("other", "0\n"), ("one:3", "0\n1\n"), ("other:2", "0\n1\n")],
)
def test_a_process_dies_at_the_passage_that_was_named(wanted: str, printed: str) -> None:
    done = run(wanted)
    assert (done.returncode, done.stdout) == (-9, printed)


@pytest.mark.parametrize("wanted", [None, "", "another", "one:4"])
def test_a_process_lives_when_nothing_it_passes_was_named(wanted: str | None) -> None:
    done = run(wanted)
    assert (done.returncode, done.stdout) == (0, "0\n1\n2\n")


@pytest.mark.parametrize("wanted", ["one:", "one:0", "one:x"])
def test_a_passage_that_is_no_number_is_refused(wanted: str) -> None:
    done = run(wanted)
    assert done.returncode == 1
    assert f"PM_TEST_CRASH_AT={wanted}: what follows the colon is a number from 1" in done.stderr
