"""Ids that sort by time and are safe in URLs: `WO-01KAT3M0Q4…`: 48 bits of milliseconds, 40 of chance, in base 32."""

import secrets
from collections.abc import Callable
from datetime import datetime
from typing import Final

__all__ = ["Ids"]

_CHANCE_BITS: Final = 40
_DIGITS: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's: no I, L, O, U to misread
_PAIRS: Final = tuple(high + low for high in _DIGITS for low in _DIGITS)
_LOW_BITS: Final = 20  # four digits: what changes from one id to the next, nearly always
_HIGH_SHIFTS: Final = tuple(range(80, _LOW_BITS - 10, -10))


class Ids:
    """Each id is greater than all before it from the same Ids, even if the clock goes back.

    `chance(bits)` gives a random number; after a restart it keeps ids apart that fall into one millisecond.
    """

    def __init__(self, chance: Callable[[int], int] = secrets.randbits) -> None:
        self._chance = chance
        self._last = 0
        self._high = (-1, "")  # the digits before the last four, and their text

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
        high, text = self._high
        if value >> _LOW_BITS != high:
            text = "".join([_PAIRS[value >> shift & 1023] for shift in _HIGH_SHIFTS])
            self._high = (value >> _LOW_BITS, text)
        return f"{prefix}-{text}{_PAIRS[value >> 10 & 1023]}{_PAIRS[value & 1023]}"
