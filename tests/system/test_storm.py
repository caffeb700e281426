"""Everything is killed at random while a relay sends: what was committed is in the books once."""

from __future__ import annotations

import os
import random
import signal
import time
from collections import Counter
from contextlib import suppress

import pytest

from pm.client import Client
from pm.decimals import Amount
from tests.system.site import BOOK_OF_STRATEGY, Chain, frame, signed_quantity
from tests.workers.desk import eventually
from tests.workers.test_pool import members

STORM_S = 35.0


class Storm:
    """Kills a worker, the gateway or the server, each at random moments."""

    def __init__(self, chain: Chain, chance: random.Random) -> None:
        self.chain = chain
        self.chance = chance
        self.kills: Counter[str] = Counter()
        self.gateway = chain.gateway()
        self.pool = chain.workers(4)
        self._due = {"worker": 0.0, "gateway": 0.0, "server": 0.0}
        self._every_s = {"worker": 0.5, "gateway": 4.0, "server": 6.0}

    def blow(self, now: float) -> None:
        """Kill what is due."""
        for what, due in self._due.items():
            if now < due:
                continue
            if due:
                getattr(self, f"_kill_{what}")()
            self._due[what] = now + self.chance.expovariate(1 / self._every_s[what])

    def _kill_worker(self) -> None:
        if alive := sorted(members(self.pool)):
            with suppress(ProcessLookupError):
                os.kill(self.chance.choice(alive), signal.SIGKILL)
                self.kills["worker"] += 1

    def _kill_gateway(self) -> None:
        self.gateway.kill()
        self.chain.site.relay.drop_connections()
        self.gateway = self.chain.gateway()
        self.kills["gateway"] += 1

    def _kill_server(self) -> None:
        self.chain.server.kill()
        time.sleep(self.chance.uniform(0, 0.5))
        self.chain.server.start()
        self.kills["server"] += 1


@pytest.mark.slow
def test_books_equal_what_was_sent_after_a_storm_of_kills(chain: Chain) -> None:
    seed = int(os.environ.get("PM_TEST_SEED", random.randrange(1 << 32)))
    print(f"seed {seed} (PM_TEST_SEED={seed} replays the choices)")
    storm = Storm(chain, random.Random(seed))
    sent, started = 0, time.monotonic()
    while (now := time.monotonic()) < started + STORM_S:
        burst = [frame(number) for number in range(sent + 1, sent + 21)]
        chain.site.relay.send(b"".join(burst), connections=0)
        sent += len(burst)
        storm.blow(now)
        time.sleep(0.01)
    elapsed_min = (time.monotonic() - started) / 60
    wanted = [frame(number) for number in range(1, sent + 1)]
    lost = _not_committed(chain, wanted)

    # What a gateway had read and not committed died with it, and the relay does not repeat: it is
    # told again here, so that the totals are those of everything that was sent.
    chain.site.relay.send(b"".join(lost))
    eventually(lambda: not _not_committed(chain, lost), lambda: storm.gateway.log[-2000:])
    chain.await_done()
    rates = {what: f"{count / elapsed_min:.0f}/min" for what, count in storm.kills.items()}
    print(f"{sent} frames, {len(lost)} of them lost before a commit, kills {rates}")
    _compare(chain, sent)
    assert storm.kills.keys() == {"worker", "gateway", "server"}
    assert storm.pool.stop() == 0
    assert storm.gateway.stop() == 0


def _not_committed(chain: Chain, frames: list[bytes]) -> list[bytes]:
    kept = {data for book in chain.desk.books for data in chain.committed(book)}
    return [data for data in frames if data not in kept]


def _compare(chain: Chain, last: int) -> None:
    """Every book is right by its own journal, and its position is the sum of what was sent."""
    for strategy, book in BOOK_OF_STRATEGY.items():
        chain.desk.end(book)
        numbers = [number for number in range(1, last + 1) if 7 + number % 2 == strategy]
        with Client.open(chain.server.url, book=book) as client:
            position = client.position("binance.coin.BTCUSDT", str(strategy))
        assert position is not None
        assert position.quantity == Amount.parse(str(sum(map(signed_quantity, numbers))))
        assert position.total_trades == len(numbers)
        assert position.fees_paid == {
            "USDT": Amount.parse("0.01") * Amount.parse(str(len(numbers)))
        }
