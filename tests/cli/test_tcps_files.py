"""`erlmcp tcps receipt export` and `verify FILE`: receipts leave the line, and are verified without it."""

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from erlmcp.tcps import Head, pem_of_key, sign, written
from tests.cli.line_server import Server
from tests.cli.test_tcps import Said, Tcps, erlmcp, made, server

__all__ = ["erlmcp", "server"]  # fixtures

KEY = Ed25519PrivateKey.from_private_bytes(b"k" * 32)


def exported(erlmcp: Tcps, path: Path, *more: str) -> list[str]:
    """The lines of an export."""
    said = erlmcp("receipt", "export", "-o", str(path), *more)
    assert said.code == 0, said
    lines = path.read_text().splitlines()
    assert said.err == f"{len(lines)} receipts\n"
    return lines


def noted(erlmcp: Tcps, folder: Path) -> tuple[str, str]:
    """A checkpoint of now, and the public key."""
    head = erlmcp("receipt", "verify", "--format", "json").json["head"]
    checkpoint = sign(KEY, Head(**head), head["seq"], "2026-11-24T06:00:00.000Z")
    (folder / "head.json").write_bytes(written(checkpoint))
    (folder / "key.pem").write_bytes(pem_of_key(checkpoint.key))
    return str(folder / "head.json"), str(folder / "key.pem")


def test_an_export_comes_from_the_server_or_from_its_directory_and_is_the_same(
    erlmcp: Tcps, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("erlmcp.cli.tcps.files.PAGE", 3)
    for number in range(8):
        made(erlmcp, f"Make it {number} „ä“")
    path = tmp_path / "receipts.jsonl"
    lines = exported(erlmcp, path)
    assert len(lines) == 8
    assert exported(erlmcp, path, "--data-dir", str(tmp_path)) == lines
    assert exported(erlmcp, path, "--from-seq", "3", "--to-seq", "5") == lines[2:5]
    assert exported(erlmcp, path, "--from-seq", "3", "--to-seq", "5", "--data-dir", str(tmp_path)) == lines[2:5]
    assert erlmcp("receipt", "verify", str(path), "--from-seq", "3").code == 0
    assert erlmcp("receipt", "verify", str(path)).code == 1
    assert not list(tmp_path.glob(".*partial"))


def test_an_export_is_verified_by_its_checkpoint_and_key_alone(erlmcp: Tcps, server: Server, tmp_path: Path) -> None:
    for _ in range(5):
        made(erlmcp)
    path = tmp_path / "receipts.jsonl"
    lines = exported(erlmcp, path)
    checkpoint, key = noted(erlmcp, tmp_path)
    args = ("receipt", "verify", str(path), "--checkpoint", checkpoint, "--url", "http://127.0.0.1:1/mcp")
    said = erlmcp(*args, "--key", key)
    assert (said.code, said.err) == (0, "")
    assert "unbroken, 5 of 5 verified" in said.out
    assert erlmcp(*args, "--key", key, "--format", "json").json["checkpoints"] == 1
    assert "hold them to your own copy with --key" in erlmcp(*args).err
    path.write_text("\n".join(lines[:3]) + "\n")
    said = erlmcp(*args, "--key", key)
    assert said.code == 1
    assert "broken, at receipt 4: the chain ends with receipt 3, and had 5" in said.out


def test_a_checkpoint_of_another_key_is_refused(erlmcp: Tcps, tmp_path: Path) -> None:
    made(erlmcp)
    path = tmp_path / "receipts.jsonl"
    exported(erlmcp, path)
    checkpoint, _ = noted(erlmcp, tmp_path)
    other = tmp_path / "other.pem"
    other.write_bytes(pem_of_key(Ed25519PrivateKey.generate().public_key().public_bytes_raw().hex()))
    said = erlmcp("receipt", "verify", str(path), "--checkpoint", checkpoint, "--key", str(other))
    assert said.code == 1
    assert "forged" in said.out


@pytest.mark.parametrize(
    ("words", "code", "why"),
    [
        (["verify", "nowhere.jsonl"], 3, "nowhere.jsonl can not be read: No such file or directory"),
        (["verify", "{file}", "--checkpoint", "{file}"], 2, "it is no checkpoint"),
        (["verify", "{file}", "--key", "{file}"], 2, "it is no public key in PEM"),
        (["verify", "{file}", "--to-seq", "3"], 2, "a FILE is verified to its end"),
        (["verify", "--checkpoint", "{file}"], 2, "checkpoints and keys are for a FILE"),
        (["export", "-o", "{file}", "--data-dir", "/nowhere"], 3, "is not there"),
        (["export", "-o", "/nowhere/x"], 3, "/nowhere/x can not be written"),
        (["export"], 2, "Missing option '-o'"),
    ],
)
def test_what_is_wrong_with_files_is_said(erlmcp: Tcps, tmp_path: Path, words: list[str], code: int, why: str) -> None:
    file = tmp_path / "a.jsonl"
    file.write_text("{}\n")
    said: Said = erlmcp("receipt", *[word.format(file=file) for word in words])
    assert why in said.err
    assert said.code == code


def test_the_newest_checkpoint_and_its_key_are_written_to_files(erlmcp: Tcps, server: Server, tmp_path: Path) -> None:
    path = tmp_path / "head.json"
    said = erlmcp("receipt", "checkpoint", "-o", str(path))
    assert (said.code, "no checkpoint was made yet" in said.err) == (3, True)
    made(erlmcp)
    assert erlmcp("tpm", "run", "daily").code == 0
    assert erlmcp("receipt", "checkpoint", "-o", str(path)).code == 0
    key = tmp_path / "head.json.pem"
    assert key.read_bytes() == (tmp_path / "checkpoint.pub").read_bytes()
    text = path.read_bytes()
    assert erlmcp("receipt", "checkpoint", "-o", str(path), "--data-dir", str(tmp_path)).code == 0
    assert path.read_bytes() == text
    export = tmp_path / "receipts.jsonl"
    exported(erlmcp, export)
    verify = ("receipt", "verify", str(export), "--checkpoint", str(path), "--key", str(key))
    assert erlmcp(*verify).code == 0
    server.tamper("UPDATE receipt SET actor = 'eve' WHERE seq = 1")
    exported(erlmcp, export)
    assert "broken, at receipt 1" in erlmcp(*verify).out


def test_maintenance_is_shown_with_its_findings(erlmcp: Tcps, server: Server) -> None:
    made(erlmcp)
    said = erlmcp("tpm", "run", "weekly")
    assert said.code == 0
    assert "weekly maintenance" in said.out
    assert "no findings" in said.out
    said = erlmcp("tpm", "run", "weekly")
    assert said.code == 4
    assert "run `erlmcp tcps tpm health` to see what it found" in said.err
    server.tamper("UPDATE receipt SET actor = 'eve' WHERE seq = 1")
    said = erlmcp("tpm", "run", "weekly", "--force")
    assert said.code == 1
    assert "receipt 1 does not give its hash" in said.out
    said = erlmcp("tpm", "health")
    assert said.code == 1
    assert "score       80\n" in said.out
    assert erlmcp("tpm", "health", "--format", "json").json["tpm_health"]["windows"][1]["window"] == "weekly"
