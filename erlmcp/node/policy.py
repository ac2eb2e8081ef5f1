"""How the processes of a node are supervised, in the words of `otp.plan`: one_for_one, permanent, one budget. Pure.

The line process is what the workers stand on: started before them and stopped after them. They start all at once.
"""

from erlmcp.node.options import Resolved
from erlmcp.otp import plan
from erlmcp.otp import spec as otp

__all__ = ["LINE", "LINE_BUDGET", "LINE_NAME", "budget", "name_of", "new_plan", "number_of", "reason", "spec"]

LINE = 0  # the number of the line process; workers count from 1
LINE_NAME = "line"
LINE_BUDGET = 20.0  # seconds that it may take to leave: its hub drains 3, its database may copy a whole WAL


def name_of(number: int) -> str:
    """The child of this number."""
    return LINE_NAME if number == LINE else f"worker-{number}"


def number_of(name: str) -> int:
    """The number of this child."""
    return LINE if name == LINE_NAME else int(name.rpartition("-")[2])


def budget(resolved: Resolved) -> float:
    """Seconds that a worker may take to leave: what the door may drain, and a grace beyond."""
    return resolved.http.drain + resolved.node.drain_grace


def spec(name: str, resolved: Resolved) -> otp.Spec:
    """One worker as a child."""
    return otp.Spec(name, otp.Restart.PERMANENT, budget(resolved))


def new_plan(resolved: Resolved) -> plan.Plan:
    """The plan of a node that has not begun."""
    node = resolved.node
    policy = otp.Policy(
        otp.Strategy.ONE_FOR_ONE, node.max_restarts, node.max_restart_seconds, together=True, foundation=1
    )
    line = otp.Spec(LINE_NAME, otp.Restart.PERMANENT, LINE_BUDGET)
    return plan.new(policy, [line, *(spec(name_of(number), resolved) for number in range(1, node.workers + 1))])


def reason(code: int) -> otp.Reason:
    """What an exit code (negative: a signal) means to the plan."""
    if code == 0:
        return otp.Reason.NORMAL
    return otp.Reason.KILLED if code < 0 else otp.Reason.CRASHED
