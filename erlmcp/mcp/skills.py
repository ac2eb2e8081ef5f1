"""The skills of an app: their entries, the files of all of them by URI, and the folders that these stand in.

A set with three indexes. It does not know the methods that ask for it.
"""

from collections.abc import Sequence
from typing import Final
from urllib.parse import unquote

import msgspec

from erlmcp.mcp.features import Features
from erlmcp.mcp.skill import MANIFEST, Skill, SkillFile

__all__ = ["DIRECTORY", "Skills"]

DIRECTORY: Final = "inode/directory"
"""The media type of a resource that is a folder (SEP-2640, Directory Resources)."""
_ROOT: Final = "skill:/"
"""What is left of the URI of a first segment without it."""


class Folder:
    """A folder as its parent lists it. Its URI ends in no slash."""

    __slots__ = ("_definition", "key")

    def __init__(self, uri: str) -> None:
        self.key = uri
        name = unquote(uri.rpartition("/")[2])
        self._definition = msgspec.json.encode({"uri": uri, "name": name, "mimeType": DIRECTORY})

    def definition(self, modern: bool) -> bytes:  # noqa: ARG002 - the seam of Features
        return self._definition


class Skills:
    """`entries` in the order of registration; `file` and `folder` by URI."""

    def __init__(self) -> None:
        self.entries: Features[Skill] = Features("skills", "skill")
        self._files: dict[str, SkillFile] = {}
        self._folders: dict[str, Features[SkillFile | Folder]] = {}
        self.file = self._files.get
        self.folder = self._folders.get

    def __len__(self) -> int:
        return len(self.entries)

    def add(self, skills: Sequence[Skill]) -> None:
        """Skills of one folder, with those inside others. Raises ValueError for a URI that is taken."""
        self._refuse_overlap(skills)
        own = {skill.key: skill.manifest for skill in skills}
        for skill in skills:
            self.entries.add(skill)
            for file in skill.files:
                if file.key not in self._files:
                    # A SKILL.md inside another skill goes by its own name and description, as it is the same resource.
                    file = own.get(file.key, file)  # noqa: PLW2901
                    self._files[file.key] = file
                    self._place(file)

    def _refuse_overlap(self, skills: Sequence[Skill]) -> None:
        """An entry names every file below its folder, so nothing may be put there later."""
        for skill in skills:
            folder = _parent(skill.key)
            if folder in self._folders:
                raise ValueError(
                    f"{skill.key}: there are skills at or below {folder} already; give one of them a prefix"
                )
            while (folder := _parent(folder)) != _ROOT:
                outer = f"{folder}/{MANIFEST}"
                if outer in self.entries:
                    raise ValueError(
                        f"{skill.key} would be inside {outer}, whose files are known already; give it another prefix"
                    )

    def _place(self, child: SkillFile | Folder) -> None:
        """Put a child into its folder, and a new folder into its own, up to the first segment."""
        uri = _parent(child.key)
        if uri == _ROOT:
            return
        folder = self._folders.get(uri)
        if folder is None:
            folder = self._folders[uri] = Features("resources", "resource")
            self._place(Folder(uri))
        folder.add(child)


def _parent(uri: str) -> str:
    return uri.rpartition("/")[0]
