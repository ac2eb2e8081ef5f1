"""Skills from a folder on disk, read once: what is served is what was there at the start, whatever changes after it.

A skill is a folder with a SKILL.md; skills may stand inside others and below folders that only order them. Hidden files
and folders (`.git`) and `__pycache__` are left out. Everything that is wrong is a ValueError that names the file.
"""

import os
import stat
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Final

from erlmcp.mcp.skill import FILE_COUNT_LIMIT, MANIFEST, SIZE_LIMIT, Skill

__all__ = ["read_skill", "read_skills"]

_LEFT_OUT: Final = "__pycache__"
_UNRESERVED: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~")


def read_skills(folder: str | os.PathLike[str], prefix: str = "") -> list[Skill]:
    """All skills below `folder`, which is none itself. `prefix`: segments before their paths, as in `acme/billing`."""
    root = _root(folder)
    if (root / MANIFEST).exists():
        raise ValueError(f"{root} is one skill; register it with app.skill(…), or name the folder that it stands in")
    return _read(root, root, _prefix(prefix))


def read_skill(folder: str | os.PathLike[str], prefix: str = "") -> list[Skill]:
    """The skill in `folder`, then those inside it."""
    root = _root(folder)
    if not (root / MANIFEST).is_file():
        raise ValueError(f"{root} is no skill: it has no {MANIFEST}")
    return _read(root, root.parent, _prefix(prefix))


def _root(folder: str | os.PathLike[str]) -> Path:
    root = Path(folder).resolve()
    if not root.is_dir():
        raise ValueError(f"{root} is no folder of skills: there is no such folder")
    return root


def _prefix(prefix: str) -> PurePosixPath:
    for segment in prefix.split("/") if prefix else []:
        if not segment or segment in {".", ".."} or not _UNRESERVED.issuperset(segment):
            raise ValueError(f"prefix {prefix!r} is none: segments of A-Z a-z 0-9 - . _ ~ with / between them")
    return PurePosixPath(prefix)


def _read(root: Path, base: Path, prefix: PurePosixPath) -> list[Skill]:
    """The skills in `root`; their paths begin below `base`."""
    found = sorted(_files(root))
    folders = [file.parent for file in found if file.name == MANIFEST]
    if not folders:
        raise ValueError(f"{root} holds no skill: no folder in it has a {MANIFEST}")
    contents: dict[Path, bytes] = {}
    return [
        _skill(folder, base, prefix, [file for file in found if folder in file.parents], contents) for folder in folders
    ]


def _skill(folder: Path, base: Path, prefix: PurePosixPath, files: list[Path], contents: dict[Path, bytes]) -> Skill:
    """One skill. `contents` keeps what was read: an outer skill and an inner one have files in common."""
    if len(files) > FILE_COUNT_LIMIT:
        raise ValueError(f"{folder}: {len(files)} files; a skill has at most {FILE_COUNT_LIMIT}")
    size = 0
    for file in files:
        if file not in contents:
            contents[file] = _contents(file, SIZE_LIMIT - size)
        size += len(contents[file])
        if size > SIZE_LIMIT:
            raise ValueError(
                f"{folder}: more than {SIZE_LIMIT} bytes; a skill has at most that many ({file} is one too many)"
            )
    path = (prefix / PurePosixPath(folder.relative_to(base).as_posix())).as_posix()
    try:
        return Skill(path, [(file.relative_to(folder).as_posix(), contents[file]) for file in files])
    except UnicodeEncodeError as fault:
        raise ValueError(
            f"{folder}: a file's name is not UTF-8, and can be no part of a URI: {fault.object!r}"
        ) from fault
    except ValueError as fault:
        raise ValueError(f"{folder / MANIFEST}: {fault}") from fault


def _files(root: Path) -> Iterator[Path]:
    """Every file below `root` that is not left out."""
    for place, folders, names in os.walk(root, onerror=_unreadable):
        here = Path(place)
        folders[:] = [name for name in folders if not name.startswith(".") and name != _LEFT_OUT]
        for name in folders:
            if (here / name).is_symlink():
                raise ValueError(f"{here / name} is a link to a folder; a skill's folders must be folders")
        for name in names:
            if name.startswith("."):
                continue
            if name != MANIFEST and name.lower() == MANIFEST.lower():
                raise ValueError(f"{here / name}: call it {MANIFEST}; hosts look for that name exactly")
            yield _checked(here / name, root)


def _checked(file: Path, root: Path) -> Path:
    target = file.resolve()
    if not target.is_relative_to(root):
        raise ValueError(f"{file} is a link to {target}, outside of {root}; a skill holds its own files")
    if not target.exists() or not stat.S_ISREG(target.stat().st_mode):
        raise ValueError(f"{file} is no regular file")
    return file


def _contents(file: Path, room: int) -> bytes:
    try:
        with file.resolve().open("rb") as opened:
            return opened.read(room + 1)  # one too many tells, and no more is held
    except OSError as fault:
        raise ValueError(f"{file} can not be read: {fault.strerror}") from fault


def _unreadable(fault: OSError) -> None:
    raise ValueError(f"{fault.filename} can not be read: {fault.strerror}") from fault
