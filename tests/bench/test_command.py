"""`pm bench` as it is called."""

from __future__ import annotations

import json

from click.testing import CliRunner

from pm.bench import PARTS
from pm.cli.benchmarking import PART_NAMES
from pm.cli.main import main


def test_the_command_offers_every_part() -> None:
    assert set(PART_NAMES) == set(PARTS)


def test_json_names_machine_and_figures() -> None:
    done = CliRunner().invoke(main, ["bench", "--part", "decode", "--quick", "--json"])
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert told["machine"]["cpus"] >= 1
    assert [part["part"] for part in told["parts"]] == ["decode"]


def test_a_table_is_followed_by_the_command_that_makes_it_again() -> None:
    done = CliRunner().invoke(main, ["bench", "--part", "decode", "--quick"])
    assert "pm bench --part decode --quick" in done.stdout
    assert "bench: part decode" in done.stderr


def test_a_server_program_that_is_not_there_is_one_line() -> None:
    done = CliRunner().invoke(main, ["bench", "--server", "no-such-server"])
    assert done.exit_code == 1
    assert done.stderr == "pm: --server no-such-server: there is no such program\n"
