# Byte scanning shared by the compiled twins. Every function is given the end of the buffer and never reads past it.
from libc.stdint cimport uint64_t
from libc.string cimport memcpy


cdef inline bint eight_plain(const unsigned char* at) noexcept nogil:
    """Whether none of the eight bytes at `at` is below 0x20 or is 0x7F (the word tests of "Bit Twiddling Hacks", hasless)."""
    cdef uint64_t word, others
    memcpy(&word, at, 8)
    others = word ^ 0x7F7F7F7F7F7F7F7FULL
    return not (
        (((word - 0x2020202020202020ULL) & ~word) | ((others - 0x0101010101010101ULL) & ~others)) & 0x8080808080808080ULL
    )


cdef inline const unsigned char* skip_text(
    const unsigned char* at, const unsigned char* end, const unsigned char* text
) noexcept nogil:
    """The first byte from `at` on whose class in `text` is 0, or `end`. Bytes of 0x20 and above but 0x7F must be text."""
    while True:
        while end - at >= 8 and eight_plain(at):
            at += 8
        if at == end or not text[at[0]]:
            return at
        at += 1
