"""Facts back to events: whatever was written is written again, letter by letter."""

import json

from hypothesis import assume, given
from hypothesis import strategies as st

from pm.events.facts import event_from_facts
from pm.events.message import pack, unpack
from pm.events.model import Event
from pm.reference.text_ids import check_id
from tests.pure.event_strategies import Outside, maybe, merged, table
from tests.pure.event_tables import REFERENCE, text_of

_names = st.sampled_from(["v", "w", "daily", "a%3Ab"])
_accounts = table(account=maybe(_names), chain_id=st.sampled_from([None, 0, 1, 137, 5]))
KNOWN = Outside(
    instruments=st.sampled_from(sorted(REFERENCE.instruments)),
    places=st.one_of(
        merged(table(venue=_names | st.just("pools")), _accounts),
        table(
            location=st.sampled_from(["vault", "vault.polygon", "ethereum", "chain-5"]),
            venue=maybe(_names),
        ),
        st.sampled_from([{"chain_id": 137}, {"account": "fund"}]),
    ),
    accounts=_accounts,
)


@given(KNOWN.events())
def test_an_event_from_facts_gives_the_same_facts_again(event: Event) -> None:
    text = text_of(event)
    assume(json.loads(text)["kind"] != "quarantined")
    again = event_from_facts(text)
    assert type(again) is type(event)
    assert text_of(again) == text


@given(KNOWN.events())
def test_an_event_from_facts_survives_its_message(event: Event) -> None:
    text = text_of(event)
    assume(json.loads(text)["kind"] != "quarantined")
    assert text_of(unpack(pack(event_from_facts(text)))) == text


@given(KNOWN.events())
def test_facts_are_compact_json_of_texts_under_the_kind_of_their_event(event: Event) -> None:
    text = text_of(event)
    facts = json.loads(text)
    assert json.dumps(facts, separators=(",", ":"), ensure_ascii=False) == text
    assert facts["kind"] in (event.kind, "quarantined")
    for value in facts.values():
        assert isinstance(value, (str, dict, list))
    if "id" in facts:
        for part in facts["id"].split("/"):
            check_id(part)


@given(KNOWN.events())
def test_facts_with_an_instrument_name_a_venue(event: Event) -> None:
    facts = json.loads(text_of(event))
    if "instrument" in facts or "to" in facts:
        assert facts["venue"]
