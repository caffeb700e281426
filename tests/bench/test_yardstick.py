"""The hash a query is measured by holds what the query reads, and nothing else."""

from __future__ import annotations

from pm.bench.yardstick import lay_out
from tests.servers import AnyServer


def test_a_yardstick_holds_the_fields_of_hashes_and_of_the_last_entry_of_streams(
    server: AnyServer,
) -> None:
    client = server.client()
    client.hset("left", mapping={"a": "1", "b": "22"})
    client.hset("right", mapping={"a": "333"})
    client.xadd("stream", {"c": "old"}, id="1-0")
    client.xadd("stream", {"c": "4444"}, id="2-0")
    found = lay_out(client, "x", ["left", "right", "stream", "missing"])
    assert client.hgetall(found.key) == {"0a": "1", "0b": "22", "1a": "333", "2c": "4444"}
    assert (found.fields, found.size) == (4, 10)
