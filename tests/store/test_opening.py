"""Opening: a file is made, brought to the schema, or refused with one clear line and left as it was."""

# ruff: noqa: ASYNC240 - a test has its files to itself

import asyncio
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from erlmcp.store import (
    Behind,
    CannotOpen,
    Corrupt,
    Foreign,
    Locked,
    Newer,
    Options,
    QueryError,
    ReadOnly,
    Schema,
    SqliteOwner,
    SqliteReader,
    StoreError,
)
from tests.store.shelf import QUICK, SCHEMA, THINGS, damage, migrations, put, queries, rigged, things

NOBODY = 65534


async def refusal(store: SqliteOwner | SqliteReader) -> StoreError:
    with pytest.raises(StoreError) as caught:
        await store.__aenter__()
    assert store.state.reason == str(caught.value)
    assert "\n" not in str(caught.value)
    return caught.value


async def made(path: Path, rows: int = 0) -> Path:
    async with SqliteOwner(path, SCHEMA, QUICK) as db:
        await put(db, "nail")
        if rows:
            async with db.transaction() as tx:
                await tx.run("fill", rows=rows, bytes=100)
    return path


def raw(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)


@pytest.fixture
def open_to_all() -> Iterator[Path]:
    """A directory that another user can reach; pytest's own is for one user."""
    directory = Path(tempfile.mkdtemp())
    directory.chmod(0o755)
    yield directory
    shutil.rmtree(directory)


@pytest.fixture
def powerless(open_to_all: Path) -> Iterator[Path]:
    """As a user to whom modes apply: root is nobody meanwhile."""
    was = os.geteuid()
    if was == 0:
        os.chown(open_to_all, NOBODY, NOBODY)
        os.seteuid(NOBODY)
    yield open_to_all
    os.seteuid(was)


async def test_a_new_file_is_made_with_its_directory_for_this_user_alone(path: Path):
    async with SqliteOwner(path, SCHEMA, QUICK) as db:
        assert await things(db) == {}
        assert path.stat().st_mode & 0o777 == 0o600
        assert Path(f"{path}-wal").stat().st_mode & 0o777 == 0o600
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA application_id").fetchone() == (0x65726C6D,)
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


async def test_a_store_is_durable_unless_it_is_told_otherwise(path: Path):
    log: list[str] = []
    async with SqliteOwner(path, SCHEMA, connect=rigged(log.append)) as db, db.transaction() as tx:
        assert await tx.one("safety", into=int) == 2  # FULL
    async with SqliteOwner(path, SCHEMA, QUICK) as db, db.transaction() as tx:
        assert await tx.one("safety", into=int) == 0


async def test_a_second_owner_is_refused_while_the_first_is_open(path: Path):
    async with SqliteOwner(path, SCHEMA, QUICK):
        assert isinstance(await refusal(SqliteOwner(path, SCHEMA, QUICK)), Locked)
    async with SqliteOwner(path, SCHEMA, QUICK):
        pass


async def test_a_file_of_another_program_is_refused_and_not_touched(path: Path):
    path.parent.mkdir()
    raw(path, "PRAGMA application_id=7", "CREATE TABLE theirs (x)")
    before = path.read_bytes()
    error = await refusal(SqliteOwner(path, SCHEMA, QUICK))
    assert isinstance(error, Foreign)
    assert str(error) == f"{path} is a database of another program (application_id 7): name another file"
    assert path.read_bytes() == before


async def test_a_file_that_has_tables_and_no_application_id_is_foreign(path: Path):
    path.parent.mkdir()
    raw(path, "CREATE TABLE theirs (x)")
    assert isinstance(await refusal(SqliteOwner(path, SCHEMA, QUICK)), Foreign)


async def test_an_empty_file_is_ours_to_make(path: Path):
    path.parent.mkdir()
    path.touch()
    assert await made(path)


@pytest.mark.parametrize("text", [b"not a database, but long enough to be taken for one" * 100, b"short"])
async def test_a_file_that_is_no_database_is_corrupt(path: Path, text: bytes):
    path.parent.mkdir()
    path.write_bytes(text)
    for store in (SqliteOwner(path, SCHEMA, QUICK), SqliteReader(path, SCHEMA)):
        error = await refusal(store)
        assert isinstance(error, Corrupt)
        assert str(error) == f"{path}: file is not a database; restore a backup (erlmcp restore)"
    assert path.read_bytes() == text


async def test_a_damaged_header_is_refused(path: Path):
    await made(path)
    damage(path, 16, b"\xff\xff")  # the page size
    assert isinstance(await refusal(SqliteOwner(path, SCHEMA, QUICK)), Corrupt)


async def test_a_damaged_page_is_found_after_an_unclean_exit_before_it_is_used(path: Path):
    await made(path, rows=500)
    damage(path, 4096 * 10, b"\xff" * 4096)
    Path(f"{path}.owner").write_text("1 another-boot\n")
    error = await refusal(SqliteOwner(path, SCHEMA, QUICK))
    assert isinstance(error, Corrupt)
    assert "is damaged" in str(error)
    assert "restore a backup" in str(error)
    assert isinstance(await refusal(SqliteOwner(path, SCHEMA, QUICK)), Corrupt)  # and not forgotten


@pytest.mark.parametrize("reason", ["same boot", "another boot"])
@pytest.mark.parametrize("limit", ["above", "below"])
async def test_a_file_is_checked_after_a_crash_unless_it_is_large_and_only_its_process_was_killed(
    path: Path, reason: str, limit: str
):
    await made(path)
    boot = Path("/proc/sys/kernel/random/boot_id")
    same = boot.read_text().strip() if boot.exists() else ""
    Path(f"{path}.owner").write_text(f"1 {same if reason == 'same boot' else 'another'}\n")
    size = path.stat().st_size
    options = Options(durable=False, check_limit=size if limit == "above" else size - 1)
    log: list[str] = []
    async with SqliteOwner(path, SCHEMA, options, connect=rigged(log.append)):
        pass
    checked = "PRAGMA quick_check(1)" in log
    assert checked == (reason == "another boot" or limit == "above" or not same)


async def test_a_file_is_not_checked_after_a_clean_exit(path: Path):
    await made(path)
    log: list[str] = []
    async with SqliteOwner(path, SCHEMA, QUICK, connect=rigged(log.append)):
        pass
    assert "PRAGMA quick_check(1)" not in log


async def test_a_page_that_turns_out_to_be_damaged_takes_the_store_down(path: Path):
    await made(path, rows=2000)
    size = path.stat().st_size
    damage(path, 4096 * 5, b"\xff" * (size - 4096 * 5))
    db, ready = SqliteOwner(path, SCHEMA, QUICK), asyncio.Event()
    child = asyncio.create_task(db.run(ready.set))
    await ready.wait()
    with pytest.raises(Corrupt, match="query everything: database disk image is malformed"):
        async with db.transaction() as tx:
            await tx.all("everything")
    with pytest.raises(Corrupt):
        await asyncio.wait_for(child, 5)
    assert not db.state.up
    assert "restore a backup" in db.state.reason


async def test_a_newer_schema_is_refused_by_owner_and_reader(path: Path):
    newer = Schema((migrations(THINGS, "CREATE TABLE more (x INTEGER) STRICT;"),), SCHEMA.queries)
    async with SqliteOwner(path, newer, QUICK):
        pass
    for store in (SqliteOwner(path, SCHEMA, QUICK), SqliteReader(path, SCHEMA)):
        error = await refusal(store)
        assert isinstance(error, Newer)
        line = (
            f"{path} was migrated by a newer release (shelf 0002_step_2): run that release, or restore an older backup"
        )
        assert str(error) == line


async def test_a_reader_waits_for_the_owner_to_migrate(path: Path):
    await made(path)
    newer = Schema((migrations(THINGS, "CREATE TABLE more (x INTEGER) STRICT;"),), SCHEMA.queries)
    error = await refusal(SqliteReader(path, newer))
    assert isinstance(error, Behind)
    assert str(error) == f"{path} lacks migrations (shelf 0002_step_2): run erlmcp migrate up"


async def test_an_owner_that_may_not_migrate_says_what_to_run(path: Path):
    options = msgspec.structs.replace(QUICK, migrate=False)
    assert isinstance(await refusal(SqliteOwner(path, SCHEMA, options)), Behind)
    await made(path)
    async with SqliteOwner(path, SCHEMA, options) as db:
        assert await things(db) == {"nail": 1}


async def test_a_query_that_does_not_fit_the_schema_is_found_at_start(path: Path):
    schema = Schema(SCHEMA.migrations, queries(wrong="SELECT colour FROM thing"))
    error = await refusal(SqliteOwner(path, schema, QUICK))
    assert isinstance(error, QueryError)
    assert str(error) == "query wrong (shelf.sql:1): no such column: colour"


async def test_a_read_only_directory_is_refused(powerless: Path):
    powerless.chmod(0o555)
    error = await refusal(SqliteOwner(powerless / "erlmcp.db", SCHEMA, QUICK))
    assert isinstance(error, ReadOnly)
    line = (
        f"{powerless}/erlmcp.db.owner: Permission denied: the data directory must be a directory this user can write to"
    )
    assert str(error) == line


async def test_a_read_only_file_is_refused(powerless: Path):
    path = await made(powerless / "erlmcp.db")
    path.chmod(0o444)
    error = await refusal(SqliteOwner(path, SCHEMA, QUICK))
    assert isinstance(error, ReadOnly | CannotOpen)
    assert "make the file and its directory writable for this user" in str(error)


async def test_a_file_that_cannot_be_read_is_refused(powerless: Path):
    path = await made(powerless / "erlmcp.db")
    path.chmod(0o000)
    error = await refusal(SqliteReader(path, SCHEMA))
    assert isinstance(error, CannotOpen)
    assert str(error) == f"{path}: unable to open database file"


async def test_a_path_that_is_a_directory_is_refused(path: Path):
    path.mkdir(parents=True)
    assert isinstance(await refusal(SqliteOwner(path, SCHEMA, QUICK)), CannotOpen)


async def test_what_could_not_be_opened_opens_once_it_can(path: Path):
    path.parent.mkdir()
    path.write_bytes(b"garbage" * 1000)
    db = SqliteOwner(path, SCHEMA, QUICK)
    await refusal(db)
    path.unlink()
    async with db:
        assert db.state.up


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("unshare"), reason="needs the right to mount")
def test_a_full_disk_is_refused_at_start_and_survived_at_work(tmp_path: Path):
    """On a real file system of one size, in a mount namespace of its own."""
    place = tmp_path / "disk"
    place.mkdir()
    script = f"mount -t tmpfs -o size=8m tmpfs {place} && exec {sys.executable} -m tests.store.full_disk {place}"
    run = subprocess.run(["unshare", "-m", "sh", "-c", script], capture_output=True, text=True, timeout=60, check=False)
    if "permission denied" in run.stderr.lower() or "not permitted" in run.stderr.lower():
        pytest.skip("needs the right to mount")
    assert run.stdout.splitlines() == [
        "refused at work: DiskFull",
        "kept: {'before': 1}",
        "after: 2",
        "at start: DiskFull",
    ]
    assert run.returncode == 0, run.stderr
