"""The layers of the configuration: who wins, what is refused and with which words, where each value came from."""

from pathlib import Path
from typing import Annotated, Literal

import msgspec
import pytest
from msgspec import Meta

from erlmcp.config import Config, ConfigError, Row, load, schema


class Http(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    host: str = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65535)] = 8080
    head_timeout: Annotated[float, Meta(gt=0)] = 10.0
    allowed_hosts: tuple[str, ...] = ()
    weights: list[int] = []
    public_url: str | None = None


class Node(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    workers: Annotated[int, Meta(ge=1)] = 1
    max_restarts: int = 10
    insecure: bool = False
    loop: Literal["uvloop", "asyncio"] = "uvloop"
    token_secret: Annotated[str, Meta(min_length=8)] = "not-a-secret"
    pin: Annotated[int | None, Meta(extra_json_schema={"secret": True})] = None

    def __post_init__(self) -> None:
        if self.max_restarts < self.workers:
            raise ValueError(f"max_restarts must be at least the number of workers, {self.workers}")


SECTIONS = {"http": Http, "node": Node}


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config").mkdir()
    return tmp_path


def write(text: str, name: str = "dev") -> None:
    Path(f"config/{name}.config").write_text(text)


def read(file: str | None = None, flags: dict[str, object] | None = None, **environ: str) -> Config:
    if file is not None:
        write(file)
    return load(SECTIONS, flags=flags or {}, environ=environ, spelled={"http.port": "--port"})


def problems(file: str | None = None, flags: dict[str, object] | None = None, **environ: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        read(file, flags, **environ)
    assert str(caught.value) == "\n".join(caught.value.problems)
    return list(caught.value.problems)


# ---- who wins


def test_without_anything_the_defaults_serve():
    config = read()
    assert (config.section("http"), config.section("node"), config.path) == (Http(), Node(), None)
    assert config.origin("http.port") == "default"


def test_flags_go_before_the_environment_that_before_the_file_that_before_the_defaults():
    config = read(
        "[http]\nport = 1\nhost = 'file'\nhead_timeout = 1\n",
        {"http.port": 3},
        ERLMCP_HTTP__PORT="2",
        ERLMCP_HTTP__HOST="env",
    )
    assert config.section("http") == Http(host="env", port=3, head_timeout=1.0)
    assert config.path == Path("config/dev.config")
    assert [config.origin(f"http.{key}") for key in ("port", "host", "head_timeout", "public_url")] == [
        "flag --port",
        "env ERLMCP_HTTP__HOST",
        "config/dev.config:4",
        "default",
    ]


def test_a_flag_that_is_not_spelled_out_is_called_after_its_key():
    assert read(flags={"node.max_restarts": 4}).origin("node.max_restarts") == "flag --max-restarts"


def test_a_flag_may_come_as_text_or_as_a_value():
    assert read(flags={"http.port": "81", "http.allowed_hosts": ["a", "b"]}).section("http") == Http(
        port=81, allowed_hosts=("a", "b")
    )


# ---- which file


def test_the_environment_name_picks_the_file(here):
    write("[http]\nport = 5\n", "production")
    assert read(ERLMCP_ENV="production").section("http").port == 5
    assert read().section("http").port == 8080
    assert read(ERLMCP_ENV="").section("http").port == 8080
    assert read(ERLMCP_ENV="staging").section("http").port == 8080


def test_an_environment_that_nobody_knows_is_refused(here):
    places = "neither config/prodution.config nor /etc/erlmcp/prodution.config exists"
    assert problems(ERLMCP_ENV="prodution") == [f"env ERLMCP_ENV: there is no environment prodution: {places}"]
    assert problems(ERLMCP_ENV="../dev") == [
        "env ERLMCP_ENV: must be a plain name like production, not '../dev'",
    ]


def test_a_file_that_was_asked_for_is_read_or_missed(here):
    (here / "my.toml").write_text("[http]\nport = 6\n")
    assert read(ERLMCP_CONFIG="my.toml").origin("http.port") == "my.toml:2"
    assert load(SECTIONS, flags={}, environ={"ERLMCP_CONFIG": "no"}, path=Path("my.toml")).section("http").port == 6
    assert problems(ERLMCP_CONFIG="no.toml") == ["no.toml: can not be read: No such file or directory"]
    assert problems(ERLMCP_CONFIG="config") == ["config: can not be read: Is a directory"]


# ---- what is refused in a file


@pytest.mark.parametrize(
    ("file", "problem"),
    [
        ("[http]\n\n# a comment\nprt = 1\n", ":4: unknown key http.prt (did you mean http.port?)"),
        ("[htp]\nport = 1\n", ":1: unknown section htp (did you mean http?)"),
        ("[completely]\nother = 1\n", ":1: unknown section completely"),
        ("[node]\nport = 1\n", ":2: unknown key node.port (did you mean http.port?)"),
        ("[http]\nzzz = 1\n", ":2: unknown key http.zzz"),
        ("port = 1\n", ":1: unknown key port (did you mean http.port?)"),
        ("http = 1\n", ":1: http is a section: write [http]"),
        ("[[http]]\nport = 1\n", ":1: http is a section: write [http]"),
        ("[http]\nport = '80'\n", ':2: http.port must be an integer from 0 to 65535, not "80"'),
        ("[http]\nport = 65536\n", ":2: http.port must be an integer from 0 to 65535, not 65536"),
        ("[http]\nport = -1\n", ":2: http.port must be an integer from 0 to 65535, not -1"),
        ("[http]\nport = true\n", ":2: http.port must be an integer from 0 to 65535, not true"),
        ("[http]\nport = 1.5\n", ":2: http.port must be an integer from 0 to 65535, not 1.5"),
        ("[http]\nhead_timeout = 0\n", ":2: http.head_timeout must be a number greater than 0, not 0"),
        ("[http]\nhead_timeout = inf\n", ":2: http.head_timeout must be a number greater than 0, not inf"),
        ("[http]\nhost = 1979-05-27\n", ':2: http.host must be a string, not "1979-05-27"'),
        ("[http]\nhost = ['a']\n", ':2: http.host must be a string, not ["a"]'),
        ("[http]\nallowed_hosts = 'a'\n", ':2: http.allowed_hosts must be a list of strings, not "a"'),
        ("[http]\nallowed_hosts = [\n 'a',\n 1]\n", ':2: http.allowed_hosts must be a list of strings, not ["a",1]'),
        ("[http]\nweights = ['1']\n", ':2: http.weights must be a list, each item an integer, not ["1"]'),
        ("[node]\nloop = 'fast'\n", ':2: node.loop must be one of asyncio, uvloop, not "fast"'),
        ("[node]\ninsecure = 'yes'\n", ':2: node.insecure must be true or false, not "yes"'),
        ("[node]\nworkers = 0\n", ":2: node.workers must be an integer of at least 1, not 0"),
        ("[node]\nmax_restarts = 0\n", ":2: node.max_restarts must be at least the number of workers, 1"),
        ("[node]\nworkers = 11\n", "[node]: max_restarts must be at least the number of workers, 11"),
        ("[http]\nhost = '" + "x" * 80 + "'\nhost = 1", ":3: is not TOML: cannot overwrite a value"),
        ("[http\nport = 1\n", ":1: is not TOML: expected ']' at the end of a table declaration"),
        ("[http]\nhost = 'a", ':2: is not TOML: expected "\'"'),
        ("[{erlmcp, [{port, 8080}]}].\n", ":1: is not TOML: invalid initial character for a key part"),
    ],
    ids=lambda value: value[:40],
)
def test_a_mistake_in_the_file_is_told_with_its_line(file, problem):
    where = "" if problem.startswith("[") else "config/dev.config"
    assert problems(file) == [where + problem]


def test_what_is_no_text_is_refused(here):
    (here / "config/dev.config").write_bytes(b"[http]\nhost = '\xff'\n")
    assert problems() == ["config/dev.config:2: is not UTF-8"]
    (here / "config/dev.config").write_bytes(b"#" * (1024 * 1024))
    assert read().section("http") == Http()
    (here / "config/dev.config").write_bytes(b"#" * (1024 * 1024 + 1))
    assert problems() == ["config/dev.config: is larger than 1048576 bytes, which is no configuration"]


def test_a_file_that_nests_without_end_is_refused(here):
    (here / "config/dev.config").write_text("[http]\nallowed_hosts = " + "[" * 100_000 + "]" * 100_000)
    assert problems() == ["config/dev.config: is nested too deeply"]


def test_lines_are_right_whatever_stands_before(here):
    file = (
        '# -*- toml -*-\r\n\n"http".host = """a [x]\n= b\\"""" # c\n[ node ] # [x]\n'
        "token_secret = '''\n[http]\nport = 1'''\nloop = \"a#'b\"\nhttp = 1\n"
    )
    assert problems(file) == [
        'config/dev.config:9: node.loop must be one of asyncio, uvloop, not "a#\'b"',
        "config/dev.config:10: unknown key node.http",
    ]
    inline = "http = { port = 'x',\thost = 1 }\n"
    assert problems(inline) == [
        'config/dev.config:1: http.port must be an integer from 0 to 65535, not "x"',
        "config/dev.config:1: http.host must be a string, not 1",
    ]
    assert problems("\n[http]\nallowed_hosts = [ # ]\n 'a]',\n]\n'p\\t' = 1\n") == [
        "config/dev.config:6: unknown key http.p\\t"
    ]


def test_all_mistakes_are_told_at_once():
    assert problems("[http]\nprt = 1\n[nod]\n", {"http.port": 70000}, ERLMCP_NODE__WORKERS="many") == [
        "config/dev.config:2: unknown key http.prt (did you mean http.port?)",
        "config/dev.config:3: unknown section nod (did you mean node?)",
        'env ERLMCP_NODE__WORKERS: node.workers must be an integer of at least 1, not "many"',
        "flag --port: http.port must be an integer from 0 to 65535, not 70000",
    ]


def test_what_the_options_refuse_is_told_beside_the_mistakes_of_other_sections_only():
    assert problems("[http]\nport = 'x'\n[node]\nmax_restarts = 0\n") == [
        'config/dev.config:2: http.port must be an integer from 0 to 65535, not "x"',
        "config/dev.config:4: node.max_restarts must be at least the number of workers, 1",
    ]
    assert len(problems("[node]\nworkers = 'x'\nmax_restarts = 0\n")) == 1


def test_a_mistake_that_a_later_layer_hides_is_a_mistake_still():
    assert len(problems("[http]\nport = 'x'\n", {"http.port": 80})) == 1


# ---- the environment


@pytest.mark.parametrize(
    ("variable", "text", "section", "options"),
    [
        ("ERLMCP_HTTP__PORT", "0", "http", Http(port=0)),
        ("ERLMCP_HTTP__HEAD_TIMEOUT", "2.5", "http", Http(head_timeout=2.5)),
        ("ERLMCP_HTTP__HEAD_TIMEOUT", "2", "http", Http(head_timeout=2.0)),
        ("ERLMCP_HTTP__ALLOWED_HOSTS", "a, b,,c ", "http", Http(allowed_hosts=("a", "b", "c"))),
        ("ERLMCP_HTTP__ALLOWED_HOSTS", "", "http", Http()),
        ("ERLMCP_HTTP__WEIGHTS", "1,2", "http", Http(weights=[1, 2])),
        ("ERLMCP_HTTP__PUBLIC_URL", "", "http", Http()),
        ("ERLMCP_HTTP__PUBLIC_URL", "null", "http", Http(public_url="null")),
        ("ERLMCP_HTTP__HOST", "", "http", Http(host="")),
        ("ERLMCP_NODE__INSECURE", "true", "node", Node(insecure=True)),
        ("ERLMCP_NODE__INSECURE", "On", "node", Node(insecure=True)),
        ("ERLMCP_NODE__INSECURE", "0", "node", Node(insecure=False)),
        ("ERLMCP_NODE__LOOP", "asyncio", "node", Node(loop="asyncio")),
        ("ERLMCP_NODE__PIN", "1234", "node", Node(pin=1234)),
        ("ERLMCP_Node__Max_Restarts", "11", "node", Node(max_restarts=11)),
    ],
)
def test_text_from_the_environment_becomes_what_the_key_wants(variable, text, section, options):
    config = read(**{variable: text})
    assert config.section(section) == options


@pytest.mark.parametrize(
    ("variable", "text", "problem"),
    [
        ("ERLMCP_NODE__MAX_RESTART", "3", "unknown key node.max_restart (did you mean node.max_restarts?)"),
        ("ERLMCP_HTP__PORT", "3", "unknown section htp (did you mean http?)"),
        ("ERLMCP_HTTP_PORT", "3", "unknown key http_port (did you mean ERLMCP_HTTP__PORT?)"),
        ("ERLMCP_PORT", "3", "unknown key port (did you mean ERLMCP_HTTP__PORT?)"),
        ("ERLMCP_QQQ", "3", "unknown key qqq"),
        ("ERLMCP_", "3", "unknown key "),
        ("ERLMCP_HTTP__", "3", "unknown key http"),
        ("ERLMCP_HTTP__A__B", "3", "unknown key http.a.b"),
        ("ERLMCP_HTTP__PORT", "", 'http.port must be an integer from 0 to 65535, not ""'),
        ("ERLMCP_HTTP__PORT", "80a", 'http.port must be an integer from 0 to 65535, not "80a"'),
        ("ERLMCP_HTTP__PORT", "70000", "http.port must be an integer from 0 to 65535, not 70000"),
        ("ERLMCP_HTTP__HEAD_TIMEOUT", "nan", "http.head_timeout must be a number greater than 0, not nan"),
        ("ERLMCP_NODE__INSECURE", "maybe", 'node.insecure must be true or false, not "maybe"'),
        ("ERLMCP_NODE__LOOP", "x" * 70, f'node.loop must be one of asyncio, uvloop, not "{"x" * 59}…'),
    ],
)
def test_a_mistake_in_the_environment_names_the_variable(variable, text, problem):
    assert problems(**{variable: text}) == [f"env {variable}: {problem}"]


def test_the_names_that_others_read_are_left_alone():
    names = ["ERLMCP_PURE", "ERLMCP_REQUIRE_SPEEDUPS", "ERLMCP_URL", "ERLMCPX", "erlmcp_http__port", "OTHER"]
    assert read(**dict.fromkeys(names, "1")).section("http") == Http()


def test_the_links_that_kubernetes_makes_for_a_service_called_erlmcp_are_left_alone():
    links = {
        "ERLMCP_PORT": "tcp://10.0.0.1:8080",
        "ERLMCP_PORT_8080_TCP": "tcp://10.0.0.1:8080",
        "ERLMCP_PORT_8080_TCP_ADDR": "10.0.0.1",
        "ERLMCP_PORT_8080_TCP_PORT": "8080",
        "ERLMCP_PORT_8080_TCP_PROTO": "tcp",
        "ERLMCP_SERVICE_HOST": "10.0.0.1",
        "ERLMCP_SERVICE_PORT": "8080",
        "ERLMCP_SERVICE_PORT_METRICS": "9090",
        "ERLMCP_DB_SERVICE_HOST": "10.0.0.2",
        "ERLMCP_DB_PORT": "tcp://10.0.0.2:5432",
    }
    assert read(**links).section("http") == Http()


# ---- values kept in files, and secrets


def test_a_value_may_be_kept_in_a_file_and_loses_the_newline_at_its_end(here):
    (here / "secret").write_bytes(b" hunter2-hunter2 \n")
    config = read(ERLMCP_NODE__TOKEN_SECRET_FILE=str(here / "secret"))
    assert config.section("node").token_secret == " hunter2-hunter2 "
    assert config.origin("node.token_secret") == "env ERLMCP_NODE__TOKEN_SECRET_FILE"
    (here / "port").write_bytes(b"81\r\n")
    assert read(ERLMCP_HTTP__PORT_FILE="port").section("http").port == 81


def test_a_value_in_a_file_that_is_missing_or_too_large_or_no_text_is_refused(here):
    variable = "ERLMCP_HTTP__HOST_FILE"
    assert problems(**{variable: "gone"}) == [f"env {variable}: gone can not be read: No such file or directory"]
    assert problems(**{variable: ""}) == [f"env {variable}: names no file"]
    (here / "large").write_bytes(b"x" * 65536)
    assert len(read(**{variable: "large"}).section("http").host) == 65536
    (here / "large").write_bytes(b"x" * 65537)
    assert problems(**{variable: "large"}) == [f"env {variable}: large is larger than 65536 bytes"]
    (here / "binary").write_bytes(b"\xff")
    assert problems(**{variable: "binary"}) == [f"env {variable}: binary is not UTF-8"]


def test_a_value_in_the_environment_that_is_no_text_is_refused():
    assert problems(ERLMCP_HTTP__HOST="\udcff") == ["env ERLMCP_HTTP__HOST: is not UTF-8"]
    assert problems(ERLMCP_HTTP__HOST_FILE="\udcff") == ["env ERLMCP_HTTP__HOST_FILE: is not UTF-8"]
    assert read(ERLMCP_HTTP__HOST="münchen.example").section("http").host == "münchen.example"


def test_a_value_and_a_file_for_it_are_one_too_many(here):
    (here / "port").write_text("81")
    assert problems(ERLMCP_HTTP__PORT="80", ERLMCP_HTTP__PORT_FILE="port") == [
        "env ERLMCP_HTTP__PORT_FILE: ERLMCP_HTTP__PORT is set as well; set only one of the two"
    ]


def test_a_file_variable_for_a_key_that_nobody_knows_is_refused():
    assert problems(ERLMCP_HTTP__PRT_FILE="x") == ["env ERLMCP_HTTP__PRT_FILE: unknown key http.prt_file"]


def test_a_secret_is_shown_neither_in_rows_nor_in_complaints():
    config = read("[node]\ntoken_secret = 'hunter2-hunter2'\npin = 1234\n")
    assert config.rows() == [
        Row("http.host", '"127.0.0.1"', "default"),
        Row("http.port", "8080", "default"),
        Row("http.head_timeout", "10.0", "default"),
        Row("http.allowed_hosts", "[]", "default"),
        Row("http.weights", "[]", "default"),
        Row("http.public_url", "null", "default"),
        Row("node.workers", "1", "default"),
        Row("node.max_restarts", "10", "default"),
        Row("node.insecure", "false", "default"),
        Row("node.loop", '"uvloop"', "default"),
        Row("node.token_secret", '"********"', "config/dev.config:2"),
        Row("node.pin", '"********"', "config/dev.config:3"),
    ]
    assert read("").rows()[-1] == Row("node.pin", "null", "default")
    assert problems("[node]\ntoken_secret = 'hunter2'\n", ERLMCP_NODE__PIN="hunter2") == [
        "config/dev.config:2: node.token_secret must be a string that is not empty, not what was given",
        "env ERLMCP_NODE__PIN: node.pin must be an integer, not what was given",
    ]


# ---- for those who ask for less or more


def test_one_who_asks_for_one_section_is_not_told_of_the_others(here):
    write("[http]\nport = 'x'\n[other]\n[node]\nworkers = 2\n")
    environ = {"ERLMCP_HTTP__PRT": "1", "ERLMCP_NODE__INSECURE": "1"}
    config = load({"node": Node}, flags={}, environ=environ, partial=True)
    assert config.section("node") == Node(workers=2, insecure=True)


def test_a_key_without_a_default_must_be_set():
    class Needy(msgspec.Struct):
        name: str

    with pytest.raises(ConfigError, match=r"^needy\.name must be set: a string$"):
        load({"needy": Needy}, flags={}, environ={})
    assert load({"needy": Needy}, flags={}, environ={"ERLMCP_NEEDY__NAME": "x"}).section("needy") == Needy("x")


def test_the_schema_of_a_configuration_is_closed():
    described = schema(SECTIONS)
    assert list(described["properties"]) == ["http", "node"]
    assert described["additionalProperties"] is False
    assert described["$defs"]["Http"]["properties"]["port"] == {
        "type": "integer",
        "minimum": 0,
        "maximum": 65535,
        "default": 8080,
    }
