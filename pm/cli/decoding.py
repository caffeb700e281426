"""`pm decode`: what a relay's bytes say."""

from __future__ import annotations

import json
from typing import TextIO

import click

from pm.wire.describe import describe_line


@click.command()
@click.argument("file", type=click.File("r", encoding="utf-8", errors="replace"))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object for each line.")
def decode(file: TextIO, as_json: bool) -> None:
    """Decode FILE: a frame or a stretch of stream in hex a line (`-`: standard input)."""
    for line in file:
        if not line.strip():
            continue
        found = describe_line(line.strip())
        click.echo(json.dumps(found) if as_json else _readable(found))


def _readable(found: dict[str, object]) -> str:
    result = found.get("result")
    if result == "stream":
        counted = f"{found['frames']} frames {found['sequences']}"
        return f"stream: {counted}, {found['skipped_bytes']} bytes skipped"
    if result != "ok":
        reason = found.get("error") or found.get("reason")
        return f"{result}: {reason}: {found.get('message', '')}".rstrip(": ")
    lines = [f"ok: {_pairs(found['header'])}"]
    tlvs = found["tlvs"]
    assert isinstance(tlvs, list)
    for tlv in tlvs:
        name = tlv.get("layout") or tlv["kind"]
        lines.append(f"  {name} ({tlv['type']}, {tlv['len']}): {_pairs(tlv.get('fields', {}))}")
    return "\n".join(lines)


def _pairs(fields: object) -> str:
    assert isinstance(fields, dict)
    return ", ".join(f"{name} {value}" for name, value in fields.items())


COMMANDS = [decode]
