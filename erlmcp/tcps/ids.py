"""Ids that sort by time and are safe in URLs: `WO-01KAT3M0Q4…`: 48 bits of milliseconds, 40 of chance, in base 32."""

import secrets
from collections.abc import Callable
from datetime import datetime
from typing import Final

__all__ = ["Ids"]

_CHANCE_BITS: Final = 40
_DIGITS: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's: no I, L, O, U to misread
_PAIRS: Final = tuple(high + low for high in _DIGITS for low in _DIGITS)
_SHIFTS: Final = tuple(range(80, -1, -10))


class Ids:
    """Each id is greater than all before it from the same Ids, even if the clock goes back.

    `chance(bits)` gives a random number; after a restart it keeps ids apart that fall into one millisecond.
    """

    def __init__(self, chance: Callable[[int], int] = secrets.randbits) -> None:
        self._chance = chance
        self._last = 0

    def new(self, prefix: str, now: datetime) -> str:
        """The next id, `prefix` before it."""
        milliseconds = int(now.timestamp() * 1000)
        if milliseconds > self._last >> _CHANCE_BITS:
            self._last = milliseconds << _CHANCE_BITS | self._chance(
                _CHANCE_BITS - 1
            )  # half of the range left to count
        else:
            self._last += 1
        value = self._last
        return f"{prefix}-{''.join([_PAIRS[value >> shift & 1023] for shift in _SHIFTS])}"
