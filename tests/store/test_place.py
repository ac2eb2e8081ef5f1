"""The directory of the database: where it may be, who owns it, how its last owner left."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from erlmcp.store import DiskFull, Locked, ReadOnly, Unsafe
from erlmcp.store.place import LastExit, Ownership, check_file_system, check_room, file_system_of

MOUNTS = [
    "21 1 254:0 / / rw,relatime - ext4 /dev/vda rw",
    "30 21 0:40 / /mnt/share rw - nfs4 server:/share rw,vers=4.2",
    "31 30 254:1 / /mnt/share/local rw,noatime shared:1 - xfs /dev/vdb rw",
    "32 21 0:41 / /mnt/with\\040space rw - cifs //server/x rw",
    "33 21 0:42 / /twice rw - tmpfs tmpfs rw",
    "34 33 0:43 / /twice rw - nfs server:/x rw",
]


@pytest.fixture
def owned(path: Path) -> Iterator[Ownership]:
    ownership = Ownership.take(path, "boot-1")
    yield ownership
    ownership.leave(clean=True)


@pytest.mark.parametrize(
    ("directory", "kind"),
    [
        ("/var/lib/erlmcp", "ext4"),
        ("/mnt/share/erlmcp", "nfs4"),
        ("/mnt/share", "nfs4"),
        ("/mnt/shared", "ext4"),
        ("/mnt/share/local/erlmcp", "xfs"),
        ("/mnt/with space/erlmcp", "cifs"),
        ("/twice/erlmcp", "nfs"),
    ],
)
def test_the_file_system_of_a_directory_is_that_of_the_nearest_mount_and_of_two_the_later(directory: str, kind: str):
    assert file_system_of(Path(directory), MOUNTS) == kind


def test_a_network_file_system_is_refused_and_named():
    check_file_system(Path("/var/lib/erlmcp"), MOUNTS)
    with pytest.raises(Unsafe) as caught:
        check_file_system(Path("/mnt/share/erlmcp"), MOUNTS)
    line = "/mnt/share/erlmcp is on nfs4: SQLite's WAL needs a local disk; point node.data_dir at one"
    assert str(caught.value) == line


def test_this_machine_has_a_file_system_for_the_tests(tmp_path: Path):
    check_file_system(tmp_path)


def test_room_is_asked_for_before_it_is_used(tmp_path: Path):
    check_room(tmp_path)
    with pytest.raises(DiskFull, match="bytes free and needs at least"):
        check_room(tmp_path, 2**62)


def test_a_data_directory_is_made_for_its_owner_alone(owned: Ownership):
    assert owned.path.parent.stat().st_mode & 0o777 == 0o700
    assert owned.path.stat().st_mode & 0o777 == 0o600


def test_a_second_owner_is_refused_and_told_who_has_it(path: Path, owned: Ownership):
    owned.enter()
    with pytest.raises(Locked, match=r"erlmcp.db: process \d+ owns it: one node at a time uses a data directory"):
        Ownership.take(path)


def test_who_leaves_cleanly_is_remembered_so(path: Path):
    first = Ownership.take(path, "boot-1")
    assert first.last_exit is LastExit.CLEAN
    first.enter()
    first.leave(clean=True)
    second = Ownership.take(path, "boot-1")
    assert second.last_exit is LastExit.CLEAN
    second.leave(clean=True)


@pytest.mark.parametrize(
    ("first_boot", "second_boot", "exit_"),
    [
        ("boot-1", "boot-1", LastExit.KILLED),
        ("boot-1", "boot-2", LastExit.MACHINE_DOWN),
    ],
)
def test_who_does_not_leave_cleanly_was_killed_or_its_machine_went_down(
    path: Path, first_boot: str, second_boot: str, exit_: LastExit
):
    first = Ownership.take(path, first_boot)
    first.enter()
    first.leave(clean=False)
    second = Ownership.take(path, second_boot)
    assert second.last_exit is exit_
    second.leave(clean=False)
    third = Ownership.take(path, second_boot)  # who did not enter changed nothing
    assert third.last_exit is exit_
    third.leave(clean=True)


def test_a_data_directory_that_is_a_file_is_refused(tmp_path: Path):
    (tmp_path / "data").write_text("")
    with pytest.raises(ReadOnly, match="the data directory must be a directory this user can write to"):
        Ownership.take(tmp_path / "data" / "erlmcp.db")
