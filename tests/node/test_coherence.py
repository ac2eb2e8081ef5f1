"""Mistakes that no section of the configuration can see alone: each with its key and place, all told at once."""

from pathlib import Path

import pytest

from erlmcp.cli.grammar import run
from erlmcp.cli.serving import SPELLED
from erlmcp.config import load
from erlmcp.node.coherence import faults
from erlmcp.node.sections import SECTIONS, Sections

OWN = "each door needs a port of its own"


def wrong(environ: dict[str, str] | None = None, **flags: object) -> list[str]:
    """What is said of these flags (`http_port=1`) and variables."""
    given = {name.replace("_", ".", 1): value for name, value in flags.items()}
    found = load(SECTIONS, flags=given, environ=environ or {}, path=Path("/dev/null"), spelled=SPELLED)
    return faults(Sections(**{name: found.section(name) for name in SECTIONS}), found.origin)


def test_one_port_for_two_doors_is_told_with_both_places():
    assert wrong(http_port=8100, metrics_port=8100) == [
        f"flag --metrics-port: metrics.port is 8100, and so is http.port (flag --port); {OWN}"
    ]
    assert wrong(http_port=9090) == [f"flag --port: http.port is 9090, and so is metrics.port (default); {OWN}"]
    assert wrong({"ERLMCP_METRICS__PORT": "8080"}) == [
        f"env ERLMCP_METRICS__PORT: metrics.port is 8080, and so is http.port (default); {OWN}"
    ]


def test_every_pair_of_doors_that_meets_is_told():
    assert len(wrong(http_port=8100, metrics_port=8100, dashboard_port=8100)) == 3


def test_the_dashboard_s_port_is_in_the_way_where_somebody_gave_it():
    assert wrong(dashboard_port=8080) == [
        f"flag --dashboard-port: dashboard.port is 8080, and so is http.port (default); {OWN}"
    ]
    assert wrong(http_port=3000) == []


@pytest.mark.parametrize(
    "flags",
    [
        {"http_port": 0, "metrics_port": 0, "dashboard_port": 0},
        {"http_port": 8100, "metrics_port": 8101},
        {"metrics_port": 8080, "metrics_enabled": False},
        {"metrics_port": 8080, "metrics_host": "127.0.0.2"},
        {"metrics_port": 8080, "metrics_host": "::1", "http_host": "0.0.0.0", "node_insecure": True},
    ],
)
def test_ports_that_do_not_meet_are_no_mistake(flags: dict[str, object]):
    assert wrong(**flags) == []


@pytest.mark.parametrize("hosts", [("0.0.0.0", "127.0.0.1"), ("127.0.0.1", ""), ("::", "127.0.0.1"), ("::1", "::")])
def test_an_address_that_stands_for_all_meets_each_of_them(hosts: tuple[str, str]):
    assert len(wrong(http_host=hosts[0], metrics_host=hosts[1], metrics_port=8080, node_insecure=True)) == 1


def test_each_wrong_origin_and_a_wrong_public_url_are_told_with_their_own_keys_at_once():
    environ = {"ERLMCP_HTTP__PUBLIC_URL": "mcp.example.com", "ERLMCP_METRICS__PORT": "8080"}
    origins = ["app.example.com", "https://fine.example.com", "*"]
    form = "write it as https://name or https://name:port"
    assert wrong(environ, http_allowed_origins=origins) == [
        f"flag --allowed-origin: http.allowed_origins: 'app.example.com' is no origin: {form}",
        f"flag --allowed-origin: http.allowed_origins: '*' is no origin: {form}",
        f"env ERLMCP_HTTP__PUBLIC_URL: http.public_url: 'mcp.example.com' is no origin: {form}",
        f"env ERLMCP_METRICS__PORT: metrics.port is 8080, and so is http.port (default); {OWN}",
    ]


def test_config_check_tells_them_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "my.config").write_text("[http]\nport = 8100\n[metrics]\nport = 8100\n")
    assert run(["config", "check", "--config", str(tmp_path / "my.config")]) == 7
    assert capsys.readouterr().err == (
        f"error: {tmp_path}/my.config:4: metrics.port is 8100, and so is http.port ({tmp_path}/my.config:2); {OWN}\n"
    )
