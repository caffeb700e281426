"""`pm decode`: the frames of the test vectors, as text and as JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.site import ROOT, Shell

VECTORS: list[dict[str, Any]] = json.loads((ROOT / "tests" / "wire" / "vectors.json").read_text())[
    "vectors"
]


@pytest.fixture
def hex_file(tmp_path: Path) -> Path:
    """Every frame of the vectors, one a line, with blank lines between."""
    path = tmp_path / "frames.hex"
    path.write_text("\n\n".join(vector["hex"] for vector in VECTORS) + "\n")
    return path


def test_each_line_gives_one_json_object(tmp_path: Path, hex_file: Path) -> None:
    lines = Shell(tmp_path).ok("decode", "--json", hex_file).splitlines()
    assert len(lines) == len(VECTORS)
    assert {json.loads(line)["result"] for line in lines} >= {"ok"}


def test_standard_input_is_read(tmp_path: Path, hex_file: Path) -> None:
    shell = Shell(tmp_path)
    assert shell.ok("decode", "-", stdin=hex_file.read_text()) == shell.ok("decode", hex_file)


def test_a_frame_is_shown_with_the_fields_of_its_messages(tmp_path: Path, hex_file: Path) -> None:
    said = Shell(tmp_path).ok("decode", hex_file)
    assert said.count("\nok: ") + said.startswith("ok: ") >= 1
    assert "sequence" in said


def test_what_is_no_hex_is_said_and_the_next_line_is_decoded(tmp_path: Path) -> None:
    shell = Shell(tmp_path)
    lines = shell.ok("decode", "-", stdin=f"zz\n{VECTORS[0]['hex']}\n").splitlines()
    assert lines[0].startswith("error: invalid_hex")
    assert lines[1].startswith("ok: ")


def test_bytes_that_are_no_text_are_no_hex(tmp_path: Path) -> None:
    assert Shell(tmp_path).ok("decode", "-", stdin=b"\xff\xfe\n").startswith("error: invalid_hex")
