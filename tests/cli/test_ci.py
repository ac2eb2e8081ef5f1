"""docs/CI.md: its script takes a small project through the gates of a real node, and stops where it must."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.node.nodes import Node, end, environment, launch, until
from tests.serving import ROOT

PAGE = (ROOT / "docs" / "CI.md").read_text()

#: A project whose tools write what real ones write; `pytest` is a real one.
MAKEFILE = """\
build:
\tpython -m compileall -q shop.py
test:
\tpython -m pytest -q -p no:cacheprovider --junitxml reports/junit.xml --cov shop --cov-report xml:reports/coverage.xml
scan:
\truff check --isolated --no-cache --exit-zero --select S --output-format sarif -o reports/scan.sarif shop.py
twice:
\ttar --sort=name --mtime=@0 -cf dist/first.tar shop.py
\ttar --sort=name --mtime=@0 -cf dist/second.tar shop.py
sbom:
\techo '{"bomFormat": "CycloneDX", "specVersion": "1.6", "components": [], "metadata": {"component": \
{"type": "library", "name": "shop", "version": "1.0", "licenses": [{"license": {"id": "MIT"}}]}}}' > reports/sbom.json
smoke:
\tpython -c "import shop; assert shop.total([1, 2]) == 3"
"""
FILES = {
    "Makefile": MAKEFILE,
    "shop.py": "def total(prices):\n    return sum(prices)\n",
    "test_shop.py": "import shop\n\n\ndef test_total():\n    assert shop.total([1, 2]) == 3\n",
    "product.json": '{"name": "shop"}',
    "product.schema.json": '{"type": "object", "required": ["name"]}',
}


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    started = launch(tmp_path, source=None, app="erlmcp.apps.tcps:build")
    try:
        until(started.runs, "a running node")
        yield started
    finally:
        end(started)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    if missing := [name for name in ("jq", "make") if shutil.which(name) is None]:
        pytest.skip(f"{missing[0]} is not installed")
    place = tmp_path / "shop"
    for folder in ("ci", "reports", "dist"):
        (place / folder).mkdir(parents=True)
    for name, text in FILES.items():
        (place / name).write_text(text)
    script = re.search(r"^```sh\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    assert script
    (place / "ci" / "line.sh").write_text(script[1])
    return place


def pipeline(node: Node, project: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    """One run of the recipe."""
    path = os.pathsep.join([str(Path(sys.executable).parent), "/usr/bin", "/bin"])
    environ = environment(PATH=path, ERLMCP_URL=f"http://127.0.0.1:{node.port()}", **settings)
    return subprocess.run(
        ["sh", "ci/line.sh"],
        cwd=project,
        env=environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_the_job_of_github_actions_is_sound_yaml_and_runs_the_recipe() -> None:
    whole, steps = (
        yaml.safe_load(block) for block in re.findall(r"^```yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    )
    assert whole.keys() == {"name", True, "permissions", "jobs"}  # YAML 1.1 takes `on` for true
    job = whole["jobs"]["line"]
    assert job.keys() == {"runs-on", "timeout-minutes", "env", "steps"}
    for listed in (job["steps"], steps):
        assert all(("uses" in step) != ("run" in step) for step in listed)
        assert "sh ci/line.sh" in [step.get("run") for step in listed]
    assert {"ERLMCP_URL", "ORDER", "REVISION", "WHO", "JOB_URL"} == job["env"].keys()


@pytest.mark.slow
def test_a_pipeline_is_stopped_by_a_failing_test_and_goes_on_once_that_is_resolved(node: Node, project: Path) -> None:
    (project / "shop.py").write_text("def total(prices):\n    return 0\n")
    stopped = pipeline(node, project)
    assert stopped.returncode == 1
    assert "0 of 1 tests passed, 1 failed" in stopped.stdout
    assert "gate test_execution\n  verdict  failed" in stopped.stdout
    found = re.search(r"go on with ORDER=(WO-\w+)", stopped.stderr)
    andon = re.search(r"andon resolve (ANDON-\w+)", stopped.stderr)
    assert found
    assert andon
    (project / "shop.py").write_text(FILES["shop.py"])
    still = pipeline(node, project, ORDER=found[1])
    assert (still.returncode, "(line_stopped)" in still.stderr) == (4, True)
    _resolve(node, andon[1])
    done = pipeline(node, project, ORDER=found[1])
    assert done.returncode == 0, done.stdout + done.stderr
    assert "compilation: behind us, the sku is in test_execution" in done.stdout
    assert "published" in done.stdout


@pytest.mark.slow
def test_a_report_that_is_not_written_any_more_stops_the_pipeline(node: Node, project: Path) -> None:
    assert pipeline(node, project).returncode == 0
    (project / "Makefile").write_text(MAKEFILE.replace("--junitxml reports/junit.xml", ""))
    stale = pipeline(node, project)
    assert stale.returncode == 65
    assert "reports/junit.xml is older than the command that was to write it" in stale.stderr


def _resolve(node: Node, andon: str) -> None:
    """What a person does about a stop."""
    tcps = [sys.executable, "-m", "erlmcp", "tcps"]
    environ = environment(ERLMCP_URL=f"http://127.0.0.1:{node.port()}")

    def said(*words: str) -> str:
        return subprocess.run(
            [*tcps, *words], env=environ, capture_output=True, text=True, check=True, timeout=30
        ).stdout

    cause = re.search(r"RC-\w+", said("root-cause", "start", andon, "--problem", "total is 0"))
    assert cause
    for number in range(1, 6):
        said("root-cause", "add-why", cause[0], str(number), "because")
    said("root-cause", "finalize", cause[0], "--root-cause", "a", "--prevention", "b")
    said("andon", "resolve", andon, "--root-cause", "a", "--fix-applied", "b", "--prevention-added", "c")


@pytest.mark.slow
def test_this_project_passes_its_own_line() -> None:
    venv = Path(sys.prefix)
    if not (venv / ".erlmcp-installed").exists():
        pytest.skip(f"{venv} was not made by scripts/venv.sh, which would install erlmcp into it")
    said = subprocess.run(
        [ROOT / "scripts" / "line"],
        env=environment(VENV=str(venv)),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert said.returncode == 0, said.stdout + said.stderr
    assert "verdict  failed" not in said.stdout
    assert "  status          published" in said.stdout
    assert "chain  unbroken, 20 of 20 verified" in said.stdout
