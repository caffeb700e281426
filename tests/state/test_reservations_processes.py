"""Many processes reserve of one balance at once, and some of them are killed meanwhile."""

from __future__ import annotations

import json
import multiprocessing
import random
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from multiprocessing.synchronize import Barrier
from typing import Any

import pytest
import redis

from pm import keys
from pm.books import journal
from pm.client.capital import Capital, InsufficientBalance
from pm.client.posted import Reserved
from pm.decimals import ZERO, Amount
from tests.servers import ServerProcess
from tests.state.books import BOOK, assert_verified, opened

PROCESSES = 16
ATTEMPTS = 40
BALANCE = Amount.parse("1000.5")
CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload([__name__])


def reserve_much(url: str, number: int, seed: int, start: Barrier, tell: Connection) -> None:
    """Reserve again and again; tell each amount once it was accepted."""
    choose = random.Random(seed)
    with Capital.open(url, timeout_s=60) as capital:
        start.wait()
        for attempt in range(ATTEMPTS):
            amount = Amount(choose.randrange(1, 800), 2)
            order = f"P{number}.{attempt}"
            try:
                capital.reserve(order, "binance", "USDT", amount, strategy=number)
            except InsufficientBalance as declined:
                if declined.requested != amount or (amount - declined.available).sign <= 0:
                    raise
            else:
                tell.send((order, str(amount)))
    tell.send(None)


def reserve_one_order(url: str, number: int, seed: int, start: Barrier, tell: Connection) -> None:
    """Reserve for an order for which everybody reserves."""
    del number, seed
    with Capital.open(url, timeout_s=60) as capital:
        start.wait()
        done = capital.reserve("O1", "binance", "USDT", "7.5")
        assert isinstance(done, Reserved)
        tell.send(("O1", "already" if done.already else "now"))
    tell.send(None)


class Crowd:
    """Processes that run one function at once, and what they told."""

    def __init__(self, url: str, run: Any, seed: int) -> None:
        start = self._start = CONTEXT.Barrier(PROCESSES)  # lives as long as it is waited for
        self.told: list[tuple[str, str]] = []
        self.processes: list[BaseProcess] = []
        self._open: list[Connection] = []
        for number in range(PROCESSES):
            here, there = CONTEXT.Pipe(duplex=False)
            process = CONTEXT.Process(target=run, args=(url, number, seed + number, start, there))
            process.start()
            there.close()
            self.processes.append(process)
            self._open.append(here)

    def hear(self, until: int | None = None) -> None:
        """Collect what is told: to the end, or until so much was."""
        while self._open and (until is None or len(self.told) < until):
            for ready in wait(self._open, timeout=60):
                assert isinstance(ready, Connection)
                try:
                    heard = ready.recv()
                except (EOFError, ConnectionResetError):
                    heard = None
                if heard is None:
                    self._open.remove(ready)
                else:
                    self.told.append(heard)

    def end(self) -> list[int | None]:
        """Wait until all have ended; their exit codes."""
        for process in self.processes:
            process.join(timeout=60)
        return [process.exitcode for process in self.processes]


@pytest.fixture
def client(valkey_server: ServerProcess) -> redis.Redis:
    """A client of a server whose book has a balance to reserve of."""
    made = opened(valkey_server)
    with Capital.open(valkey_server.url) as capital:
        capital.deposit(BALANCE, "USDT", venue="binance")
    return made


def balance(client: redis.Redis) -> dict[str, Amount]:
    """The balance everybody reserves of."""
    found: Any = client.hgetall(keys.balance(BOOK, "binance", "USDT"))
    names = ("available", "reserved", "total")
    return {name: Amount.parse(found[name.encode()].decode()) for name in names}


def accepted(client: redis.Redis) -> dict[str, str]:
    """The amounts the journal says were reserved, by order."""
    found: dict[str, str] = {}
    for entry in journal.read(client, BOOK):
        facts = json.loads(entry["facts"])
        if facts["kind"] == "reserve" and entry["result"] == "applied":
            order = facts["order"].removeprefix("binance:")
            assert order not in found
            found[order] = facts["amount"]
    return found


def total(amounts: Any) -> Amount:
    """The sum of amounts as text."""
    return sum(map(Amount.parse, amounts), start=ZERO)


def left_of_orders(client: redis.Redis) -> Amount:
    """What all orders together still hold back."""
    members: Any = client.zrange(keys.reservations(BOOK), 0, -1)
    left = ZERO
    for member in members:
        if member.decode() != keys.SENTINEL:
            told = client.hget(keys.order(BOOK, member.decode()), "reservations")
            left += total(parts[1] for parts in json.loads(told).values())
    return left


def test_processes_that_reserve_at_once_never_overdraw(
    client: redis.Redis, valkey_server: ServerProcess
) -> None:
    crowd = Crowd(valkey_server.url, reserve_much, seed=4711)
    crowd.hear()
    assert crowd.end() == [0] * PROCESSES
    told = dict(crowd.told)
    held = balance(client)
    assert len(told) == len(crowd.told)
    assert told == accepted(client)
    assert total(told.values()) == held["reserved"] == left_of_orders(client)
    assert held["total"] == BALANCE
    assert held["available"] == BALANCE - held["reserved"]
    assert held["available"].sign >= 0
    assert held["available"].sign == 0 or held["available"].mantissa < 800 * 10**2
    declined = [entry for entry in journal.read(client, BOOK) if entry["result"] == "declined"]
    assert len(declined) == PROCESSES * ATTEMPTS - len(told) > 0
    assert_verified(client)


def test_a_killed_process_leaves_nothing_half(
    client: redis.Redis, valkey_server: ServerProcess
) -> None:
    crowd = Crowd(valkey_server.url, reserve_much, seed=815)
    crowd.hear(until=40)
    for process in crowd.processes[::2]:
        process.kill()
    crowd.hear()
    codes = crowd.end()
    assert -9 in codes[::2]
    assert codes[1::2] == [0] * (PROCESSES // 2)
    held, known = balance(client), accepted(client)
    assert dict(crowd.told).items() <= known.items()
    assert total(known.values()) == held["reserved"] == left_of_orders(client)
    assert held["available"] == BALANCE - held["reserved"]
    assert held["available"].sign >= 0
    assert_verified(client)


def test_an_order_everybody_reserves_for_reserves_once(
    client: redis.Redis, valkey_server: ServerProcess
) -> None:
    crowd = Crowd(valkey_server.url, reserve_one_order, seed=0)
    crowd.hear()
    assert crowd.end() == [0] * PROCESSES
    assert sorted(when for _, when in crowd.told) == ["already"] * (PROCESSES - 1) + ["now"]
    assert balance(client)["reserved"] == Amount.parse("7.5")
    assert_verified(client)
