"""`pm` as a stranger runs it: in this process where its words matter, else in one of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from pm.cli.main import main

ROOT = Path(__file__).resolve().parents[2]
INSTRUMENTS = ROOT / "config" / "instruments.toml"
TIMEOUT_S = 60

EVENTS: tuple[dict[str, Any], ...] = (
    {
        "kind": "deposit",
        "event_id": "D1",
        "token": "USDT",
        "amount": "100000",
        "venue": "binance",
        "executed_at": 1_699_999_999_000_000_000,
    },
    {
        "kind": "fill",
        "execution_id": "T1",
        "order_id": "O1",
        "strategy_id": 7,
        "instrument": "binance.coin.BTCUSDT",
        "side": "buy",
        "quantity": "0.5",
        "price": "65000.12",
        "fees": [{"token": "USDT", "amount": "3.25"}],
        "venue": "binance",
        "executed_at": 1_700_000_000_000_000_000,
        "trace": {"id": "00000000000000000000000000000001", "arbitrage": True, "step": "entry"},
    },
    {
        "kind": "execution_result",
        "event_id": "E1",
        "order_id": "O1",
        "strategy_id": 7,
        "instrument": "binance.coin.BTCUSDT",
        "side": "buy",
        "quantity": "0.75",
        "price": "65000",
        "fees": [{"token": "USDT", "amount": "5"}],
        "venue": "binance",
        "executed_at": 1_700_000_001_000_000_000,
        "result": "partial",
    },
    {
        "kind": "rejected",
        "event_id": "R1",
        "order_id": "O2",
        "strategy_id": 7,
        "venue": "binance",
        "executed_at": 1_700_000_002_000_000_000,
    },
    {
        "kind": "order_status",
        "event_id": "S1",
        "order_id": "O1",
        "venue": "binance",
        "status": "cancelled",
        "executed_at": 1_700_000_003_000_000_000,
    },
)


def fill(number: int, *, side: str = "buy", **changed: Any) -> dict[str, Any]:
    """A fill of strategy 8 in an order of its own."""
    return {
        **EVENTS[1],
        "execution_id": f"X{number}",
        "order_id": f"P{number}",
        "strategy_id": 8,
        "side": side,
        "trace": None,
        **changed,
    }


def write_events(path: Path, *events: dict[str, Any] | str) -> Path:
    """A file of events, one a line; text is written as it is."""
    told = (
        event if isinstance(event, str) else json.dumps({k: v for k, v in event.items() if v})
        for event in events
    )
    path.write_text("".join(f"{line}\n" for line in told))
    return path


def clean_environment(**variables: str) -> dict[str, str]:
    """The environment without settings of the program but these."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PM_")}
    return {**kept, "PYTHONPATH": str(ROOT), **variables}


def spawn(*arguments: str, cwd: Path, **variables: str) -> subprocess.Popen[str]:
    """Start `pm` in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "pm.cli.main", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=clean_environment(**variables),
        cwd=cwd,
    )


class Shell:
    """A folder to run commands in, with options that go before each of them."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.folder = folder
        self.options = options

    def path(self, name: str) -> Path:
        """A path in the folder."""
        return self.folder / name

    def run(self, *arguments: str | Path, stdin: str | bytes | None = None, **env: str) -> Result:
        """Run a command; what it wrote and its exit code. An error must not be a traceback."""
        unset: dict[str, str | None] = {n: None for n in os.environ if n.startswith("PM_")}
        result = CliRunner().invoke(
            main, [*self.options, *map(str, arguments)], input=stdin, env={**unset, **env}
        )
        assert result.exception is None or isinstance(result.exception, SystemExit), repr(
            result.exception
        )
        return result

    def ok(self, *arguments: str | Path, **options: Any) -> str:
        """Run a command that must succeed; its output."""
        result = self.run(*arguments, **options)
        assert result.exit_code == 0, result.output
        return result.stdout

    def json(self, *arguments: str | Path) -> Any:
        """Run a command with --json that must succeed; what it printed."""
        return json.loads(self.ok(*arguments, "--json"))

    def refused(self, *arguments: str | Path, code: int = 1, **options: Any) -> str:
        """Run a command that must fail with one line on standard error; the line."""
        result = self.run(*arguments, **options)
        assert result.exit_code == code, result.output
        assert result.stdout == ""
        lines = [line for line in result.stderr.splitlines() if line]
        told = [line for line in lines if not line.startswith(("Usage: ", "Try '"))]
        assert len(told) == 1, result.stderr
        return told[0]
