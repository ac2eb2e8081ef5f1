"""Whatever is asked, the answer is Done or a refusal: no text, number or nesting crashes the line."""

import asyncio
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from erlmcp.tcps import (
    Ask,
    Bucket,
    Cancel,
    Complete,
    CreateWorkOrder,
    Done,
    Ok,
    PriorityWord,
    Pull,
    PullNext,
    Refused,
    Release,
    SetLimit,
    SignalType,
    StartWorkOrder,
    UpdateWorkOrder,
)
from tests.tcps.plant import plant_at

text = st.text(st.characters(exclude_categories=()), max_size=30)  # half surrogate pairs and controls, too
ids = text | st.just("WO-1")
numbers = st.integers() | st.integers(1, 10)
priorities = st.none() | numbers | st.sampled_from(PriorityWord)
assignees = st.none() | text
plain = st.none() | st.booleans() | st.integers() | st.floats() | text
metadata = st.dictionaries(text, st.recursive(plain, lambda inner: st.lists(inner) | st.dictionaries(text, inner)))
commands = (
    st.builds(
        CreateWorkOrder,
        st.sampled_from(SignalType),
        text,
        description=text,
        source=text,
        labels=st.lists(text, max_size=3).map(tuple),
        bucket=st.none() | st.sampled_from(Bucket),
        priority=priorities,
        assignee=assignees,
        metadata=metadata,
    )
    | st.builds(CreateWorkOrder, st.just(SignalType.INTERNAL), st.just("x"), metadata=metadata)
    | st.builds(UpdateWorkOrder, ids, numbers, title=assignees, description=assignees, priority=priorities)
    | st.builds(StartWorkOrder, ids, assignees)
    | st.builds(Pull, st.sampled_from(Bucket), assignees)
    | st.builds(PullNext, assignees)
    | st.builds(Complete, ids)
    | st.builds(Release, ids, text)
    | st.builds(Cancel, ids, text)
    | st.builds(SetLimit, st.sampled_from(Bucket), numbers)
)
asks = st.builds(Ask, text | st.just("local"), text | st.just("t"), commands, st.none() | text)


@settings(max_examples=60)
@given(st.lists(asks, min_size=1, max_size=12))
def test_every_ask_is_done_or_refused_and_the_chain_stays_whole(asked):
    async def ask_all(path):
        async with plant_at(path) as plant:
            calls = (plant.coordinator.execute(ask) for ask in asked)
            outcomes = await asyncio.gather(*calls, return_exceptions=True)
            assert {type(outcome) for outcome in outcomes} <= {Done, Refused}, outcomes
            assert isinstance(await plant.views.verify(), Ok)
            assert all(outcome.refusal.next for outcome in outcomes if isinstance(outcome, Refused))

    with tempfile.TemporaryDirectory() as directory:
        asyncio.run(ask_all(Path(directory) / "erlmcp.db"))
