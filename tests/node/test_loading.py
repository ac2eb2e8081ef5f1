"""What `module:app` may name, and what is said of a name that is not quite right."""

import sys
from pathlib import Path

import pytest

from erlmcp import App
from erlmcp.node.exits import Exit, Refusal
from erlmcp.node.loading import load_app

ONE = "from erlmcp import App\napp = App('one')\ndef pid(): ...\n"
TWO = "from erlmcp import App\nclass Own(App): ...\nsales, returns = App('sales'), Own('returns')\n"
NONE = "server = 1\n"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A directory with modules of one, two and no apps."""
    (tmp_path / "desk").mkdir()
    for name, source in {"till_one": ONE, "till_two": TWO, "till_none": NONE, "desk/till_four": ONE}.items():
        (tmp_path / f"{name}.py").write_text(source)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield tmp_path
    for name in [name for name in sys.modules if name.partition(".")[0] in {"desk"} or name.startswith("till_")]:
        del sys.modules[name]


def refused(spec: str) -> str:
    with pytest.raises(Refusal) as refusal:
        load_app(spec)
    assert refusal.value.code == Exit.CANNOT_BOOT
    return refusal.value.message


@pytest.mark.usefixtures("here")
def test_an_app_is_found_in_a_module_of_the_current_directory_and_below():
    assert isinstance(load_app("till_one:app"), App)
    assert isinstance(load_app("desk.till_four:app"), App)
    assert load_app("till_two:returns").name == "returns"


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("shop.py:app", "'shop.py:app' names a file, and a module is wanted: write shop:app"),
        ("shop.py", "'shop.py' names a file, and a module is wanted: write shop:app"),
        ("./shop:app", "'./shop:app' names a file, and a module is wanted: write shop:app"),
        ("desk/shop.py:api", "'desk/shop.py:api' names a file, and a module is wanted: write desk.shop:api"),
        ("shop", "'shop' names a module, and no app in it: write shop:app, or what it is called there"),
        (
            "desk.shop:",
            "'desk.shop:' names a module, and no app in it: write desk.shop:app, or what it is called there",
        ),
        (":app", "':app' does not name an app: write module:app, as in mypackage.server:app"),
        ("my-shop:app", "'my-shop:app' does not name an app: write module:app, as in mypackage.server:app"),
        ("", "'' does not name an app: write module:app, as in mypackage.server:app"),
    ],
)
def test_a_name_of_another_form_is_answered_with_the_right_one(spec: str, words: str):
    assert refused(spec) == words


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("till_one:nosuch", "till_one:nosuch: module till_one has no 'nosuch'; did you mean till_one:app?"),
        ("till_one:pid", "till_one:pid is of type function, not an erlmcp.App; did you mean till_one:app?"),
        ("till_two:sale", "till_two:sale: module till_two has no 'sale'; did you mean till_two:sales?"),
        ("till_two:app", "till_two:app: module till_two has no 'app'; the apps in it are sales, returns"),
        ("till_none:app", "till_none:app: module till_none has no 'app'; there is no erlmcp.App in that module"),
        (
            "till_none:server",
            "till_none:server is of type int, not an erlmcp.App; there is no erlmcp.App in that module",
        ),
    ],
)
@pytest.mark.usefixtures("here")
def test_a_name_that_is_no_app_is_answered_with_the_apps_that_there_are(spec: str, words: str):
    assert refused(spec) == words


def test_a_module_that_is_not_there_is_told_with_where_it_was_looked_for(here: Path):
    assert refused("nosuch:app") == f"nosuch:app: there is no module 'nosuch' (looked in {here} first)"
    assert (
        refused("till_one.deep:app")
        == f"till_one.deep:app: there is no module 'till_one.deep' (looked in {here} first)"
    )
