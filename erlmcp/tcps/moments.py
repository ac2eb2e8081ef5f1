"""Moments as text: RFC 3339 in UTC, always with milliseconds, so that they sort as they follow each other."""

from datetime import UTC, datetime

__all__ = ["moment", "stamp", "utc_now"]


def utc_now() -> datetime:
    """The clock of whoever is given no other."""
    return datetime.now(UTC)


def stamp(at: datetime) -> str:
    """`2025-11-24T05:53:12.345Z`. `at` carries a time zone."""
    return f"{at.astimezone(UTC).isoformat('T', 'milliseconds')[:23]}Z"


def moment(text: str) -> datetime:
    """The moment of a `stamp`."""
    return datetime.fromisoformat(text)
