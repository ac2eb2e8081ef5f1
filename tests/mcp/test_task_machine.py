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
)

OWNERS = ("one", "two", "")
KEYS = ("a", "b", "c")
owners = st.sampled_from(OWNERS)
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

    @rule(owner=owners, questions=questions, rejected=st.lists(keys, max_size=1))
    def ask(self, owner: str, questions: dict[str, Posed], rejected: list[str]) -> None:
        answered = tuple(k for k in rejected if k in self.task.inputs and self.task.inputs[k].answer is not None)
        self.do(Ask("t", owner, questions, answered))

    @rule(owner=owners, keys=st.lists(keys))
    def withdraw(self, owner: str, keys: list[str]) -> None:
        self.do(Withdraw("t", owner, tuple(keys)))

    @rule(keys=st.lists(st.sampled_from([*KEYS, "a-2", "b-2", "nonsense"])))
    def answer(self, keys: list[str]) -> None:
        self.do(Answer("t", "local", dict.fromkeys(keys, b"{}")))

    @rule(owner=owners, message=st.sampled_from(["x", "y"]))
    def tell(self, owner: str, message: str) -> None:
        self.do(Tell("t", owner, message))

    @rule(owner=owners, error=st.sampled_from([b"", b'{"code":1}']))
    def settle(self, owner: str, error: bytes) -> None:
        self.do(Settle("t", owner, b"" if error else b"{}", error))

    @rule()
    def cancel(self) -> None:
        self.do(Cancel("t", "local"))

    @rule(owner=owners)
    def adopt(self, owner: str) -> None:
        was = self.task.owner
        self.do(Adopt("t", owner))
        assert not was or self.task.owner == was, "a task was taken from its owner"

    @rule(owner=owners)
    def release(self, owner: str) -> None:
        self.do(Release("t", owner, b'{"code":1}', "left"))

    @rule(owner=owners)
    def lose(self, owner: str) -> None:
        self.do(Lose("t", owner, b'{"code":1}', "died"))

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
TestLife.settings = settings(max_examples=300, stateful_step_count=30, deadline=None)
