"""`erlmcp stdio --url`: its flags, and a real one between pipes and a node."""

from pathlib import Path

import pytest

from erlmcp.cli.bridging import fields_of
from erlmcp.cli.grammar import run
from erlmcp.node.exits import Refusal
from tests.node.piped import piped
from tests.serving import serving


def test_a_header_may_name_a_variable_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_TOKEN", "secret")
    assert fields_of(("Authorization: Bearer ${SHOP_TOKEN}", "X-A:b: c")) == (
        (b"Authorization", b"Bearer secret"),
        (b"X-A", b"b: c"),
    )


@pytest.mark.parametrize(
    ("header", "why"),
    [
        ("Authorization", "is none: write it as 'Name: value'"),
        ("Not a name: x", "is none"),
        ("X: a\nb", "visible ASCII"),
        ("X: ü", "visible ASCII"),
        ("X: ${NO_SUCH_VARIABLE}", "the environment has no NO_SUCH_VARIABLE"),
    ],
)
def test_what_is_no_header_is_refused(header: str, why: str) -> None:
    with pytest.raises(Refusal) as refused:
        fields_of((header,))
    assert (refused.value.code, why in refused.value.message) == (2, True)


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["a:b", "--url", "http://x/mcp"], "either an app is served here"),
        (["--header", "A: b"], "--header goes with --url"),
    ],
)
def test_flags_that_contradict_each_other_are_refused(
    arguments: list[str], why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["stdio", *arguments]) == 2
    assert why in capsys.readouterr().err


def test_what_is_no_address_is_refused(tmp_path: Path) -> None:
    with piped(tmp_path, "--url", "ftp://x") as one:
        assert one.wait() == 2
        assert "--url: 'ftp://x' is no address of a server" in one.stderr()


def test_a_client_on_its_pipes_reaches_a_node(tmp_path: Path) -> None:
    with (
        serving("tests.clients.shop:app", 2, tmp_path) as url,
        piped(tmp_path, "--url", url) as one,
    ):
        assert one.call("add", a=2, b=40) == {"result": 42}
        assert one.leave() == 0
        assert one.message() is None
