"""The whole chain in one folder: relay, gateway, server, and workers over two books."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

from pm.wire.encode import encode_frame
from pm.wire.execution_records import ExecutionResult48
from tests.gateway.gateway_site import GatewayProcess, Site
from tests.servers import ServerProcess
from tests.workers.desk import Desk
from tests.workers.lane_contents import BTCUSDT, LaneContent
from tests.workers.processes import Command, Crew

BOOK_OF_STRATEGY = {7: "main", 8: "second"}
SETTINGS: dict[str, Any] = {"default_book": "main", "strategies": {"8": "second"}}
LANE = "executions:relay"


def signed_quantity(number: int) -> int:
    """Bitcoins an order bought, or sold if below zero; every third one sells."""
    return number if number % 3 else -number


def frame(number: int) -> bytes:
    """The result of one order of strategy 7 or 8, at 65000 for a fee of 0.01."""
    result = ExecutionResult48(
        order_id=number,
        instrument=BTCUSDT,
        quantity_filled=signed_quantity(number) * 10**8,
        average_price=65_000 * 10**8,
        total_fees=10**6,
        strategy_id=7 + number % 2,
        result_type=1,
        side=0,
    )
    return encode_frame([result], sequence=number, timestamp=10**18 + number)


class Chain:
    """Everything between a relay and the books, each part a process that may be killed."""

    def __init__(self, folder: Path, server: ServerProcess) -> None:
        self.server = server
        self.desk = Desk(server, BOOK_OF_STRATEGY.values(), seen_generation_size=100_000)
        self.site = Site(folder, server)
        self.crew = Crew(folder, server.url)

    def gateway(self) -> GatewayProcess:
        """Start a gateway."""
        return self.site.gateway(books=SETTINGS)

    def workers(self, count: int) -> Command:
        """Start workers."""
        strategies = json.dumps(SETTINGS["strategies"])
        return self.crew.worker(count=count, PM_BOOKS__STRATEGIES=strategies)

    def committed(self, book: str) -> list[bytes]:
        """The frames the gateways have promised to a book."""
        database = sqlite3.connect(self.site.folder / "outbox.sqlite")
        try:
            found = database.execute(
                "SELECT frame FROM entries JOIN lanes ON lanes.id = entries.lane"
                " WHERE book = ? ORDER BY number",
                (book,),
            ).fetchall()
        finally:
            database.close()
        return [data for (data,) in found]

    def await_done(self) -> None:
        """Wait until every book has applied what the gateways committed."""
        for book in self.desk.books:
            if frames := self.committed(book):
                self.desk.await_done(f"{len(frames)}-0", book, LANE)

    def lane(self, book: str) -> LaneContent:
        """What a lane holds, as it can be put into another."""
        return [
            (entry, {name.decode(): value for name, value in fields.items()})
            for entry, fields in self.site.lane(book)
        ]

    def close(self) -> None:
        """End everything."""
        self.crew.close()
        self.site.close()
