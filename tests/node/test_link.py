"""What `/health` says of the line and of the database, from what the line process told last."""

import msgspec
import pytest

from erlmcp.node.life import sections_of
from erlmcp.node.line_state import LineState, encode_state
from erlmcp.node.link import LITTLE, SOON, LineLink
from erlmcp.node.options import TCPS_APP
from erlmcp.node.sections import SECTIONS, Sections
from erlmcp.store import State
from erlmcp.telemetry import Check

GOOD = State(up=True, reason="", path="erlmcp.db", sqlite="3.40.1", size=4000, wal_size=96, free=LITTLE)


def sections(app: str, folder) -> Sections:
    plain = Sections(**{name: kind() for name, kind in SECTIONS.items()})
    node = msgspec.structs.replace(plain.node, app=app, data_dir=str(folder))
    return sections_of(msgspec.Raw(msgspec.json.encode(msgspec.structs.replace(plain, node=node))))


class Seen:
    """A link that was never run: the test says how it is. `now` is the clock."""

    def __init__(self, app: str, folder) -> None:
        self.now = 100.0
        self.line = LineLink(sections(app, folder), "worker-3", clock=lambda: self.now)
        self.line.link.since = 100.0

    def connect(self) -> None:
        self.line.link._connection = object()  # type: ignore[assignment]

    def tell(self, database: State) -> None:
        self.line._hear(encode_state(LineState(77, database)))

    @property
    def checks(self) -> list[Check]:
        return [probe() for probe in self.line.probes()]


@pytest.fixture
def seen(tmp_path) -> Seen:
    return Seen(TCPS_APP, tmp_path)


def test_a_line_that_is_there_and_a_database_that_is_up_are_healthy(seen: Seen):
    seen.connect()
    seen.tell(GOOD)
    assert seen.checks == [
        Check("database", "healthy", "SQLite 3.40.1, 4096 bytes"),
        Check("line", "healthy", "process 77"),
    ]


def test_a_line_that_is_away_for_a_moment_is_degraded_and_after_that_unhealthy(seen: Seen):
    seen.now += SOON
    assert [check.status for check in seen.checks] == ["degraded", "degraded"]
    seen.now += 0.1
    database, line = seen.checks
    assert database == Check("database", "degraded", "unknown while the line process is away")
    assert line == Check("line", "unhealthy", "away for 10 s: it has not connected yet")


def test_a_database_that_is_down_is_unhealthy_and_says_why(seen: Seen):
    seen.connect()
    seen.tell(State(up=False, reason="the disk is on fire", path="erlmcp.db", sqlite="3"))
    assert seen.checks[0] == Check("database", "unhealthy", "the disk is on fire")


def test_little_room_on_the_disk_is_degraded(seen: Seen):
    seen.connect()
    seen.tell(State(up=True, reason="", path="erlmcp.db", sqlite="3", free=LITTLE - 1))
    assert seen.checks[0] == Check("database", "degraded", "63 MiB are free on its disk: free some space")


def test_what_an_app_does_not_need_degrades_its_node_at_most(tmp_path):
    seen = Seen("probe:app", tmp_path)
    seen.now += 10 * SOON
    assert [check.status for check in seen.checks] == ["degraded", "degraded"]
    seen.connect()
    seen.tell(State(up=False, reason="gone", path="erlmcp.db", sqlite="3"))
    assert [check.status for check in seen.checks] == ["degraded", "healthy"]


def test_every_worker_reads_the_database_where_its_tasks_are(tmp_path):
    assert [child.id for child in Seen(TCPS_APP, tmp_path).line.children()] == ["line link", "database"]
    assert [child.id for child in Seen("probe:app", tmp_path).line.children()] == ["line link", "database"]
