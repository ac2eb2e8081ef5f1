"""Any commands in any order, one by one and many at once, against a model of a few dictionaries.

The model says what each command must come to. After each step the limits hold and the counters are right; in the end
the chain is whole, and replayed from its first receipt it gives the very orders that the store has.
"""

import asyncio
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path

import msgspec
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, multiple, rule

from erlmcp.tcps import (
    TRANSITIONS,
    Bucket,
    Cancel,
    Complete,
    CreateWorkOrder,
    Done,
    Ok,
    Pull,
    PullNext,
    Refused,
    Release,
    SetLimit,
    SignalType,
    StartWorkOrder,
    Status,
    UpdateWorkOrder,
    WorkOrder,
)
from tests.tcps.plant import json, plant_at

BUCKETS = (Bucket.COST, Bucket.FEATURES)  # few, so that they fill up
buckets = st.sampled_from(BUCKETS)
priorities = st.integers(1, 10)


class Model:
    """What must be true. Orders in the order of their creation."""

    def __init__(self):
        self.orders = {}
        self.limits = {Bucket.COST: 5, Bucket.FEATURES: 10}
        self.pulled = None

    def wip(self, bucket):
        return sum(o.bucket is bucket and o.status is Status.IN_PROGRESS for o in self.orders.values())

    def full(self, bucket):
        return self.wip(bucket) >= self.limits[bucket]

    def queue(self, bucket):
        waiting = [o for o in self.orders.values() if o.bucket is bucket and o.status is Status.QUEUED]
        return sorted(waiting, key=lambda order: -order.priority)

    def expect(self, command):
        """What the command must come to: a refusal's code, or the id of the order that it moves ("" for none)."""
        match command:
            case CreateWorkOrder():
                return None, ""
            case SetLimit(bucket, limit):
                return ("conflict", "") if limit < self.wip(bucket) else (None, "")
            case Pull(bucket):
                return self.expect_first(self.queue(bucket)[:1])
            case PullNext():
                after = BUCKETS[::-1] if self.pulled is Bucket.COST else BUCKETS
                return self.expect_first([order for bucket in after for order in self.queue(bucket)[:1]])
        return self.expect_of(command, self.orders.get(command.id))

    def expect_first(self, heads):
        if not heads:
            return "not_found", ""
        free = [order for order in heads if not self.full(order.bucket)]
        return (None, free[0].id) if free else ("wip_limit", "")

    def expect_of(self, command, order):
        if order is None:
            return "not_found", ""
        if (order.status, type(command)) not in TRANSITIONS:
            return "invalid_transition", ""
        if isinstance(command, UpdateWorkOrder) and command.version != order.version:
            return "conflict", ""
        if isinstance(command, StartWorkOrder) and self.full(order.bucket):
            return "wip_limit", ""
        return ("gate_not_run", "") if isinstance(command, Complete) else (None, order.id)

    def learn(self, command, outcome):
        """Take the outcome in, once it is what must be."""
        code, moved = self.expect(command)
        if isinstance(outcome, Refused):
            assert outcome.code == code, (command, outcome.refusal)
            return
        assert isinstance(outcome, Done), outcome
        assert code is None, (command, code)
        if isinstance(command, SetLimit):
            assert (outcome.kanban.limit, outcome.kanban.current) == (command.limit, self.wip(command.bucket))
            self.limits[command.bucket] = command.limit
            return
        order = outcome.work_order
        if moved:
            before = self.orders[moved]
            assert (order.id, order.version) == (moved, before.version + 1)
            assert order.status in TRANSITIONS[before.status, type(command)]
            self.pulled = order.bucket if isinstance(command, Pull | PullNext) else self.pulled
        else:
            assert (order.status, order.version, order.id in self.orders) == (Status.QUEUED, 1, False)
        self.orders[order.id] = order


class Line(RuleBasedStateMachine):
    ids = Bundle("ids")
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
            calls = (self.plant.ask(command, key) for command, key in asks)
            return await asyncio.gather(*calls, return_exceptions=True)

        found = self.run(all_at_once())
        recorded = [isinstance(o, Done) or (isinstance(o, Refused) and o.code == "wip_limit") for o in found]
        self.receipts += sum(recorded)
        return found

    def one(self, command, key=None):
        (outcome,) = self.outcomes((command, key))
        self.model.learn(command, outcome)
        return outcome

    @initialize(target=ids)
    def nobody(self):
        return "WO-0"

    @rule(target=ids, bucket=buckets, priority=priorities)
    def create(self, bucket, priority):
        return self.one(CreateWorkOrder(SignalType.INTERNAL, "x", bucket=bucket, priority=priority)).work_order.id

    @rule(order=ids)
    def start(self, order):
        self.one(StartWorkOrder(order, "ana"))

    @rule(order=ids)
    def complete(self, order):
        self.one(Complete(order))

    @rule(order=ids)
    def release(self, order):
        self.one(Release(order, "why"))

    @rule(order=consumes(ids))
    def cancel(self, order):
        self.one(Cancel(order, "why"))

    @rule(order=ids, priority=priorities, behind=st.sampled_from([0, 0, 0, 1]))
    def update(self, order, priority, behind):
        known = self.model.orders.get(order)
        self.one(UpdateWorkOrder(order, max(1, (known.version if known else 1) - behind), priority=priority))

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
            self.one(CreateWorkOrder(SignalType.INTERNAL, "x", bucket=bucket))
            self.one(Pull(bucket))

    @rule(target=ids, many=st.lists(st.tuples(buckets, priorities), min_size=2, max_size=8))
    def create_many_at_once(self, many):
        commands = [CreateWorkOrder(SignalType.INTERNAL, "x", bucket=bucket, priority=p) for bucket, p in many]
        return multiple(*self.many(commands))

    @rule(data=st.data(), size=st.integers(2, 12))
    def anything_many_at_once(self, data, size):
        existing = st.sampled_from([*self.model.orders, "WO-0"])
        command = (
            st.builds(StartWorkOrder, existing)
            | st.builds(Complete, existing)
            | st.builds(Release, existing, st.just("why"))
            | st.builds(Cancel, existing, st.just("why"))
            | st.builds(Pull, buckets)
            | st.builds(PullNext)
            | st.builds(SetLimit, buckets, st.integers(1, 12))
        )
        self.many(data.draw(st.lists(command, min_size=size, max_size=size)))

    def many(self, commands):
        """They wait in the order of their calls, so what each comes to is still known."""
        found = self.outcomes(*((command, None) for command in commands))
        for command, outcome in zip(commands, found, strict=True):
            self.model.learn(command, outcome)
        return [o.work_order.id for o in found if isinstance(o, Done) and o.work_order]

    @rule(target=keyed, bucket=buckets, again=st.integers(1, 4))
    def create_with_a_key_again_and_again(self, bucket, again):
        command, key = CreateWorkOrder(SignalType.INTERNAL, "x", bucket=bucket), f"key {len(self.model.orders)}"
        found = self.outcomes(*[(command, key)] * again)
        self.receipts -= again - 1
        assert found == [found[0]] * again
        self.model.learn(command, found[0])
        return command, key, found[0]

    @rule(used=keyed)
    def ask_again_with_a_used_key(self, used):
        command, key, answer = used
        assert self.outcomes((command, key)) == [answer]
        (conflict,) = self.outcomes((CreateWorkOrder(SignalType.CVE, "y"), key))
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
        result = await self.plant.views.verify(expected=await self.plant.views.head())
        assert isinstance(result, Ok), result
        assert result.count == self.receipts
        assert len(self.plant.facts) == self.receipts
        replayed = {}
        limits, wip = dict.fromkeys(BUCKETS, 10) | {Bucket.COST: 5}, dict.fromkeys(BUCKETS, 0)
        for seq, fact in enumerate(self.plant.facts, 1):
            assert msgspec.json.decode(fact) == json(await self.plant.views.receipt(seq))
            outputs = msgspec.json.decode(fact)["payload"]["outputs"]
            if "kanban" in outputs:
                limits[outputs["kanban"]["bucket"]] = outputs["kanban"]["limit"]
            if "work_order" in outputs:
                order = msgspec.convert(outputs["work_order"], WorkOrder)
                before = replayed.get(order.id)
                wip[order.bucket] += (order.status is Status.IN_PROGRESS) - (
                    before is not None and before.status is Status.IN_PROGRESS
                )
                replayed[order.id] = order
            assert all(0 <= wip[bucket] <= limits[bucket] for bucket in BUCKETS), seq
        assert replayed == self.model.orders
        for order in replayed.values():
            seen = await self.plant.views.work_order(order.id)
            assert msgspec.structs.replace(seen, sla=msgspec.UNSET) == order


TestLine = Line.TestCase
TestLine.settings = settings(
    max_examples=30, stateful_step_count=30, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
