"""A snapshot of a running tree, for health checks, status commands and pages. It reads; it changes nothing."""

from msgspec import Struct

from erlmcp.otp.actor import Actor
from erlmcp.otp.child import ChildSpec
from erlmcp.otp.plan import Child, Goal, Phase
from erlmcp.otp.pool import Pool
from erlmcp.otp.supervisor import Supervisor


class Node(Struct, frozen=True, omit_defaults=True):
    """One child, at one moment. Encodes to JSON as it is.

    `kind`: supervisor, actor, pool or child. `state`: down, starting, running, stopping, or "restarting" (down, and
    about to start); the root's is its plan's: new, booting, running, closing, closed.
    `restarts`: starts after the first. `waiting`: messages in an actor's mailbox. `size`: children of a pool.
    """

    name: str
    kind: str
    state: str
    restarts: int = 0
    waiting: int = 0
    size: int = 0
    strategy: str = ""
    children: tuple["Node", ...] = ()


def snapshot(supervisor: Supervisor) -> Node:
    """The tree below this supervisor."""
    children = tuple(_node(supervisor.spec(child.spec.id), child) for child in supervisor.plan.children)
    strategy = supervisor.policy.strategy.value
    return Node(supervisor.name, "supervisor", supervisor.plan.stage.value, strategy=strategy, children=children)


def _state(child: Child) -> str:
    """In the words of a whole plan where there is one: what is up, is running, as its supervisor is."""
    if child.phase is Phase.UP:
        return "running"
    return "restarting" if child.phase is Phase.DOWN and child.goal is Goal.UP else child.phase.value


def _node(spec: ChildSpec, child: Child) -> Node:
    state = _state(child)
    restarts = max(0, child.starts - 1)
    match getattr(spec.run, "__self__", None):
        case Supervisor() as inner:
            below = snapshot(inner)
            return Node(spec.id, "supervisor", state, restarts, strategy=below.strategy, children=below.children)
        case Actor() as actor:
            return Node(spec.id, "actor", state, restarts, waiting=actor.waiting)
        case Pool() as pool:
            return Node(spec.id, "pool", state, restarts, size=len(pool))
        case _:
            return Node(spec.id, "child", state, restarts)
