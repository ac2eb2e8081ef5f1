"""How worker processes are supervised, in the words of `otp.plan`: one_for_one, permanent, all at once. Pure."""

from erlmcp.node.options import Resolved
from erlmcp.otp import plan
from erlmcp.otp import spec as otp

__all__ = ["budget", "new_plan", "reason", "spec"]


def budget(resolved: Resolved) -> float:
    """Seconds that a worker may take to leave: what the door may drain, and a grace beyond."""
    return resolved.http.drain + resolved.node.drain_grace


def spec(name: str, resolved: Resolved) -> otp.Spec:
    """One worker as a child."""
    return otp.Spec(name, otp.Restart.PERMANENT, budget(resolved))


def new_plan(resolved: Resolved) -> plan.Plan:
    """The plan of a node that has not begun."""
    node = resolved.node
    policy = otp.Policy(otp.Strategy.ONE_FOR_ONE, node.max_restarts, node.max_restart_seconds, together=True)
    return plan.new(policy, [spec(f"worker-{number}", resolved) for number in range(1, node.workers + 1)])


def reason(code: int) -> otp.Reason:
    """What an exit code (negative: a signal) means to the plan."""
    if code == 0:
        return otp.Reason.NORMAL
    return otp.Reason.KILLED if code < 0 else otp.Reason.CRASHED
