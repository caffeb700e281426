"""Every key and channel, one function each. The only Python that knows their names.

Everything of one book carries the hash tag ``{book}``, so that one call may touch all of it on a
cluster. ``lua/lib/keys.lua`` is the twin for scripts; a test compares the two.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

DEFAULT_LANE = "executions"
QUARANTINE_LANE = "executions:quarantine"
SENTINEL = "."
"""Member of every collection, so that none is ever empty and so deleted."""


def _book(book: str, name: str) -> str:
    return f"pm:{{{book}}}:{name}"


def of_book(book: str, name: str) -> str:
    """A key of a book by the rest of its name."""
    return _book(book, name)


def book(book: str) -> str:
    """Hash: seq, digest, cursors, reference version, dedupe generations, counters, totals."""
    return _book(book, "book")


def lane(book: str, lane: str) -> str:
    """Stream: one lane, by its name (`executions` or `executions:<source>`)."""
    return _book(book, lane)


def lanes(book: str) -> str:
    """Sorted set: names of the lanes gateways have opened."""
    return _book(book, "lanes")


def lane_source(book: str, lane: str) -> str:
    """Hash: which outbox numbers a gateway's lane, and the last number in it."""
    return _book(book, f"source:{lane}")


def lease(book: str) -> str:
    """String with a time to live: the worker that serves the book."""
    return _book(book, "lease")


def journal(book: str) -> str:
    """Stream: every event, with what it did, under `<seq>-0`."""
    return _book(book, "journal")


def quarantine(book: str) -> str:
    """Stream: what was refused, under the seq of its journal entry."""
    return _book(book, "quarantine")


def position(book: str, strategy: str, instrument: str) -> str:
    """Hash: one strategy's position in one instrument."""
    return _book(book, f"position:{strategy}:{instrument}")


def positions(book: str) -> str:
    """Sorted set: open positions as `<strategy>:<instrument>`."""
    return _book(book, "positions")


def closed(book: str) -> str:
    """Sorted set: flat positions as `<strategy>:<instrument>`."""
    return _book(book, "closed")


def instrument(book: str, instrument: str) -> str:
    """Sorted set: strategies that hold or held the instrument."""
    return _book(book, f"instrument:{instrument}")


def strategy(book: str, strategy: str) -> str:
    """Hash: a strategy's totals."""
    return _book(book, f"strategy:{strategy}")


def strategies(book: str) -> str:
    """Sorted set: strategies of the book."""
    return _book(book, "strategies")


def balance(book: str, location: str, token: str) -> str:
    """Hash: one token at one location."""
    return _book(book, f"balance:{location}:{token}")


def balances(book: str) -> str:
    """Sorted set: balances as `<location>:<token>`."""
    return _book(book, "balances")


def chain(book: str, chain_id: str) -> str:
    """Sorted set: balances of one chain as `<location>:<token>`; chain 0 is off chain."""
    return _book(book, f"chain:{chain_id}")


def order(book: str, order: str) -> str:
    """Hash: what an order, `<venue>:<order id>`, has put into the books."""
    return _book(book, f"order:{order}")


def trace(book: str, trace: str) -> str:
    """Hash: the steps and totals of one multi-step trade."""
    return _book(book, f"trace:{trace}")


def traces(book: str) -> str:
    """Sorted set: traces by the time of their last step, in milliseconds."""
    return _book(book, "traces")


def pending(book: str, pending: str) -> str:
    """Hash: what is or was under way: `transfer.<id>`, `dividend.<id>` or `correction.<id>`."""
    return _book(book, f"pending:{pending}")


def pendings(book: str) -> str:
    """Sorted set: ids of what is in flight, receivable, or a correction still to be made."""
    return _book(book, "pendings")


def restatements(book: str) -> str:
    """Sorted set: ids of corrections as they are pending, by the seq of their last entry."""
    return _book(book, "restatements")


def reservations(book: str) -> str:
    """Sorted set: orders that hold reservations, by their last news in milliseconds."""
    return _book(book, "reservations")


def valuation(book: str, strategy: str | None = None) -> str:
    """Hash: what the last mark-to-market found for a book, or for one strategy of it."""
    return _book(book, "valuation" if strategy is None else f"valuation:{strategy}")


def equity(book: str, strategy: str | None = None) -> str:
    """Stream: equity points of a book, or of one strategy of it."""
    return _book(book, "equity" if strategy is None else f"equity:{strategy}")


def returns(book: str, strategy: str | None = None) -> str:
    """Hash: UTC day -> return of a book's day, or of one strategy's."""
    return _book(book, "returns" if strategy is None else f"returns:{strategy}")


def risk(book: str, strategy: str | None = None) -> str:
    """Hash: scenario results of the exposures of a book, or of one strategy of it."""
    return _book(book, "risk" if strategy is None else f"risk:{strategy}")


def valuation_lease(book: str) -> str:
    """String with a time to live: the process that marks the book to market."""
    return _book(book, "valuation-lease")


def attribution(book: str, strategy: str, day: str) -> str:
    """Hash: a strategy's UTC day, one row for each venue and instrument."""
    return _book(book, f"attribution:{strategy}:{day}")


def seen(book: str, generation: int) -> str:
    """Set: ids of executions applied in one generation."""
    return _book(book, f"seen:{generation}")


def seen_future(book: str) -> str:
    """Set: ids of executions dated far ahead of their receipt, remembered for good."""
    return _book(book, "seen:future")


def updates(book: str) -> str:
    """Channel: one JSON message for each journal entry that changed something."""
    return _book(book, "updates")


def breaks(book: str) -> str:
    """Sorted set: ids of a book's breaks by when they were found, in milliseconds."""
    return _book(book, "breaks")


def break_record(book: str, break_id: str) -> str:
    """Hash: one break, what a reconciliation found that does not agree."""
    return _book(book, f"break:{break_id}")


def open_breaks(book: str) -> str:
    """Sorted set: ids of the breaks that are not resolved, by when they were found, in ms."""
    return _book(book, "breaks:open")


def reconciliation(book: str) -> str:
    """Hash: when a book was last reconciled, up to which seq, and what was found."""
    return _book(book, "reconciliation")


def archive_head(book: str) -> str:
    """Hash: up to which seq the journal is in the archive, and trimmed."""
    return _book(book, "archive")


def shadow(book: str, name: str) -> str:
    """A key of a book's shadow: what a rebuild writes before it takes the book's place."""
    return _book(book, f"shadow:{name}")


def aside(book: str, label: str) -> str:
    """Prefix of the keys a rebuild has taken off the server at one time; without a label of all."""
    return _book(book, f"aside:{label}:" if label else "aside:")


def reference_versions() -> str:
    """Hash: the current version of the reference data, and when and why it was made."""
    return "pm:{ref}:versions"


def reference_records() -> str:
    """Hash: `<kind>/<id>` -> the current record as JSON."""
    return "pm:{ref}:records"


def reference_history() -> str:
    """Stream: every change of a record, under `<version>-<n>`."""
    return "pm:{ref}:history"


def marks() -> str:
    """Hash: `<subject>/<quote>` -> the newest mark as JSON."""
    return "pm:{ref}:marks"


def mark_history(subject: str, quote: str) -> str:
    """Stream: the latest marks of one subject in one quote token, oldest first."""
    return f"pm:{{ref}}:mark-history:{subject}/{quote}"


def mark_days(subject: str, quote: str) -> str:
    """Hash: UTC day -> the last mark of that day."""
    return f"pm:{{ref}}:mark-days:{subject}/{quote}"


def splits() -> str:
    """Hash: `<instrument>/<event id>` -> a split as JSON, by which older prices are adjusted."""
    return "pm:{ref}:splits"


def portfolio_valuation() -> str:
    """Hash: what the last mark-to-market found over all books."""
    return "pm:{ref}:valuation"


def portfolio_equity() -> str:
    """Stream: equity points over all books."""
    return "pm:{ref}:equity"


def portfolio_returns() -> str:
    """Hash: UTC day -> return of the day over all books."""
    return "pm:{ref}:returns"


def portfolio_risk() -> str:
    """Hash: scenario results of the exposures over all books."""
    return "pm:{ref}:risk"


def books() -> str:
    """Sorted set: the books that exist."""
    return "pm:{ref}:books"


def workers() -> str:
    """Sorted set: live workers by the time they last said so, in milliseconds."""
    return "pm:{ref}:workers"


def metrics() -> str:
    """Hash: every counter and histogram bucket, all processes together."""
    return "pm:{ref}:metrics"


def gauges() -> str:
    """Hash: what the metrics job found last: gauges as text, and when."""
    return "pm:{ref}:gauges"


def job_slot(job: str, slot: int) -> str:
    """String with a time to live: the slot of a job that a scheduler has claimed or filled."""
    return f"pm:{{jobs}}:slot:{job}:{slot}"


def job_running(job: str) -> str:
    """String with a time to live: who runs the job at this moment."""
    return f"pm:{{jobs}}:running:{job}"


def job_record(job: str) -> str:
    """Hash: how the job's runs have ended: counts, the last result, the last error."""
    return f"pm:{{jobs}}:record:{job}"


def jobs_scheduler() -> str:
    """String with a time to live: the scheduler that moves due retries back into the queues."""
    return "pm:{jobs}:scheduler"


def opening_keys(name: str) -> list[str]:
    """The keys `open_book` takes, in its order."""
    return [
        book(name),
        journal(name),
        quarantine(name),
        positions(name),
        closed(name),
        strategies(name),
        balances(name),
        traces(name),
        lanes(name),
        seen(name, 0),
        seen_future(name),
        pendings(name),
        reservations(name),
    ]


def standing_keys(name: str, generation: int) -> list[str]:
    """The keys every `apply` needs, the book first; `generation` is the book's."""
    return [
        book(name),
        journal(name),
        quarantine(name),
        positions(name),
        closed(name),
        strategies(name),
        balances(name),
        traces(name),
        pendings(name),
        reservations(name),
        seen_future(name),
        *(seen(name, number) for number in range(max(0, generation - 1), generation + 2)),
    ]


def event_keys(name: str, facts: Mapping[str, Any]) -> Iterable[str]:
    """The keys an event of these facts may touch, beside the standing ones.

    What only the book knows (who holds an instrument, what an order has reserved) is missing here;
    the function answers which keys it needs.
    """
    event_strategy, event_instrument = facts.get("strategy"), facts.get("instrument")
    if "order" in facts:
        yield order(name, facts["order"])
    if event_strategy is not None:
        yield strategy(name, event_strategy)
        yield attribution(name, event_strategy, facts["day"])
    for terms in (facts, facts.get("to", {}), facts.get("underlying", {})):
        if "instrument" in terms:
            yield instrument(name, terms["instrument"])
            if event_strategy is not None:
                yield position(name, event_strategy, terms["instrument"])
    if event_instrument is not None and "location" in facts:
        tokens = {facts.get(token) for token in ("base", "quote", "settlement", "token")}
    else:
        tokens = {facts.get("token")}
    if "underlying" in facts:
        tokens.update(facts["underlying"][token] for token in ("base", "quote", "settlement"))
    tokens.update(fee[0] for fee in facts.get("fees", ()))
    for place, chain_id in (
        ("location", "chain_id"),
        ("from_location", "from_chain_id"),
        ("to_location", "to_chain_id"),
    ):
        if place in facts:
            yield chain(name, facts.get(chain_id, "0"))
            here = {facts.get("to_token", facts.get("token"))} if place[0] == "t" else tokens
            for token in sorted(token for token in here if token is not None):
                yield balance(name, facts[place], token)
    for kind in ("transfer", "dividend"):
        if kind in facts and "from_book" not in facts:
            yield pending(name, f"{kind}.{facts[kind]}")
    if "correction" in facts:
        yield pending(name, f"correction.{facts['correction']}")
        yield restatements(name)
    for location, chain_id, token, _ in facts.get("moves", ()):
        yield balance(name, location, token)
        yield chain(name, chain_id)
    if "trace" in facts:
        yield trace(name, facts["trace"]["id"])
