"""Runs the official conformance suite, reads the checks it wrote, and holds them against the baseline.

It knows nothing of the server but its URL. `judge` is a pure function: a baseline entry that no longer fails is as
wrong as a failure that has no entry, so the baseline can only say what is so.
"""

import re
from collections import Counter
from pathlib import Path

import msgspec
import yaml

from tests import npm

BASELINE = Path(__file__).with_name("baseline.yml")
CLIENT_BASELINE = Path(__file__).with_name("client_baseline.yml")
FOLDER = re.compile(r"(?:server-)?(.+)-\d{4}-\d\d-\d\dT[\d-]+Z")  # as the suite names a scenario's results
BAD = frozenset({"FAILURE", "WARNING", "SKIPPED"})  # INFO stands for what a server may leave out
NEVER_RUN = "tasks-status-notifications"  # the suite itself skips it, whoever serves


class Check(msgspec.Struct, frozen=True, rename="camel"):
    """One check of a scenario; `status` is SUCCESS, FAILURE, WARNING, SKIPPED or INFO."""

    id: str
    status: str
    error_message: str = ""


Found = dict[str, list[Check]]  # scenario -> its checks


class Run(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One run of the suite: what is asked, and what must come of it.

    `scenarios` counts all, `checks` the successful checks of those that pass; `later` names by part the scenarios that
    fail, `partly` the ones of which exactly these checks fail.
    """

    suite: str
    arguments: tuple[str, ...]
    scenarios: int
    checks: int
    later: dict[str, tuple[str, ...]] = {}
    partly: dict[str, dict[str, tuple[str, ...]]] = {}

    @property
    def name(self) -> str:
        return " ".join((self.suite, *self.arguments))


def baseline(path: Path = BASELINE) -> list[Run]:
    """The runs of a baseline."""
    return msgspec.convert(yaml.safe_load(path.read_text()), list[Run])


def found_by(run: Run, url: str, folder: Path) -> Found:
    """Runs the suite against `url`; it writes its results into `folder`."""
    package = npm.install(f"@modelcontextprotocol/conformance@{run.suite}")
    command = [*package.command("conformance"), "server", "--url", url, *run.arguments, "-o", str(folder)]
    done = npm.run(command, timeout=240)
    found = found_in(folder)
    found.pop(NEVER_RUN, None)
    assert found, f"the suite wrote no results:\n{done.stdout}\n{done.stderr}"
    return found


def found_of_client(run: Run, client: str, folder: Path) -> Found:
    """Runs the suite's servers against the command `client`, as above."""
    package = npm.install(f"@modelcontextprotocol/conformance@{run.suite}")
    command = [*package.command("conformance"), "client", "--command", client, *run.arguments, "-o", str(folder)]
    done = npm.run(command, timeout=240)
    found = found_in(folder)
    assert found, f"the suite wrote no results:\n{done.stdout}\n{done.stderr}"
    return found


def found_in(folder: Path) -> Found:
    """What a run wrote."""
    found = {}
    for results in sorted(folder.glob("**/checks.json")):
        name = str(results.parent.relative_to(folder))
        scenario = FOLDER.fullmatch(name)
        assert scenario, f"the suite names its results in a new way: {name}"
        found[scenario[1]] = msgspec.json.decode(results.read_bytes(), type=list[Check])
    return found


def failing(checks: list[Check]) -> list[Check]:
    """The checks that are no success. A warning is none, and a skip is a part that the server does not have."""
    return [check for check in checks if check.status in BAD]


def judge(run: Run, found: Found) -> list[str]:
    """Every difference between what the baseline says of a run and what was found, a line each; none is a pass."""
    later = {scenario for scenarios in run.later.values() for scenario in scenarios}
    complaints = []
    for scenario in sorted(later | run.partly.keys() | found.keys()):
        if scenario in run.partly:
            complaints += judge_partly(scenario, run.partly[scenario], found)
        elif scenario in later:
            if not failing(found.get(scenario, [])):
                complaints.append(f"{scenario}: stale, the baseline says that it fails")
        else:
            complaints += [f"{scenario}: {c.id}: {c.status}: {c.error_message}" for c in failing(found[scenario])]
    return complaints + judge_counts(run, found, later)


def judge_partly(scenario: str, parts: dict[str, tuple[str, ...]], found: Found) -> list[str]:
    """As `judge`, for a scenario that is only partly for later."""
    wanted = {check for checks in parts.values() for check in checks}
    failed = {check.id: check.error_message for check in failing(found.get(scenario, []))}
    complaints = [
        f"{scenario}: {check}: stale, the baseline says that it fails" for check in sorted(wanted - failed.keys())
    ]
    return complaints + [f"{scenario}: {check}: {why}" for check, why in failed.items() if check not in wanted]


def judge_counts(run: Run, found: Found, later: set[str]) -> list[str]:
    """The exact counts: a scenario or a check that vanishes must not look like a pass."""
    statuses = Counter(check.status for scenario, checks in found.items() if scenario not in later for check in checks)
    complaints = []
    if len(found) != run.scenarios:
        complaints.append(f"{len(found)} scenarios ran, the baseline says {run.scenarios}")
    if statuses["SUCCESS"] != run.checks:
        complaints.append(f"{statuses['SUCCESS']} checks succeeded, the baseline says {run.checks}")
    return complaints
