"""Whatever tasks do in transactions and savepoints, together, failing or cancelled anywhere: the file holds what a
dictionary would, had the transactions that committed come one after the other."""

import asyncio
import sqlite3
import tempfile
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Struct

from erlmcp.store import Constraint, Database, Options, SqliteOwner, Transaction
from tests.store.shelf import SCHEMA, things

NAMES = st.sampled_from(["nail", "screw", "bolt"])


class Put(Struct, frozen=True):
    name: str
    amount: int


class Take(Struct, frozen=True):
    name: str
    amount: int


class Drop(Struct, frozen=True):
    name: str


class Pause(Struct, frozen=True):
    """Lets the other tasks run."""


class Fail(Struct, frozen=True):
    """The block raises."""


class Block(Struct, frozen=True):
    """A savepoint."""

    steps: tuple[object, ...]


class Order(Struct, frozen=True):
    """One transaction. `cancel_after`: turns of the loop until its task is cancelled, if at all."""

    steps: tuple[object, ...]
    cancel_after: int | None


class Failed(Exception):
    pass


class Alone(sqlite3.Connection):
    """Objects to a second thread."""

    inside = False

    def execute(self, sql: str, *rest: Any) -> sqlite3.Cursor:
        assert not self.inside, f"two threads at once: {sql}"
        self.inside = True
        try:
            return super().execute(sql, *rest)
        finally:
            self.inside = False


simple = st.one_of(
    st.builds(Put, NAMES, st.integers(0, 3)),
    st.builds(Take, NAMES, st.integers(0, 3)),
    st.builds(Drop, NAMES),
    st.builds(Pause),
    st.builds(Fail),
)
steps = st.recursive(simple, lambda inner: st.builds(Block, st.lists(inner, max_size=4).map(tuple)), max_leaves=8)
orders = st.builds(Order, st.lists(steps, max_size=6).map(tuple), st.one_of(st.none(), st.integers(0, 12)))


def apply(shelf: dict[str, int], steps: tuple[object, ...]) -> dict[str, int]:
    """The model. Raises Failed where the block would."""
    shelf = dict(shelf)
    for step in steps:
        match step:
            case Put(name, amount):
                shelf.setdefault(name, amount)
            case Take(name, amount) if shelf.get(name, -1) >= amount:
                shelf[name] -= amount
            case Drop(name):
                shelf.pop(name, None)
            case Fail():
                raise Failed
            case Block(inner):
                with suppress(Failed):
                    shelf = apply(shelf, inner)
    return shelf


async def perform(tx: Transaction, steps: tuple[object, ...]) -> None:
    for step in steps:
        with suppress(Constraint):
            match step:
                case Put(name, amount):
                    await tx.one("put", name=name, amount=amount)
                case Take(name, amount):
                    await tx.one("take", name=name, amount=amount)
                case Drop(name):
                    await tx.run("drop", name=name)
        match step:
            case Pause():
                await asyncio.sleep(0)
            case Fail():
                raise Failed
            case Block(inner):
                with suppress(Failed):
                    async with tx.savepoint():
                        await perform(tx, inner)


async def carry_out(db: Database, number: int, order: Order) -> None:
    async with db.transaction() as tx:
        await perform(tx, order.steps)
        await tx.one("put", name=f"order {number}", amount=number)


async def cancel_after(task: asyncio.Task[None], turns: int) -> None:
    for _ in range(turns):
        await asyncio.sleep(0)
    task.cancel()


async def story(orders: list[Order], path: Path) -> None:
    connect = partial(sqlite3.connect, factory=Alone)
    async with SqliteOwner(path, SCHEMA, Options(durable=False, readers=1), connect=connect) as db:
        tasks = [asyncio.create_task(carry_out(db, number, order)) for number, order in enumerate(orders)]
        cancels = [
            asyncio.create_task(cancel_after(task, order.cancel_after))
            for task, order in zip(tasks, orders, strict=True)
            if order.cancel_after is not None
        ]
        outcomes = await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 10)
        await asyncio.gather(*cancels)
        found = await things(db)
    committed = sorted(found.pop(name) for name in list(found) if name.startswith("order "))
    acknowledged = [number for number, outcome in enumerate(outcomes) if outcome is None]
    assert set(acknowledged) <= set(committed)
    assert {type(outcome) for outcome in outcomes} <= {type(None), Failed, asyncio.CancelledError}
    shelf: dict[str, int] = {}
    for number in committed:
        shelf = apply(shelf, orders[number].steps)
    assert found == shelf


@settings(max_examples=150)
@given(st.lists(orders, max_size=8))
def test_the_file_holds_what_a_dictionary_would(orders: list[Order]):
    with tempfile.TemporaryDirectory() as directory:
        asyncio.run(story(orders, Path(directory) / "erlmcp.db"))
