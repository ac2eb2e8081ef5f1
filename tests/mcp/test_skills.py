"""Skills: a folder on disk as entries, resources and directories; everything that is wrong is told at registration."""

import base64
import os
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from erlmcp import App
from erlmcp.mcp.skill import FILE_COUNT_LIMIT, SIZE_LIMIT
from tests.mcp.posts import PREFIX, endpoint, legacy, modern, outcome, said

HEAD = "---\nname: {name}\ndescription: What {name} is for.\n---\n"


def write(folder: Path, **files: str | bytes) -> Path:
    """A skill called as its folder; `a__b_md="…"` is the file a/b.md in it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "SKILL.md").write_text(HEAD.format(name=folder.name))
    for name, content in files.items():
        file = folder / name.replace("__", "/").replace("_", ".")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


def serving(folder: Path, **options: Any) -> Any:
    """Asks an app that serves the skills of `folder`: `result = ask(method, **params)`."""
    app = App("skilled")
    app.skills(folder)
    served = endpoint(app, **options)
    return lambda method, **params: said(served(modern(method, params)))


def test_an_entry_has_the_frontmatter_as_it_stands_and_every_file_with_digest_and_size(tmp_path: Path):
    write(tmp_path / "refunds", references__a_md="# A\n", data_bin=b"\xff\x00")
    (tmp_path / "refunds" / "SKILL.md").write_text(
        "---\nname: refunds\ndescription: d\nlicense: MIT\nx: [1, no]\n---\n"
    )
    result = serving(tmp_path)("skills/list")["result"]
    root = "skill://refunds/"
    manifest = (tmp_path / "refunds" / "SKILL.md").read_bytes()
    assert result["skills"] == [
        {
            "uri": root + "SKILL.md",
            "frontmatter": {"name": "refunds", "description": "d", "license": "MIT", "x": [1, "no"]},
            "resources": [
                {"uri": root + "SKILL.md", "digest": "sha256:" + sha256(manifest).hexdigest(), "size": len(manifest)},
                {"uri": root + "data.bin", "digest": "sha256:" + sha256(b"\xff\x00").hexdigest(), "size": 2},
                {"uri": root + "references/a.md", "digest": "sha256:" + sha256(b"# A\n").hexdigest(), "size": 4},
            ],
        }
    ]
    assert (result["ttlMs"], result["cacheScope"], result["resultType"]) == (0, "private", "complete")


def test_one_skill_is_got_by_its_uri(tmp_path: Path):
    write(tmp_path / "a")
    write(tmp_path / "b")
    ask = serving(tmp_path)
    result = ask("skills/get", uri="skill://b/SKILL.md")["result"]
    assert result["skill"] == ask("skills/list")["result"]["skills"][1]
    assert "nextCursor" not in result
    assert result["ttlMs"] == 0


@pytest.mark.parametrize("uri", ["skill://c/SKILL.md", "skill://a", "skill://a/x.md", "https://a/SKILL.md", ""])
def test_what_is_no_skill_is_not_got(tmp_path: Path, uri: str):
    write(tmp_path / "a", x_md="text")
    error = serving(tmp_path)("skills/get", uri=uri)["error"]
    assert error["code"] == -32602
    assert error["data"] == {"uri": uri}
    assert "no skill is served at" in error["message"]


def test_skills_are_listed_page_by_page(tmp_path: Path):
    for name in ("a", "b", "c"):
        write(tmp_path / name)
    ask = serving(tmp_path, page_size=2)
    first = ask("skills/list")["result"]
    second = ask("skills/list", cursor=first["nextCursor"])["result"]
    assert [each["frontmatter"]["name"] for each in first["skills"] + second["skills"]] == ["a", "b", "c"]
    assert "nextCursor" not in second
    assert ask("skills/list", cursor="nonsense")["error"]["code"] == -32602


def test_a_file_is_read_with_the_bytes_its_digest_is_of(tmp_path: Path):
    write(tmp_path / "a", notes_md="# \N{SNOWMAN}\r\n", raw_bin=b"\xfe\xff", bom_txt=b"\xef\xbb\xbfx")
    ask = serving(tmp_path)
    for entry in ask("skills/list")["result"]["skills"][0]["resources"]:
        (contents,) = ask("resources/read", uri=entry["uri"])["result"]["contents"]
        data = contents["text"].encode() if "text" in contents else base64.b64decode(contents["blob"])
        assert contents["uri"] == entry["uri"]
        assert "sha256:" + sha256(data).hexdigest() == entry["digest"]
        assert len(data) == entry["size"]


def test_a_file_that_changes_after_the_start_is_served_as_its_entry_says(tmp_path: Path):
    write(tmp_path / "a", notes_md="before")
    ask = serving(tmp_path)
    (tmp_path / "a" / "notes.md").write_text("after!")
    (tmp_path / "a" / "SKILL.md").unlink()
    assert ask("resources/read", uri="skill://a/notes.md")["result"]["contents"][0]["text"] == "before"
    assert "name: a" in ask("resources/read", uri="skill://a/SKILL.md")["result"]["contents"][0]["text"]


def test_only_a_skill_md_is_listed_as_a_resource_by_its_own_name(tmp_path: Path):
    write(tmp_path / "a", notes_md="x")
    ask = serving(tmp_path)
    (listed,) = ask("resources/list")["result"]["resources"]
    assert listed["uri"] == "skill://a/SKILL.md"
    assert (listed["name"], listed["description"], listed["mimeType"]) == ("a", "What a is for.", "text/markdown")


def test_media_types_are_told_by_name_then_by_content(tmp_path: Path):
    write(tmp_path / "a", b_md="x", c_py="x", d_png=b"\x89", e_zzz=b"\xff", f_zzz="x")
    children = serving(tmp_path)("resources/directory/read", uri="skill://a")["result"]["resources"]
    assert {child["name"]: child["mimeType"] for child in children} == {
        "a": "text/markdown",
        "b.md": "text/markdown",
        "c.py": "text/x-python",
        "d.png": "image/png",
        "e.zzz": "application/octet-stream",
        "f.zzz": "text/plain",
    }


def test_a_directory_lists_its_direct_children_and_a_prefix_is_one(tmp_path: Path):
    write(tmp_path / "acme" / "billing" / "refunds", examples__email_md="x", examples__eu__a_md="y")
    ask = serving(tmp_path)

    def children(uri: str) -> dict[str, str]:
        found = ask("resources/directory/read", uri=uri)["result"]
        assert "ttlMs" not in found
        return {child["uri"]: child["mimeType"] for child in found["resources"]}

    root = "skill://acme/billing/refunds"
    assert children("skill://acme") == {"skill://acme/billing": "inode/directory"}
    assert children("skill://acme/billing") == {root: "inode/directory"}
    assert children(root) == {root + "/SKILL.md": "text/markdown", root + "/examples": "inode/directory"}
    assert children(root + "/examples") == {
        root + "/examples/email.md": "text/markdown",
        root + "/examples/eu": "inode/directory",
    }


def test_a_directory_is_read_page_by_page(tmp_path: Path):
    write(tmp_path / "a", b_md="", c_md="")
    ask = serving(tmp_path, page_size=2)
    first = ask("resources/directory/read", uri="skill://a")["result"]
    second = ask("resources/directory/read", uri="skill://a", cursor=first["nextCursor"])["result"]
    assert [child["uri"][-4:] for child in first["resources"] + second["resources"]] == ["L.md", "b.md", "c.md"]


@pytest.mark.parametrize(
    ("uri", "reason"),
    [("skill://a/SKILL.md", "is a file"), ("skill://a/", "without a slash"), ("skill://b", "is not here")],
)
def test_what_is_no_directory_is_not_read_as_one(tmp_path: Path, uri: str, reason: str):
    write(tmp_path / "a")
    error = serving(tmp_path)("resources/directory/read", uri=uri)["error"]
    assert error["code"] == -32602
    assert error["data"] == {"uri": uri}
    assert reason in error["message"]


def test_a_skill_inside_another_is_one_of_its_own_and_its_files_are_in_both(tmp_path: Path):
    write(tmp_path / "outer")
    write(tmp_path / "outer" / "inner", a_md="x")
    ask = serving(tmp_path)
    outer, inner = ask("skills/list")["result"]["skills"]
    assert [each["uri"] for each in outer["resources"]] == [
        "skill://outer/SKILL.md",
        "skill://outer/inner/SKILL.md",
        "skill://outer/inner/a.md",
    ]
    assert inner["uri"] == "skill://outer/inner/SKILL.md"
    assert inner["resources"] == outer["resources"][1:]
    names = {each["uri"]: each["name"] for each in ask("resources/list")["result"]["resources"]}
    assert names == {"skill://outer/SKILL.md": "outer", "skill://outer/inner/SKILL.md": "inner"}
    children = ask("resources/directory/read", uri="skill://outer/inner")["result"]["resources"]
    assert children[0]["name"] == "inner"


def test_the_extension_is_declared_with_directory_read_where_there_are_skills(tmp_path: Path):
    write(tmp_path / "a")
    capabilities = serving(tmp_path)("server/discover")["result"]["capabilities"]
    assert capabilities["extensions"][PREFIX + "skills"] == {"directoryRead": True}
    assert "resources" in capabilities


def test_an_app_without_skills_declares_nothing_and_knows_none_of_the_methods():
    served = endpoint()
    assert PREFIX + "skills" not in said(served(modern("server/discover")))["result"]["capabilities"].get(
        "extensions", {}
    )
    for method in ("skills/list", "skills/get", "resources/directory/read"):
        assert outcome(served(modern(method))) == (404, -32601)


def test_an_older_client_has_the_files_as_resources_and_no_methods_of_the_extension(tmp_path: Path):
    write(tmp_path / "a")
    app = App("skilled")
    app.skills(tmp_path)
    served = endpoint(app)
    assert said(served(legacy("skills/list")))["error"]["code"] == -32601
    assert said(served(legacy("resources/read", {"uri": "skill://a/SKILL.md"})))["result"]["contents"]


def test_one_skill_alone_is_registered_by_its_folder_and_may_have_a_prefix(tmp_path: Path):
    app = App("skilled")
    app.skill(write(tmp_path / "a"), prefix="acme/billing")
    entries = said(endpoint(app)(modern("skills/list")))["result"]["skills"]
    assert [each["uri"] for each in entries] == ["skill://acme/billing/a/SKILL.md"]


def test_names_that_a_uri_can_not_hold_are_escaped(tmp_path: Path):
    write(tmp_path / "a")
    (tmp_path / "a" / "två %.md").write_text("x")
    ask = serving(tmp_path)
    uri = ask("skills/list")["result"]["skills"][0]["resources"][1]["uri"]
    assert uri == "skill://a/tv%C3%A5%20%25.md"
    assert ask("resources/read", uri=uri)["result"]["contents"][0]["text"] == "x"
    child = ask("resources/directory/read", uri="skill://a")["result"]["resources"][1]
    assert (child["uri"], child["name"]) == (uri, "två %.md")


def test_hidden_files_and_what_python_leaves_behind_are_left_out(tmp_path: Path):
    write(tmp_path / "a", x_md="x")
    for place in (".git/config", ".DS_Store", "__pycache__/x.pyc"):
        file = tmp_path / "a" / place
        file.parent.mkdir(exist_ok=True)
        file.write_text("secret")
    ask = serving(tmp_path)
    assert len(ask("skills/list")["result"]["skills"][0]["resources"]) == 2
    assert ask("resources/read", uri="skill://a/.git/config")["error"]["code"] == -32602


def test_a_link_to_a_file_inside_is_followed_as_in_a_mounted_config_map(tmp_path: Path):
    write(tmp_path / "a", x_md="x")
    data = tmp_path / "..data"
    data.mkdir()
    (data / "y.md").write_text("y")
    (tmp_path / "a" / "y.md").symlink_to(data / "y.md")
    assert serving(tmp_path)("resources/read", uri="skill://a/y.md")["result"]["contents"][0]["text"] == "y"


def refusal(tmp_path: Path, **options: Any) -> str:
    with pytest.raises(ValueError) as fault:  # noqa: PT011 - the callers look at what it says
        App("x").skills(tmp_path, **options)
    return str(fault.value)


@pytest.mark.parametrize(
    ("frontmatter", "reason"),
    [
        ("name: b\ndescription: d", "name is 'b', but the folder is called 'a'"),
        ("name: A\ndescription: d", "name 'A' is none"),
        ("name: 1\ndescription: d", "name 1 is none"),
        ("description: d", "name None is none"),
        ("name: a", "description must be a text of 1 to 1024 characters"),
        ("name: a\ndescription: ''", "description must be"),
        ("name: a\ndescription: '  '", "description must be"),
        ("name: a\ndescription: 7", "description must be"),
        ("name: a\ndescription: " + "d" * 1025, "description must be"),
        ("name: a\nname: a", "is there twice, line 3"),
    ],
)
def test_a_skill_md_that_breaks_the_rules_is_refused_with_its_file_and_the_reason(
    tmp_path: Path, frontmatter: str, reason: str
):
    write(tmp_path / "a")
    (tmp_path / "a" / "SKILL.md").write_text(f"---\n{frontmatter}\n---\n")
    told = refusal(tmp_path)
    assert told.startswith(f"{tmp_path / 'a' / 'SKILL.md'}: ")
    assert reason in told


@pytest.mark.parametrize("name", ["a" * 64, "a-b-1", "7z"])
def test_names_by_the_rule_are_taken(tmp_path: Path, name: str):
    write(tmp_path / name)
    assert serving(tmp_path)("skills/list")["result"]["skills"][0]["frontmatter"]["name"] == name


@pytest.mark.parametrize("name", ["a" * 65, "a--b", "-a", "a-", "a_b", "A", "a b"])
def test_names_against_the_rule_are_refused(tmp_path: Path, name: str):
    write(tmp_path / name)
    assert f"name {name!r} is none" in refusal(tmp_path)


def test_a_description_may_have_1024_characters(tmp_path: Path):
    write(tmp_path / "a")
    (tmp_path / "a" / "SKILL.md").write_text(f"---\nname: a\ndescription: {'é' * 1024}\n---\n")
    assert serving(tmp_path)("skills/list")["result"]["skills"]


def test_a_skill_md_that_is_not_utf_8_is_refused(tmp_path: Path):
    write(tmp_path / "a", SKILL_md=b"---\nname: \xff\n---\n")
    assert "SKILL.md: it is not UTF-8: byte 10 can not be read" in refusal(tmp_path)


def test_a_link_out_of_the_folder_is_refused(tmp_path: Path):
    inside = tmp_path / "skills"
    write(inside / "a")
    (tmp_path / "secret").write_text("s")
    (inside / "a" / "x").symlink_to(tmp_path / "secret")
    assert f"{inside / 'a' / 'x'} is a link to {tmp_path / 'secret'}, outside of" in refusal(inside)


def test_a_link_to_a_folder_is_refused(tmp_path: Path):
    write(tmp_path / "a")
    (tmp_path / "a" / "loop").symlink_to(tmp_path, target_is_directory=True)
    assert "loop is a link to a folder" in refusal(tmp_path)


def test_what_is_no_file_is_refused(tmp_path: Path):
    write(tmp_path / "a")
    os.mkfifo(tmp_path / "a" / "pipe")
    assert "pipe is no regular file" in refusal(tmp_path)
    (tmp_path / "a" / "pipe").unlink()
    (tmp_path / "a" / "gone").symlink_to(tmp_path / "nowhere")
    assert "gone is no regular file" in refusal(tmp_path)


def test_a_file_name_that_is_not_utf_8_is_refused(tmp_path: Path):
    write(tmp_path / "a")
    (tmp_path / "a" / os.fsdecode(b"\xff.md")).write_text("x")
    assert "is not UTF-8, and can be no part of a URI" in refusal(tmp_path)


def test_a_skill_may_have_as_many_files_as_hosts_take_and_no_more(tmp_path: Path):
    write(tmp_path / "a")
    for number in range(FILE_COUNT_LIMIT - 1):
        (tmp_path / "a" / f"{number}.md").touch()
    assert len(serving(tmp_path)("skills/list")["result"]["skills"][0]["resources"]) == FILE_COUNT_LIMIT
    (tmp_path / "a" / "one-more.md").touch()
    assert f"{tmp_path / 'a'}: {FILE_COUNT_LIMIT + 1} files; a skill has at most {FILE_COUNT_LIMIT}" in refusal(
        tmp_path
    )


def test_a_skill_may_be_as_large_as_hosts_take_and_no_larger(tmp_path: Path):
    write(tmp_path / "a")
    room = SIZE_LIMIT - (tmp_path / "a" / "SKILL.md").stat().st_size
    (tmp_path / "a" / "large.bin").write_bytes(bytes(room))
    entry = serving(tmp_path)("skills/get", uri="skill://a/SKILL.md")["result"]["skill"]
    assert sum(each["size"] for each in entry["resources"]) == SIZE_LIMIT
    (tmp_path / "a" / "large.bin").write_bytes(bytes(room + 1))
    assert f"more than {SIZE_LIMIT} bytes" in refusal(tmp_path)


def test_a_skill_md_of_another_case_is_told_apart(tmp_path: Path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "skill.md").write_text("x")
    assert "call it SKILL.md" in refusal(tmp_path)


def test_a_folder_without_skills_or_that_is_none_is_refused(tmp_path: Path):
    assert "holds no skill" in refusal(tmp_path)
    assert "there is no such folder" in refusal(tmp_path / "nowhere")
    with pytest.raises(ValueError, match=r"is no skill: it has no SKILL\.md"):
        App("x").skill(tmp_path)


def test_a_skill_given_as_a_folder_of_skills_is_told_how_to_register_it(tmp_path: Path):
    assert "register it with app.skill(…)" in refusal(write(tmp_path / "a"))


@pytest.mark.parametrize("prefix", ["/a", "a/", "a//b", "..", "a/./b", "a b", "ä"])
def test_a_prefix_that_is_none_is_refused(tmp_path: Path, prefix: str):
    write(tmp_path / "a")
    assert f"prefix {prefix!r} is none" in refusal(tmp_path, prefix=prefix)


def test_a_skill_is_registered_once_and_never_into_another(tmp_path: Path):
    app = App("x")
    app.skill(write(tmp_path / "a"))
    with pytest.raises(ValueError, match="there are skills at or below skill://a already"):
        app.skill(tmp_path / "a")
    with pytest.raises(ValueError, match="would be inside skill://a/"):
        app.skill(write(tmp_path / "b"), prefix="a")
    app.skill(tmp_path / "b", prefix="c")
    with pytest.raises(ValueError, match="there are skills at or below skill://c already"):
        app.skill(write(tmp_path / "c"))
