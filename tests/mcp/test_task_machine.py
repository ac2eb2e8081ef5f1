"""What a task may become, whatever comes in whatever order: a model against the transitions of SEP-2663."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from erlmcp.mcp.task import (
    CLOSED,
    INPUT_LIMIT,
    LOSSES,
    TRANSITIONS,
    Adopt,
    Answer,
    Ask,
    Cancel,
    Lose,
    Posed,
    Release,
    Settle,
    Task,
    TaskChange,
    TaskFault,
    Tell,
    Withdraw,
    change_task,
    key_of,
)

OWNERS = ("one", "two", "")
KEYS = ("a", "b", "c")
owners = st.sampled_from([None, None, None, *OWNERS])
keys = st.sampled_from(KEYS)
questions = st.dictionaries(keys, st.sampled_from([Posed(b"1", "roots/list", b"{}"), Posed(b"2", "m", b"{}")]))


class Life(RuleBasedStateMachine):
    """One task, and everything that anybody may try with it."""

    @initialize(restartable=st.booleans())
    def create(self, restartable: bool) -> None:
        self.task = Task("t", "tool", 0, 0, 1000, 10, owner="one", params=b"{}" if restartable else b"")
        self.now = 0
        self.meant: dict[str, bytes] = {}
        self.done: set[str] = set()

    def do(self, change: TaskChange) -> None:
        before, self.now = self.task, self.now + 1
        try:
            self.task = change_task(before, change, self.now)
        except TaskFault:
            assert len(before.inputs) > INPUT_LIMIT - len(KEYS)
            return
        if self.task is before:
            return
        assert before.open, "a closed task change_task"
        assert self.task.status in TRANSITIONS[before.status]
        assert self.task.revision == before.revision + 1
        assert self.task.updated == self.now
        for key, each in self.task.inputs.items():
            if each.digest:
                assert self.meant.setdefault(key, each.digest) == each.digest, "a key means two questions"
            assert not (each.pending and key in self.done), "a key was asked again after its answer"
            if each.answer is not None or not each.digest:
                self.done.add(key)

    def by(self, other: str | None) -> str:
        """Who does it: most often the owner."""
        return self.task.owner if other is None else other

    @rule(other=owners, questions=questions, reject=st.booleans())
    def ask(self, other: str | None, questions: dict[str, Posed], reject: bool) -> None:
        answered = [key for key, each in self.task.inputs.items() if each.answer is not None]
        rejected = tuple(answered[:1] if reject else ())
        before = self.task
        self.do(Ask("t", self.by(other), questions, rejected))
        if self.task is not before:
            for key, posed in questions.items():
                found = self.task.inputs[key_of(self.task.inputs, key, posed.digest)]
                assert found.digest == posed.digest, "a question was not asked"

    @rule(other=owners, keys=st.lists(keys))
    def withdraw(self, other: str | None, keys: list[str]) -> None:
        self.do(Withdraw("t", self.by(other), tuple(keys)))

    @rule(keys=st.lists(st.sampled_from([*KEYS, "a-2", "b-2", "nonsense"])))
    def answer(self, keys: list[str]) -> None:
        self.do(Answer("t", "local", dict.fromkeys(keys, b"{}")))

    @rule(other=owners, message=st.sampled_from(["x", "y"]))
    def tell(self, other: str | None, message: str) -> None:
        self.do(Tell("t", self.by(other), message))

    @rule(other=owners, error=st.sampled_from([b"", b'{"code":1}']))
    def settle(self, other: str | None, error: bytes) -> None:
        self.do(Settle("t", self.by(other), b"" if error else b"{}", error))

    @rule()
    def cancel(self) -> None:
        self.do(Cancel("t", "local"))

    @rule(owner=st.sampled_from(OWNERS))
    def adopt(self, owner: str) -> None:
        was = self.task.owner
        self.do(Adopt("t", owner))
        assert not was or self.task.owner == was, "a task was taken from its owner"

    @rule(other=owners)
    def release(self, other: str | None) -> None:
        self.do(Release("t", self.by(other), b'{"code":1}', "left"))

    @rule(other=owners)
    def lose(self, other: str | None) -> None:
        self.do(Lose("t", self.by(other), b'{"code":1}', "died"))

    @invariant()
    def it_is_what_its_status_says(self) -> None:
        task = self.task
        pending = [each for each in task.inputs.values() if each.pending]
        assert (task.status == "input_required") == bool(pending)
        assert bool(task.result) == (task.status == "completed")
        assert bool(task.error) == (task.status == "failed")
        assert task.open == (task.status not in CLOSED)
        assert not (task.status in CLOSED and (task.owner or task.params))
        assert task.losses < LOSSES or not task.open
        assert task.owner or not task.open or task.restartable, "nobody runs it, and nobody can"


TestLife = Life.TestCase
TestLife.settings = settings(max_examples=100, stateful_step_count=30, deadline=None)
