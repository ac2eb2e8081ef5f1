"""Images, sound and files as content: their types are told by names and bytes, and they travel whole."""

import base64
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from erlmcp.mcp import Annotations, Audio, Embedded, Icon, Image, Link
from erlmcp.mcp.media import data_uri, read_data_uri, sniff, type_of_name

PNG = b"\x89PNG\r\n\x1a\n rest"
JPEG = b"\xff\xd8\xff\xe0 rest"


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (PNG, "image/png"),
        (JPEG, "image/jpeg"),
        (b"GIF89a", "image/gif"),
        (b"RIFF\0\0\0\0WEBP", "image/webp"),
        (b"RIFF\0\0\0\0WAVE", "audio/wav"),
        (b"ID3\4", "audio/mpeg"),
        (b"OggS\0", "audio/ogg"),
        (b"nothing known", "else"),
        (b"", "else"),
    ],
)
def test_first_bytes_tell_the_type(data: bytes, kind: str) -> None:
    assert sniff(data, "else") == kind


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.PNG", "image/png"),
        ("a.md", "text/markdown"),
        ("song.mp3", "audio/mpeg"),
        ("a.toml", "application/toml"),
        ("a.nosuch", "application/octet-stream"),
        ("none", "application/octet-stream"),
    ],
)
def test_a_name_tells_the_type(name: str, kind: str) -> None:
    assert type_of_name(name) == kind


def test_bytes_without_a_type_get_the_one_they_tell_and_the_usual_one_when_they_tell_none() -> None:
    assert Image(JPEG).mime_type == "image/jpeg"
    assert Image(b"?").mime_type == "image/png"
    assert Audio(b"?").mime_type == "audio/wav"
    assert Image(JPEG, "image/x-mine").mime_type == "image/x-mine"
    assert msgspec.json.decode(Image(JPEG).encode()) == {
        "type": "image",
        "data": base64.b64encode(JPEG).decode(),
        "mimeType": "image/jpeg",
    }


def test_an_image_is_read_from_a_file_and_from_a_data_uri(tmp_path: Path) -> None:
    (tmp_path / "a.webp").write_bytes(b"anything")
    (tmp_path / "noname").write_bytes(JPEG)
    assert Image.from_path(tmp_path / "a.webp") == Image(b"anything", "image/webp")
    assert Image.from_path(tmp_path / "noname").mime_type == "image/jpeg"
    assert Image.from_data_uri(data_uri(PNG, "image/png")) == Image(PNG, "image/png")
    with pytest.raises(FileNotFoundError):
        Audio.from_path(tmp_path / "gone.wav")


def test_a_file_is_embedded_as_text_or_as_a_blob(tmp_path: Path) -> None:
    for name, data in {"a.md": "# ü".encode(), "b.bin": b"\xff\xfe\xfd", "c.png": b"text"}.items():
        (tmp_path / name).write_bytes(data)
    text = Embedded.from_path(tmp_path / "a.md")
    assert text == Embedded((tmp_path / "a.md").as_uri(), "# ü", "text/markdown")
    blob = Embedded("my://b", b"\xff\xfe\xfd", "application/octet-stream")
    assert Embedded.from_path(tmp_path / "b.bin", "my://b") == blob
    assert Embedded.from_path(tmp_path / "c.png").content == b"text"


def test_an_icon_carries_a_small_file(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(PNG)
    icon = Icon.from_path(tmp_path / "a.png", ["48x48"], "dark")
    assert icon == Icon(data_uri(PNG, "image/png"), "image/png", ["48x48"], "dark")


@given(st.binary(max_size=100))
def test_a_data_uri_gives_back_what_was_put_in(data: bytes) -> None:
    assert read_data_uri(data_uri(data, "a/b")) == (data, "a/b")


def test_data_uris_of_others_are_read_and_what_is_none_is_told() -> None:
    assert read_data_uri("data:,a%20b") == (b"a b", "text/plain")
    for wrong in ("http://x", "data:image/png;base64", "data:a/b;base64,*"):
        with pytest.raises(ValueError, match="data: URI"):
            read_data_uri(wrong)


@pytest.mark.parametrize("priority", [-0.1, 1.1])
def test_a_priority_is_from_0_to_1(priority: float) -> None:
    assert Annotations(priority=0).priority == 0
    assert Annotations(priority=1).priority == 1
    with pytest.raises(ValueError, match="priority must be from 0 to 1"):
        Annotations(priority=priority)


def test_a_link_has_icons() -> None:
    wire = msgspec.json.decode(Link("a://b", "b", icons=[Icon("https://x/i.png")]).encode())
    assert wire["icons"] == [{"src": "https://x/i.png"}]
