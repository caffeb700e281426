"""What every answer shares: how it is rendered, how it is read, and how it fails."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pm.client import Client, plans, to_json
from pm.client.executing import execute
from pm.client.plan import Answer, Plan
from pm.client.plans import PositionState
from pm.connect import ServerError, connect
from pm.decimals import Amount
from pm.reference.records import FutureMetadata, OptionMetadata
from tests.client.facts import BTC, BookWriter, fill
from tests.servers import AnyServer

TRACE = "0123456789abcdef0123456789abcdef"


def leaves(value: Any) -> set[type]:
    """The types of all values inside a JSON-able value."""
    if isinstance(value, dict):
        return {kind for part in value.values() for kind in leaves(part)}
    if isinstance(value, list):
        return {kind for part in value for kind in leaves(part)}
    return {type(value)}


def test_every_answer_is_json_without_a_float(client: Client, book: BookWriter) -> None:
    book.apply(fill(1, "0.3", "100.1", trace={"id": TRACE}), fill(2, "-0.1", "7", strategy="8"))
    answers = [
        client.position(BTC, "7"),
        client.position(BTC),
        client.positions(),
        client.strategy_portfolio("7"),
        client.balances(),
        client.traces(),
        client.journal(),
        client.head(),
        client.books(),
        client.portfolio_summary(),
        client.risk_metrics(),
        client.equity(),
        client.reservations(),
    ]
    told = [to_json(answer) for answer in answers]
    assert json.loads(json.dumps(told)) == told
    assert leaves(told) <= {str, int, bool, type(None)}


def test_metadata_says_what_it_is_of() -> None:
    option = OptionMetadata("BTC", "65000", 1, "call", None)
    assert to_json(option) == {
        "type": "option",
        "underlying": "BTC",
        "strike_price": "65000",
        "expiry_time": 1,
        "option_type": "call",
        "implied_volatility": None,
    }
    assert to_json(FutureMetadata(None, "1", None, None, None))["type"] == "future"


def test_amounts_are_rendered_as_plain_decimals() -> None:
    assert to_json({"a": (Amount(15, 1), Amount(-1, 18)), "b": None}) == {
        "a": ["1.5", "-0.000000000000000001"],
        "b": None,
    }


def test_what_is_no_result_is_not_rendered() -> None:
    with pytest.raises(TypeError, match="float is no result of a query"):
        to_json(1.5)


def commands_of(server: AnyServer, client: Client, query: Callable[[], object]) -> list[str]:
    """The names of the commands the server ran for a query."""
    client.head()  # the connection is open, its handshake done
    watching: Any = server.client()
    names = []
    with watching.monitor() as seen:
        query()
        client.server.echo("end")
        while (told := seen.next_command()["command"]) != "ECHO end":
            names.append(str(told).split(" ")[0])
    return names


def test_a_position_is_one_command(server: AnyServer, client: Client, book: BookWriter) -> None:
    book.apply(fill(1, "1", "100"))
    assert commands_of(server, client, lambda: client.position(BTC, "7")) == ["HGETALL"]


def test_queries_read_only_named_keys(server: AnyServer, client: Client, book: BookWriter) -> None:
    book.apply(fill(1, "1", "100", trace={"id": TRACE}))

    def ask_everything() -> None:
        client.position(BTC)
        client.positions("all", strategy="7")
        client.strategy_portfolio("7")
        client.balances(location="binance")
        client.chain_balances(0)
        client.trace(TRACE)
        client.traces()
        client.journal()
        client.strategies()
        client.books()
        client.portfolio_summary()
        client.risk_metrics(30)
        client.equity()
        client.reservations()
        client.balances(margin=True)
        client.position(BTC, "7", live=True)

    assert set(commands_of(server, client, ask_everything)) <= {
        "HGET",
        "HGETALL",
        "ZRANGE",
        "XRANGE",
        "XREVRANGE",
        "HMGET",
        "ZSCORE",
    }


def answer_while(client: Client, plan: Plan[Answer], happens: Callable[[], object]) -> Answer:
    """The answer of a plan of two exchanges, with something happening in between."""
    commands = plan.send(execute(client.server, next(plan)))
    happens()
    with pytest.raises(StopIteration) as end:
        plan.send(execute(client.server, commands))
    answer: Answer = end.value.value
    return answer


def test_a_list_read_while_the_book_moves_says_so(client: Client, book: BookWriter) -> None:
    book.apply(fill(1, "1", "100"))
    plan = plans.positions(client.scope, "open", None, None)
    listed = answer_while(client, plan, lambda: book.apply(fill(2, "1", "100")))
    assert (listed.seqs, listed.is_exact) == ({"main": 2}, False)
    assert listed[0].seq == 3


@pytest.mark.parametrize(("state", "left"), [("open", 0), ("closed", 0), ("all", 1)])
def test_a_position_that_changes_state_while_listed_is_not_shown_in_the_wrong_one(
    client: Client, book: BookWriter, state: PositionState, left: int
) -> None:
    book.apply(fill(1, "1", "100"))
    if state == "closed":
        book.apply(fill(2, "-1", "100"))
    plan = plans.positions(client.scope, state, None, None)
    turn = fill(3, "1" if state == "closed" else "-1", "100")
    assert len(answer_while(client, plan, lambda: book.apply(turn))) == left


def test_an_unreachable_server_is_one_line(tmp_path: Path) -> None:
    with (
        Client(connect(str(tmp_path / "no.sock"), role="reader")) as client,
        pytest.raises(ServerError, match=r"no\.sock: there is no such socket"),
    ):
        client.position(BTC, "7")


def test_a_refused_user_is_one_line(server: AnyServer, client: Client) -> None:
    client.server.acl_setuser(
        "blind", enabled=True, nopass=True, keys=["other:*"], commands=["+@all"]
    )
    try:
        blind = connect(server.url, role="reader")
        blind.connection_pool.connection_kwargs.update(username="blind", password="any")
        with (
            Client(blind) as reader,
            pytest.raises(ServerError, match="the user may not do this"),
        ):
            reader.positions()
    finally:
        client.server.acl_deluser("blind")
