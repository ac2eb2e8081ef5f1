"""Receipts as files: exported from a server or straight from its data directory, and verified without either.

What is written takes its name when it is whole. It knows no flags.
"""

import asyncio
import contextlib
import os
import sys
import tempfile
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, TypeVar

import msgspec

from erlmcp import store, tcps
from erlmcp.node.exits import Exit, Refusal
from erlmcp.node.line_state import DATABASE

__all__ = [
    "checkpoint_of_directory",
    "export_from_directory",
    "export_from_server",
    "reading",
    "verify_export",
    "write_checkpoint",
    "writing",
]

PAGE = 200  # receipts of one call
STDOUT = Path("-")

T = TypeVar("T")
Call = Callable[..., dict[str, Any]]


@contextmanager
def writing(path: Path) -> Iterator[IO[bytes]]:
    """A file to write; `-` is standard output. Refusal(CANNOT_BOOT) where it cannot be written."""
    if path == STDOUT:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    partial = path.with_name(f".{path.name}.partial")
    try:
        with partial.open("wb", buffering=1 << 20) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError as fault:
        raise Refusal(Exit.CANNOT_BOOT, f"{path} can not be written: {fault.strerror or fault}") from fault
    finally:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)


def export_from_directory(place: Path, write: Callable[[bytes], object], first: int, last: int | None) -> int:
    """Write the receipts of a data directory, beside its node or without one; how many."""

    async def copied() -> int:
        async with reading(place) as reader:
            views = tcps.Views(reader)
            head = await views.head()
            begin = await views.begin()
            end = head.seq if last is None else min(last, head.seq)
            return await tcps.export(reader, write, max(first - 1, begin.seq), end)

    return _run(copied)


def reading(place: Path) -> store.SqliteReader:
    """The database of a data directory, to be read."""
    return store.SqliteReader(place / DATABASE, tcps.schema(), store.Options())


def export_from_server(call: Call, write: Callable[[bytes], object], first: int, last: int | None) -> int:
    """Write the receipts that a server lists; how many. It lists the newest first, so they go by way of the disk."""
    blocks: list[tuple[int, int]] = []
    total = 0
    with tempfile.TemporaryFile() as spool:
        for page in _pages(call, first):
            wanted = [each for each in page if first <= each["seq"] and (last is None or each["seq"] <= last)]
            text = b"".join(tcps.canonical(each) + b"\n" for each in wanted[::-1])
            blocks.append((spool.tell(), len(text)))
            spool.write(text)
            total += len(wanted)
        for place, size in reversed(blocks):
            spool.seek(place)
            write(spool.read(size))
    return total


def verify_export(file: Path, checkpoints: Sequence[Path], keys: Sequence[Path], first: int | None) -> dict[str, Any]:
    """What verifying a file came to, as the tool says it, and by which key the checkpoints were signed.

    Refusal where a file cannot be read, or is none.
    """
    noted = [_read(path, tcps.read_checkpoint) for path in checkpoints]
    trusted = [_read(path, tcps.key_of_pem) for path in keys]
    outcome: tcps.Ok | tcps.Broken | None = tcps.forged(noted, trusted)
    if outcome is None:
        with _opened(file) as stream:
            outcome = tcps.verify_file(stream, noted, first)
    signed_by = sorted({one.key for one in noted})
    return {**msgspec.to_builtins(outcome), "checkpoints": len(noted), "keys": signed_by, "trusted": bool(trusted)}


def checkpoint_of_directory(place: Path) -> dict[str, Any] | None:
    """The newest signed checkpoint in a data directory."""

    async def newest() -> tcps.Checkpoint | None:
        async with reading(place) as reader:
            return await reader.one("newest_checkpoint", into=tcps.Checkpoint)

    found = _run(newest)
    return None if found is None else msgspec.to_builtins(found)


def write_checkpoint(found: dict[str, Any], path: Path) -> Path:
    """Write a checkpoint, and beside it the public key that it names; where that is."""
    checkpoint = msgspec.convert(found, tcps.Checkpoint)
    key = path.with_name(f"{path.name}.pem")
    with writing(path) as file:
        file.write(tcps.written(checkpoint))
    with writing(key) as file:
        file.write(tcps.pem_of_key(checkpoint.key))
    return key


def _pages(call: Call, first: int) -> Iterator[list[dict[str, Any]]]:
    cursor = None
    while True:
        document = call("receipt_list", limit=PAGE, cursor=cursor)
        page = document["receipts"]
        yield page
        cursor = document.get("next_cursor")
        if cursor is None or page[-1]["seq"] <= first:
            return


def _run(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    try:
        return asyncio.run(work())
    except store.Missing as fault:
        raise Refusal(Exit.NOT_FOUND, f"{fault}\nnext: name its --data-dir, or a server with --url") from fault
    except store.StoreError as fault:
        raise Refusal(Exit.CANNOT_BOOT, str(fault)) from fault


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    try:
        with path.open("rb", buffering=1 << 20) as file:
            yield file
    except OSError as fault:
        raise Refusal(Exit.NOT_FOUND, f"{path} can not be read: {fault.strerror or fault}") from fault


def _read(path: Path, parse: Callable[[bytes], Any]) -> Any:
    with _opened(path) as file:
        text = file.read(1 << 20)
    try:
        return parse(text)
    except ValueError as flaw:
        raise Refusal(Exit.USAGE, f"{path}: {flaw}") from flaw
