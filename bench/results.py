"""Where figures go: a table for people, a JSON file in results/ for whoever compares runs."""

import os
import platform
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from erlmcp import __version__

__all__ = ["RESULTS", "keep", "table"]

RESULTS = Path(__file__).resolve().parent.parent / "results"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns under their heads: words to the left, numbers to the right."""
    columns = [*zip(head, *rows, strict=True)]
    widths = [max(map(len, column)) for column in columns]
    numeric = [all(cell[:1].isdigit() or not cell for cell in column[1:]) for column in columns]

    def line(cells: Sequence[str]) -> str:
        pairs = zip(cells, widths, numeric, strict=True)
        return "  ".join(cell.rjust(width) if right else cell.ljust(width) for cell, width, right in pairs).rstrip()

    return "\n".join([line(head), *map(line, rows)]) + "\n"


def keep(name: str, figures: Mapping[str, object], folder: Path = RESULTS) -> Path:
    """Write the figures with the machine that they are from to results/NAME.json."""
    folder.mkdir(exist_ok=True)
    machine = {"python": platform.python_version(), "machine": platform.machine(), "cores": os.cpu_count()}
    about = {"version": __version__, "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), **machine}
    path = folder / f"{name}.json"
    path.write_bytes(msgspec.json.format(msgspec.json.encode({**about, **figures}), indent=2) + b"\n")
    return path
