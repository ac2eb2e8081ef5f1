"""The production line in the metrics of a real node."""

from pathlib import Path

from erlmcp.node.link import LineLink
from erlmcp.node.options import Options
from erlmcp.node.sections import SECTIONS, Sections
from tests.node.nodes import end, get, launch, until


async def test_a_worker_that_can_not_read_the_database_yet_says_nothing_of_the_line(tmp_path: Path):
    defaults = {name: kind() for name, kind in SECTIONS.items()} | {"node": Options(data_dir=str(tmp_path))}
    assert await LineLink(Sections(**defaults), "worker-1").facts() is None


async def test_a_worker_of_another_app_has_no_line_to_tell_of(tmp_path: Path):
    defaults = {name: kind() for name, kind in SECTIONS.items()}
    defaults["node"] = Options(app="probe:app", data_dir=str(tmp_path))
    assert await LineLink(Sections(**defaults), "worker-1").facts() is None


def test_a_node_tells_prometheus_how_full_its_buckets_are(tmp_path: Path):
    node = launch(tmp_path, source=None, app="erlmcp.apps.tcps:build")
    try:
        until(node.runs, "a running node")
        status, body = get(node.port("metrics"), "/metrics")
        assert status == 200
        assert {b'tcps_wip_limit{bucket="security"} 5.0', b"tcps_receipts_total 0.0"} <= set(body.splitlines())
    finally:
        end(node)
