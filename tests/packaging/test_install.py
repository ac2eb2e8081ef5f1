"""The package as a user gets it: a wheel with the extensions, a source archive, an install without a compiler."""

import os
import shutil
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

import erlmcp

ROOT = Path(erlmcp.__file__).parent.parent
pytestmark = pytest.mark.slow


@pytest.fixture
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what git tracks or would track. Each test has its own, since a build leaves objects."""
    target = tmp_path_factory.mktemp("checkout")
    listing = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    for name in listing.splitlines():
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)
    return target


@pytest.fixture(scope="module")
def bare_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An interpreter that sees this environment's libraries and build tools but not its editable erlmcp."""
    home = tmp_path_factory.mktemp("venv")
    venv.create(home, with_pip=False)  # with pip it would bring a setuptools of its own, too old for our pyproject.toml
    python = home / "bin" / "python"
    site = subprocess.run(
        [python, "-c", "import sysconfig; print(sysconfig.get_paths()['purelib'])"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    here = next(path for path in sys.path if path.endswith("site-packages"))
    for entry in Path(here).iterdir():
        if not entry.name.startswith(("__editable__", "erlmcp")):
            (Path(site) / entry.name).symlink_to(entry)
    return python


def run(*command: object, cwd: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("ERLMCP_")} | environ
    return subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=300,
        env=environment,
        check=False,
    )


def install(python: Path, source: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    pip = [python, "-m", "pip", "--disable-pip-version-check", "install", "-v", "--no-deps", "--no-build-isolation"]
    return run(*pip, "--force-reinstall", source, cwd=source.parent, **environ)


def version(python: Path, cwd: Path) -> str:
    return run(python, "-m", "erlmcp", "--version", cwd=cwd).stdout


def test_build_makes_a_wheel_with_the_extensions_and_an_archive_that_builds_again(checkout, bare_python, tmp_path):
    built = run(sys.executable, "-m", "build", "--no-isolation", "--outdir", tmp_path, checkout, cwd=tmp_path)
    assert built.returncode == 0, built.stderr[-2000:]
    wheel, archive = next(tmp_path.glob("*.whl")), next(tmp_path.glob("*.tar.gz"))
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split(".")[0] for name in names if name.endswith(".so")} == {
        "erlmcp/_speedups/_access",
        "erlmcp/_speedups/_http",
        "erlmcp/_speedups/_jsonrpc",
    }
    data = {path.relative_to(checkout).as_posix() for path in (checkout / "erlmcp").rglob("*.sql")}
    assert data
    assert {"erlmcp/py.typed", *data} <= set(names)
    assert not [name for name in names if name.startswith(("tests/", "bench/", "load/"))]
    assert install(bare_python, wheel).returncode == 0
    assert "(compiled" in version(bare_python, tmp_path)
    assert archive.stat().st_size < 2 * 1024 * 1024


def test_pip_install_of_a_checkout_gives_the_compiled_server(checkout, bare_python, tmp_path):
    installed = install(bare_python, checkout, ERLMCP_REQUIRE_SPEEDUPS="1")
    assert installed.returncode == 0, installed.stderr[-2000:]
    assert "(compiled" in version(bare_python, tmp_path)


def test_without_a_compiler_the_pure_twins_are_installed_with_one_clear_warning(checkout, bare_python, tmp_path):
    installed = install(bare_python, checkout, CC="/nonexistent/cc", CXX="/nonexistent/cc")
    output = installed.stdout + installed.stderr
    assert installed.returncode == 0, output[-2000:]
    assert output.count("compiled extensions were not built") == 1
    assert "(pure" in version(bare_python, tmp_path)


def test_without_a_compiler_the_install_fails_where_the_extensions_are_required(checkout, bare_python):
    installed = install(bare_python, checkout, CC="/nonexistent/cc", CXX="/nonexistent/cc", ERLMCP_REQUIRE_SPEEDUPS="1")
    assert installed.returncode != 0
