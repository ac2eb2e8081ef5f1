"""Objects as CSV for spreadsheets (RFC 4180). Pure: values in, text out.

An object in an object is columns of its own, `signal.type`; a list is a cell of JSON.
"""

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

__all__ = ["as_csv"]

#: A spreadsheet takes a cell that begins so for a formula, and titles are written by anybody (OWASP, CSV injection).
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


def as_csv(entries: Sequence[Mapping[str, Any]]) -> str:
    """A row for each entry under a row of the columns; nothing at all for no entries."""
    rows = [dict(_columns(entry)) for entry in entries]
    columns = list(dict.fromkeys(name for row in rows for name in row))
    if not columns:
        return ""
    text = io.StringIO()
    sheet = csv.writer(text, lineterminator="\n")
    sheet.writerow(columns)
    sheet.writerows([row.get(name, "") for name in columns] for row in rows)
    return text.getvalue()


def _columns(entry: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, str]]:
    for name, value in entry.items():
        if isinstance(value, Mapping) and value:
            yield from _columns(value, f"{above}{name}.")
        else:
            yield above + name, _cell(value)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    return f"'{value}" if value.startswith(_FORMULA) else value
