"""Whatever is asked, the answer is Done or a refusal: no text, number or nesting crashes the line."""

import asyncio
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from erlmcp.tcps import (
    AbortSku,
    AcknowledgeAndon,
    AddDependency,
    AddWhy,
    AdvanceSku,
    AndonType,
    ApplyKaizen,
    Ask,
    Bucket,
    Cancel,
    Complete,
    Coverage,
    CreateWorkOrder,
    Digests,
    Done,
    EscalateAndon,
    ExitCode,
    File,
    FinalizeRootCause,
    Gate,
    Junit,
    MeasureKaizen,
    NoteBreach,
    Ok,
    PriorityWord,
    ProposeKaizen,
    PublishSku,
    Pull,
    PullAndon,
    PullNext,
    Refused,
    Release,
    RemoveDependency,
    ResolveAndon,
    Role,
    RunTpm,
    Sarif,
    Sbom,
    SetLimit,
    Severity,
    SignalType,
    Spec,
    StartRootCause,
    StartWorkOrder,
    SubmitGate,
    TpmWindow,
    UpdateWorkOrder,
    WasteKind,
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
    | st.builds(RunTpm, st.sampled_from(TpmWindow), st.booleans())
    | st.builds(SetLimit, st.sampled_from(Bucket), numbers)
    | st.builds(AddDependency, ids, ids)
    | st.builds(RemoveDependency, ids, ids)
)
digests = text | st.just("0" * 64)
about = {"digest": digests, "size": numbers, "tool": text}
names = st.lists(text, max_size=3).map(tuple)
evidence = (
    st.builds(Junit, tests=numbers, failures=numbers, skipped=numbers, failed=names, **about)
    | st.builds(Coverage, lines=numbers, covered=numbers, **about)
    | st.builds(Sarif, errors=numbers, rules=names, **about)
    | st.builds(Sbom, components=numbers, artifact=text, artifact_sha256=digests, **about)
    | st.builds(Spec, conforms=st.booleans(), checked=numbers, messages=names, **about)
    | st.builds(Digests, first=digests, second=digests, **about)
    | st.builds(ExitCode, code=numbers, command=text, **about)
)
seqs = st.lists(numbers).map(tuple)
wastes = st.sampled_from(WasteKind)
on_the_floor = (
    st.builds(AdvanceSku, ids)
    | st.builds(PublishSku, ids)
    | st.builds(AbortSku, ids, text)
    | st.builds(SubmitGate, ids, st.sampled_from(Gate), st.lists(evidence, max_size=3).map(tuple))
    | st.builds(PullAndon, ids, st.sampled_from(AndonType), text, st.none() | st.sampled_from(Severity))
    | st.builds(AcknowledgeAndon, ids, assignees)
    | st.builds(ResolveAndon, ids, text, text, text)
    | st.builds(StartRootCause, ids, text)
    | st.builds(AddWhy, ids, numbers, text)
    | st.builds(FinalizeRootCause, ids, text, text)
    | st.builds(EscalateAndon, ids, numbers)
    | st.builds(NoteBreach, ids)
    | st.builds(ProposeKaizen, wastes, text, numbers, numbers, seqs, text, text)
    | st.builds(ApplyKaizen, ids)
    | st.builds(MeasureKaizen, ids, numbers, seqs, text, text)
)
files = st.lists(st.builds(File, digests, st.binary(max_size=9)), max_size=2).map(tuple)
asks = st.builds(
    Ask,
    text | st.just("local"),
    text | st.just("t"),
    commands | on_the_floor,
    st.none() | text,
    st.just(()) | files,
    st.sampled_from(Role),
)


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
