"""Any commands in any order, one by one and many at once, against a model of a few dictionaries (`line_model`).

The model says what each command must come to. After each step the limits hold and the counters are right; in the end
the chain is whole, the store shows what the model has, and the receipts, replayed by a second model that knows no code
of the line (`load.model`), are what the rules allow at their place: no illegal transition, no move past an open stop,
no gate passed without evidence.
"""

import asyncio
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path

import msgspec
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, precondition, rule

from erlmcp.tcps import (
    AbortSku,
    AcknowledgeAndon,
    AddDependency,
    AddWhy,
    AdvanceSku,
    AndonType,
    Cancel,
    Complete,
    CreateWorkOrder,
    Done,
    EscalateAndon,
    FinalizeRootCause,
    Gate,
    Ok,
    PublishSku,
    Pull,
    PullAndon,
    PullNext,
    Refused,
    Release,
    RemoveDependency,
    ResolveAndon,
    SetLimit,
    Severity,
    SignalType,
    StartRootCause,
    StartWorkOrder,
    Status,
    UpdateWorkOrder,
)
from load.audit import chain_faults
from load.model import Faults
from load.model import Model as Replay
from tests.tcps.line_model import BUCKETS, STAGES, STARTS, Model
from tests.tcps.plant import json, plant_at
from tests.tcps.proof import BAD, GOOD, submission

buckets = st.sampled_from(BUCKETS)
priorities = st.integers(1, 10)
severities = st.none() | st.sampled_from(Severity)
nearly_never = st.sampled_from([0, 0, 1])
INTERNAL = SignalType.INTERNAL


def marked(gate, passes):
    """Evidence that passes or fails; what fails says so in `tool`, for the model."""
    if passes or gate not in BAD:
        return GOOD[gate]
    return tuple((kind, {**figures, "tool": "bad"}) for kind, figures in BAD[gate])


class Line(RuleBasedStateMachine):
    keyed = Bundle("keyed")

    def __init__(self):
        super().__init__()
        self.runner = asyncio.Runner()
        self.stack = AsyncExitStack()
        self.directory = tempfile.TemporaryDirectory()
        self.plant = self.run(self.stack.enter_async_context(plant_at(Path(self.directory.name) / "erlmcp.db")))
        self.model = Model()
        self.receipts = 0

    def run(self, awaitable):
        async def bounded():
            return await asyncio.wait_for(awaitable, 30)

        return self.runner.run(bounded())

    def outcomes(self, *asks):
        async def all_at_once():
            calls = (self.plant.ask(command, key, files=files) for command, key, files in asks)
            return await asyncio.gather(*calls, return_exceptions=True)

        found = self.run(all_at_once())
        for (command, *_), outcome in zip(asks, found, strict=True):
            pull = isinstance(command, STARTS) and isinstance(outcome, Refused)
            self.receipts += isinstance(outcome, Done) or (pull and outcome.code in {"wip_limit", "line_stopped"})
        return found

    def one(self, command, files=()):
        return self.many([(command, files)])[0]

    def many(self, commands):
        """They wait in the order of their calls, so what each comes to is still known."""
        found = self.outcomes(*((command, None, files) for command, files in commands))
        for (command, _), outcome in zip(commands, found, strict=True):
            self.model.learn(command, outcome)
        return found

    def draw(self, data, names, nobody):
        """One that is there, the newer the likelier; now and then nobody."""
        there = [*names, nobody]
        return data.draw(st.sampled_from(there[-6:]))

    def order(self, data):
        return self.draw(data, self.model.orders, "WO-0")

    def sku(self, data):
        return self.draw(data, self.model.skus, "SKU-0")

    def andon(self, data):
        return self.draw(data, self.model.andons, "ANDON-0")

    def cause(self, data):
        return self.draw(data, self.model.causes, "RC-0")

    # Orders

    @rule(data=st.data(), bucket=buckets, priority=priorities, many=st.integers(0, 2))
    def create(self, data, bucket, priority, many):
        needs = dict.fromkeys(self.order(data) for _ in range(many))
        self.one(CreateWorkOrder(INTERNAL, "x", bucket=bucket, priority=priority, dependencies=tuple(needs)))

    @rule(data=st.data())
    def start(self, data):
        self.one(StartWorkOrder(self.order(data), "ana"))

    @rule(data=st.data())
    def complete(self, data):
        self.one(Complete(self.order(data)))

    @rule(data=st.data())
    def release(self, data):
        self.one(Release(self.order(data), "why"))

    @rule(data=st.data())
    def cancel(self, data):
        self.one(Cancel(self.order(data), "why"))

    @rule(data=st.data(), priority=priorities, behind=st.sampled_from([0, 0, 0, 1]))
    def update(self, data, priority, behind):
        order = self.order(data)
        known = self.model.orders.get(order)
        self.one(UpdateWorkOrder(order, max(1, (known.version if known else 1) - behind), priority=priority))

    @rule(data=st.data())
    def add_dependency(self, data):
        self.one(AddDependency(self.order(data), self.order(data)))

    @rule(data=st.data())
    def remove_dependency(self, data):
        order = self.order(data)
        needs = self.model.orders[order].needs if order in self.model.orders else []
        self.one(RemoveDependency(order, self.draw(data, needs, "WO-0")))

    @rule(bucket=buckets)
    def pull(self, bucket):
        self.one(Pull(bucket, "ben"))

    @rule()
    def pull_next(self):
        self.one(PullNext("eve"))

    @rule(bucket=buckets, limit=st.integers(1, 6))
    def set_limit(self, bucket, limit):
        self.one(SetLimit(bucket, limit))

    @rule(bucket=buckets, many=st.integers(2, 12))
    def fill(self, bucket, many):
        for _ in range(many):
            self.one(CreateWorkOrder(INTERNAL, "x", bucket=bucket))
            self.one(Pull(bucket))

    # Skus

    @rule(data=st.data(), passes=st.booleans(), gate=st.none() | st.sampled_from(Gate), empty=nearly_never)
    def submit(self, data, passes, gate, empty):
        self.one(*self.submission(self.sku(data), passes, gate, empty))

    def submission(self, name, passes, gate=None, empty=0):
        """To the gate of its stage, unless to another."""
        sku = self.model.skus.get(name)
        current = Gate(STAGES[sku.stage]) if sku and sku.stage < len(Gate) else Gate.SMOKE_TEST
        gate = gate or current
        return submission(name, gate, () if empty else marked(gate, passes))

    @rule(data=st.data())
    def advance(self, data):
        self.one(AdvanceSku(self.sku(data)))

    @rule(data=st.data())
    def publish(self, data):
        self.one(PublishSku(self.sku(data)))

    @rule(data=st.data())
    def abort(self, data):
        self.one(AbortSku(self.sku(data), "why"))

    @precondition(lambda self: self.model.skus)
    @rule(data=st.data(), steps=st.integers(1, 9))
    def walk(self, data, steps):
        """With good evidence, as far as it goes."""
        name = self.sku(data)
        for _ in range(steps):
            self.one(*self.submission(name, passes=True))
            self.one(AdvanceSku(name))

    @precondition(lambda self: any(sku.stage >= STAGES.index("smoke_test") for sku in self.model.skus.values()))
    @rule(data=st.data())
    def finish(self, data):
        """What is nearly made."""
        nearly = [name for name, sku in self.model.skus.items() if sku.stage >= STAGES.index("smoke_test")]
        name = self.draw(data, nearly, "SKU-0")
        self.one(*self.submission(name, passes=True))
        order = self.model.skus[name].order if name in self.model.skus else "WO-0"
        self.one(Complete(order))
        self.one(AdvanceSku(name))
        self.one(PublishSku(name))

    # Andons

    @rule(data=st.data(), kind=st.sampled_from(AndonType), severity=severities)
    def pull_cord(self, data, kind, severity):
        self.one(PullAndon(self.order(data), kind, "stop", severity))

    @rule(data=st.data())
    def acknowledge(self, data):
        self.one(AcknowledgeAndon(self.andon(data), "ana"))

    @rule(data=st.data(), level=st.integers(1, 3))
    def escalate(self, data, level):
        self.one(EscalateAndon(self.andon(data), level))

    @rule(data=st.data())
    def resolve(self, data):
        self.one(ResolveAndon(self.andon(data), "a", "b", "c"))

    @rule(data=st.data())
    def ask_why(self, data):
        self.one(StartRootCause(self.andon(data), "why?"))

    @rule(data=st.data(), n=st.integers(1, 5))
    def add_why(self, data, n):
        self.one(AddWhy(self.cause(data), n, "because"))

    @rule(data=st.data())
    def finalize(self, data):
        self.one(FinalizeRootCause(self.cause(data), "a", "b"))

    @precondition(lambda self: self.model.andons)
    @rule(data=st.data())
    def end(self, data):
        """An andon, with all that it needs."""
        self.conclude(self.andon(data))

    def conclude(self, name):
        self.one(StartRootCause(name, "why?"))
        cause = self.model.andons[name].cause if name in self.model.andons else None
        for n in range(1, 6):
            self.one(AddWhy(cause or "RC-0", n, "because"))
        self.one(FinalizeRootCause(cause or "RC-0", "a", "b"))
        self.one(ResolveAndon(name, "a", "b", "c"))

    # What must not be possible, tried on purpose

    @precondition(lambda self: any(order.needs for order in self.model.orders.values()))
    @rule(data=st.data())
    def close_a_circle(self, data):
        name = data.draw(st.sampled_from([name for name, order in self.model.orders.items() if order.needs]))
        needed = data.draw(st.sampled_from(self.model.orders[name].needs))
        self.one(AddDependency(needed, name))
        self.one(StartWorkOrder(name))

    @precondition(lambda self: self.model.skus)
    @rule(data=st.data(), severity=severities, finished=st.booleans())
    def move_past_a_stop(self, data, severity, finished):
        name = self.sku(data)
        order = self.model.skus[name].order if name in self.model.skus else "WO-0"
        self.one(*self.submission(name, passes=True))
        self.one(PullAndon(order, AndonType.MANUAL, "stop", severity))
        for command in (AdvanceSku(name), Complete(order), PublishSku(name), Pull(BUCKETS[0]), PullNext()):
            self.one(command)
        if finished:
            self.resolve_newest()

    @precondition(lambda self: self.model.skus)
    @rule(data=st.data(), again=st.booleans())
    def move_past_a_failed_gate(self, data, again):
        name = self.sku(data)
        for _ in range(1 + again):
            self.one(*self.submission(name, passes=False))
        self.one(AdvanceSku(name))
        self.one(*self.submission(name, passes=True))
        self.one(AdvanceSku(name))
        self.resolve_newest()
        self.one(AdvanceSku(name))

    def resolve_newest(self):
        for name in [*self.model.andons][-1:]:
            self.conclude(name)

    # Many at once

    @rule(data=st.data(), size=st.integers(2, 12))
    def anything_many_at_once(self, data, size):
        existing = st.sampled_from([*[*self.model.orders][-9:], "WO-0"])
        skus = st.sampled_from([*[*self.model.skus][-9:], "SKU-0"])
        andons = st.sampled_from([*[*self.model.andons][-9:], "ANDON-0"])
        command = (
            st.builds(CreateWorkOrder, st.just(INTERNAL), st.just("x"), bucket=buckets, priority=priorities)
            | st.builds(StartWorkOrder, existing)
            | st.builds(Complete, existing)
            | st.builds(Release, existing, st.just("why"))
            | st.builds(Cancel, existing, st.just("why"))
            | st.builds(AddDependency, existing, existing)
            | st.builds(Pull, buckets)
            | st.builds(PullNext)
            | st.builds(SetLimit, buckets, st.integers(1, 12))
            | st.builds(AdvanceSku, skus)
            | st.builds(PublishSku, skus)
            | st.builds(AbortSku, skus, st.just("why"))
            | st.builds(PullAndon, existing, st.sampled_from(AndonType), st.just("stop"), severities)
            | st.builds(AcknowledgeAndon, andons)
            | st.builds(ResolveAndon, andons, st.just("a"), st.just("b"), st.just("c"))
        ).map(lambda command: (command, ()))
        submits = st.builds(self.submission, skus, st.booleans())
        self.many(data.draw(st.lists(command | submits, min_size=size, max_size=size)))

    @rule(target=keyed, bucket=buckets, again=st.integers(1, 4))
    def create_with_a_key_again_and_again(self, bucket, again):
        command, key = CreateWorkOrder(INTERNAL, "x", bucket=bucket), f"key {len(self.model.orders)}"
        found = self.outcomes(*[(command, key, ())] * again)
        self.receipts -= again - 1
        assert found == [found[0]] * again
        self.model.learn(command, found[0])
        return command, key, found[0]

    @rule(used=keyed)
    def ask_again_with_a_used_key(self, used):
        command, key, answer = used
        assert self.outcomes((command, key, ())) == [answer]
        (conflict,) = self.outcomes((CreateWorkOrder(SignalType.CVE, "y"), key, ()))
        assert conflict.code == "conflict"
        self.receipts -= 1

    @invariant()
    def the_limits_hold_and_the_counters_are_right(self):
        for row in self.run(self.plant.views.kanban()):
            if row.bucket not in BUCKETS:
                continue
            orders = [order.status for order in self.model.orders.values() if order.bucket is row.bucket]
            assert row.current <= row.limit == self.model.limits[row.bucket]
            counted = (row.queued, row.blocked, row.current, row.completed, row.cancelled)
            assert counted == tuple(orders.count(status) for status in Status)

    def teardown(self):
        try:
            if hasattr(self, "plant"):
                self.run(self.audit())
        finally:
            self.run(self.stack.aclose())
            self.runner.close()
            self.directory.cleanup()

    async def audit(self):
        views = self.plant.views
        result = await views.verify(expected=await views.head())
        assert isinstance(result, Ok), result
        assert result.count == len(self.plant.facts) == self.receipts
        for name, order in self.model.orders.items():
            seen = await views.work_order(name)
            assert (seen.status, seen.version, list(seen.dependencies)) == (order.status, order.version, order.needs)
        for name, sku in self.model.skus.items():
            seen = await views.sku(name)
            assert (seen.stage, seen.status) == (STAGES[sku.stage], sku.status)
            gates = [gate for gate in await views.gate_status(name) if gate.submissions]
            assert {gate.gate: gate.verdict == "passed" for gate in gates} == sku.verdicts
        for name, andon in self.model.andons.items():
            seen = await views.andon(name)
            assert (seen.status, seen.level) == (andon.status, andon.level)
        await self.replay()

    async def replay(self):
        faults = Faults()
        replay = Replay(faults)
        rows = []
        for seq, fact in enumerate(self.plant.facts, 1):
            receipt = msgspec.json.decode(fact)
            assert receipt == json(await self.plant.views.receipt(seq))
            rows.append({**receipt, "payload": msgspec.json.encode(receipt["payload"]).decode()})
            replay.apply(rows[-1])
        chain_faults(rows, faults)
        assert (faults.count, faults.words) == ({}, [])
        assert replay.orders.keys() == self.model.orders.keys()
        assert replay.skus.keys() == self.model.skus.keys()


TestLine = Line.TestCase
TestLine.settings = settings(
    max_examples=50, stateful_step_count=40, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
