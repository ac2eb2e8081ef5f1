# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False, cdivision=True
"""JSON-RPC framing, compiled. `jsonrpc.py` is the specification; this file may be deleted on any day and every test passes, slower.

Pointers are read only after a comparison with the end of the text. Nothing here keeps a pointer after its function returns.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc, realloc
from libc.string cimport memchr, memcmp, memcpy, memset

from erlmcp._speedups._text cimport put_character, simple_escape, siphash, utf8_size

import os

from erlmcp._speedups import tables
from erlmcp._speedups.tables import FramingError, json_refusal

cdef int EMPTY = tables.JSON_EMPTY, MARK = tables.JSON_MARK, ENDED = tables.JSON_ENDED
cdef int VALUE = tables.JSON_VALUE, KEY = tables.JSON_KEY, COLON = tables.JSON_COLON
cdef int COMMA = tables.JSON_COMMA, TRAILING = tables.JSON_TRAILING, CONTROL = tables.JSON_CONTROL
cdef int ESCAPE = tables.JSON_ESCAPE, SURROGATE = tables.JSON_SURROGATE, UTF8 = tables.JSON_UTF8
cdef int NUMBER = tables.JSON_NUMBER, DIGITS = tables.JSON_DIGITS, DEPTH = tables.JSON_DEPTH
cdef int DUPLICATE = tables.JSON_DUPLICATE, MEMORY = -1
cdef Py_ssize_t MAX_DIGITS = tables.JSON_MAX_DIGITS, FEW_KEYS = tables.JSON_FEW_KEYS

cdef enum:
    FRAMES = 512  # JSON_MAX_DEPTH, checked below: a C array wants a constant
    ROOM = 32     # member names that need no allocation
    MEMBERS = 6   # JSON_MEMBERS

if FRAMES != tables.JSON_MAX_DEPTH or MEMBERS != len(tables.JSON_MEMBERS):
    raise ImportError("erlmcp._speedups._jsonrpc is older than its tables: build it again")

# What a byte is: inside a string, at the edge of a number, in a hexadecimal escape.
cdef uint8_t QUOTE_CLASS = 1, BACKSLASH_CLASS = 2, CONTROL_CLASS = 3, HIGH_CLASS = 4
cdef uint8_t IN_STRING[256]
cdef uint8_t IN_NUMBER[256]
cdef uint8_t IS_SPACE[256]
cdef int HEX[256]


cdef void fill_tables():
    cdef int byte
    numbers, spaces = tables.JSON_NUMBER_BYTES, tables.JSON_WHITESPACE
    for byte in range(256):
        IN_STRING[byte] = CONTROL_CLASS if byte < 0x20 else (HIGH_CLASS if byte >= 0x80 else 0)
        IN_NUMBER[byte] = byte in numbers
        IS_SPACE[byte] = byte in spaces
        HEX[byte] = int(chr(byte), 16) if chr(byte) in "0123456789abcdefABCDEF" else -1
    IN_STRING[0x22] = QUOTE_CLASS
    IN_STRING[0x5C] = BACKSLASH_CLASS


fill_tables()

# The hash of member names is keyed afresh in every process, so that nobody can prepare names that collide.
cdef uint64_t SEED0 = int.from_bytes(os.urandom(8), "little")
cdef uint64_t SEED1 = int.from_bytes(os.urandom(8), "little")

cdef struct Name:
    const uint8_t* text  # decoded; in the body, or in the arena when it was spelled with escapes
    Py_ssize_t size
    Py_ssize_t at

cdef struct Scan:
    const uint8_t* body
    Py_ssize_t size
    int fault
    Py_ssize_t where
    Name* names          # of all open objects, the innermost last
    Py_ssize_t count
    Py_ssize_t room
    uint8_t* arena       # as long as the body; a decoded name lies where its spelling lies
    Py_ssize_t base[FRAMES]  # of each open container: where its names begin, -1 for an array
    Py_ssize_t depth
    Py_ssize_t spans[2 * MEMBERS]
    Name first_names[ROOM]


cdef inline Py_ssize_t fail(Scan* scan, int fault, Py_ssize_t where) noexcept nogil:
    scan.fault = fault
    scan.where = where
    return -1


cdef inline Py_ssize_t expected(Scan* scan, int fault, Py_ssize_t where) noexcept nogil:
    return fail(scan, ENDED if where >= scan.size else fault, where)


cdef inline Py_ssize_t space(Scan* scan, Py_ssize_t at) noexcept nogil:
    while at < scan.size and IS_SPACE[scan.body[at]]:
        at += 1
    return at


# ---- strings
cdef inline Py_ssize_t plain(const uint8_t* body, Py_ssize_t at, Py_ssize_t size) noexcept nogil:
    """The first byte from `at` that is not plain ASCII text: eight at a time, then one by one."""
    cdef uint64_t word, quote, slash, ones = 0x0101010101010101ULL, high = 0x8080808080808080ULL
    while at + 8 <= size:
        memcpy(&word, body + at, 8)
        quote = word ^ (ones * 0x22)
        slash = word ^ (ones * 0x5C)
        if (word | (word - ones * 0x20) | (quote - ones) | (slash - ones)) & high:
            break  # one of the eight, or a borrow that looks like it: the table decides
        at += 8
    while at < size and IN_STRING[body[at]] == 0:
        at += 1
    return at


cdef inline int unit(Scan* scan, Py_ssize_t at) noexcept nogil:
    """The UTF-16 unit that the escape at `at` (a backslash and u) spells, or -1."""
    cdef int value = 0, digit, k
    if at + 6 > scan.size or scan.body[at] != 0x5C or scan.body[at + 1] != 0x75:
        return -1
    for k in range(2, 6):
        digit = HEX[scan.body[at + k]]
        if digit < 0:
            return -1
        value = value * 16 + digit
    return value


cdef Py_ssize_t escape(Scan* scan, Py_ssize_t at) noexcept nogil:
    cdef int first, second
    if at + 1 >= scan.size:
        return fail(scan, ESCAPE, at)
    if scan.body[at + 1] in (0x22, 0x5C, 0x2F, 0x62, 0x66, 0x6E, 0x72, 0x74):
        return at + 2
    first = unit(scan, at)
    if first < 0:
        return fail(scan, ESCAPE, at)
    if first < 0xD800 or first > 0xDFFF:
        return at + 6
    second = unit(scan, at + 6)
    if first >= 0xDC00 or second < 0xDC00 or second > 0xDFFF:
        return fail(scan, SURROGATE, at)
    return at + 12


cdef Py_ssize_t string(Scan* scan, Py_ssize_t at, bint* escaped) noexcept nogil:
    """The end of a string whose opening quote is just before `at`."""
    cdef uint8_t kind
    cdef int size
    while True:
        at = plain(scan.body, at, scan.size)
        if at >= scan.size:
            return fail(scan, ENDED, at)
        kind = IN_STRING[scan.body[at]]
        if kind == QUOTE_CLASS:
            return at + 1
        if kind == HIGH_CLASS:
            size = utf8_size(scan.body + at, scan.size - at)
            if size == 0:
                return fail(scan, UTF8, at)
            at += size
        elif kind == BACKSLASH_CLASS:
            escaped[0] = True
            at = escape(scan, at)
            if at < 0:
                return -1
        else:
            return fail(scan, CONTROL, at)


# ---- numbers and literals
cdef inline Py_ssize_t digits(Scan* scan, Py_ssize_t at) noexcept nogil:
    while at < scan.size and 0x30 <= scan.body[at] <= 0x39:
        at += 1
    return at


cdef Py_ssize_t number(Scan* scan, Py_ssize_t start) noexcept nogil:
    cdef Py_ssize_t sign = start + (scan.body[start] == 0x2D), at = sign, after
    if at < scan.size and scan.body[at] == 0x30:
        at += 1
    else:
        at = digits(scan, at)
    if at == sign:
        return fail(scan, NUMBER, start)
    if at < scan.size and scan.body[at] == 0x2E:
        after = digits(scan, at + 1)
        if after == at + 1:
            return fail(scan, NUMBER, start)
        at = after
    if at < scan.size and (scan.body[at] | 0x20) == 0x65:
        after = at + 1
        if after < scan.size and (scan.body[after] == 0x2B or scan.body[after] == 0x2D):
            after += 1
        at = digits(scan, after)
        if at == after:
            return fail(scan, NUMBER, start)
    if at < scan.size and IN_NUMBER[scan.body[at]]:
        return fail(scan, NUMBER, start)
    return fail(scan, DIGITS, start) if at - sign > MAX_DIGITS else at


cdef inline Py_ssize_t literal(Scan* scan, Py_ssize_t at, const char* word, Py_ssize_t size) noexcept nogil:
    if at + size > scan.size or memcmp(scan.body + at, word, size) != 0:
        return fail(scan, VALUE, at)
    return at + size


cdef inline Py_ssize_t scalar(Scan* scan, Py_ssize_t at) noexcept nogil:
    cdef uint8_t first
    cdef bint escaped = False
    if at >= scan.size:
        return fail(scan, ENDED, at)
    first = scan.body[at]
    if first == 0x22:
        return string(scan, at + 1, &escaped)
    if first == 0x2D or 0x30 <= first <= 0x39:
        return number(scan, at)
    if first == 0x74:
        return literal(scan, at, b"true", 4)
    if first == 0x66:
        return literal(scan, at, b"false", 5)
    if first == 0x6E:
        return literal(scan, at, b"null", 4)
    return fail(scan, VALUE, at)


# ---- member names
cdef Py_ssize_t unescape(Scan* scan, Py_ssize_t start, Py_ssize_t end) noexcept nogil:
    """Decode the checked text of a name into the arena, at `start` (it never grows). Gives its length, or -1."""
    cdef uint8_t* out
    cdef uint32_t point
    cdef Py_ssize_t at = start
    if scan.arena == NULL:
        scan.arena = <uint8_t*>malloc(scan.size)
        if scan.arena == NULL:
            return fail(scan, MEMORY, start)
    out = scan.arena + start
    while at < end:
        if scan.body[at] != 0x5C:
            out[0] = scan.body[at]
            out += 1
            at += 1
        elif scan.body[at + 1] != 0x75:
            out[0] = simple_escape(scan.body[at + 1])
            out += 1
            at += 2
        else:
            point = <uint32_t>unit(scan, at)
            at += 6
            if 0xD800 <= point <= 0xDBFF:
                point = 0x10000 + ((point - 0xD800) << 10) + (<uint32_t>unit(scan, at) - 0xDC00)
                at += 6
            out += put_character(out, point)
    return out - (scan.arena + start)


cdef int grow(Scan* scan) noexcept nogil:
    cdef Name* names
    cdef Py_ssize_t room = scan.room * 2
    if scan.names == scan.first_names:
        names = <Name*>malloc(room * sizeof(Name))
        if names != NULL:
            memcpy(names, scan.first_names, scan.count * sizeof(Name))
    else:
        names = <Name*>realloc(scan.names, room * sizeof(Name))
    if names == NULL:
        fail(scan, MEMORY, 0)
        return -1
    scan.names = names
    scan.room = room
    return 0


cdef Py_ssize_t name(Scan* scan, Py_ssize_t start) noexcept nogil:
    """Read a member name and its colon; gives where the value starts."""
    cdef bint escaped = False
    cdef Py_ssize_t at
    cdef Name* entry
    if start >= scan.size or scan.body[start] != 0x22:
        return expected(scan, KEY, start)
    at = string(scan, start + 1, &escaped)
    if at < 0 or (scan.count == scan.room and grow(scan) < 0):
        return -1
    entry = &scan.names[scan.count]
    entry.at = start
    entry.text = scan.body + start + 1
    entry.size = at - start - 2
    if escaped:
        entry.size = unescape(scan, start + 1, at - 1)
        if entry.size < 0:
            return -1
        entry.text = scan.arena + start + 1
    scan.count += 1
    at = space(scan, at)
    if at >= scan.size or scan.body[at] != 0x3A:
        return expected(scan, COLON, at)
    return space(scan, at + 1)


cdef inline bint same(Name* one, Name* other) noexcept nogil:
    return one.size == other.size and memcmp(one.text, other.text, one.size) == 0


cdef int unique_few(Scan* scan, Py_ssize_t base) noexcept nogil:
    cdef Py_ssize_t later, earlier
    for later in range(base + 1, scan.count):
        for earlier in range(base, later):
            if same(&scan.names[earlier], &scan.names[later]):
                fail(scan, DUPLICATE, scan.names[later].at)
                return -1
    return 0


cdef int unique_many(Scan* scan, Py_ssize_t base) noexcept nogil:
    cdef Py_ssize_t slots = 32, k
    cdef uint64_t slot
    cdef uint32_t* table
    while slots < 2 * (scan.count - base):
        slots *= 2
    table = <uint32_t*>malloc(slots * sizeof(uint32_t))
    if table == NULL:
        fail(scan, MEMORY, 0)
        return -1
    memset(table, 0, slots * sizeof(uint32_t))
    for k in range(base, scan.count):
        slot = siphash(scan.names[k].text, scan.names[k].size, SEED0, SEED1) & <uint64_t>(slots - 1)
        while table[slot] != 0:
            if same(&scan.names[base + table[slot] - 1], &scan.names[k]):
                free(table)
                fail(scan, DUPLICATE, scan.names[k].at)
                return -1
            slot = (slot + 1) & <uint64_t>(slots - 1)
        table[slot] = <uint32_t>(k - base + 1)
    free(table)
    return 0


# ---- the walk
cdef inline int member(Name* entry) noexcept nogil:
    """The place in JSON_MEMBERS of a name, or -1."""
    if entry.size == 2:
        return 1 if memcmp(entry.text, b"id", 2) == 0 else -1
    if entry.size == 5:
        return 5 if memcmp(entry.text, b"error", 5) == 0 else -1
    if entry.size == 7:
        return 0 if memcmp(entry.text, b"jsonrpc", 7) == 0 else -1
    if entry.size != 6:
        return -1
    if memcmp(entry.text, b"method", 6) == 0:
        return 2
    if memcmp(entry.text, b"params", 6) == 0:
        return 3
    return 4 if memcmp(entry.text, b"result", 6) == 0 else -1


cdef inline int close(Scan* scan, Py_ssize_t base) noexcept nogil:
    cdef Py_ssize_t count = scan.count - base
    scan.depth -= 1
    if base < 0 or count == 0:
        return 0
    if (unique_few(scan, base) if count <= FEW_KEYS else unique_many(scan, base)) < 0:
        return -1
    scan.count = base
    return 0


cdef Py_ssize_t walk(Scan* scan, Py_ssize_t at, Py_ssize_t max_depth) noexcept nogil:
    """From the root's first byte to the end of the text, or -1."""
    cdef int found = -1
    cdef bint fresh
    cdef Py_ssize_t base
    while True:
        fresh = at < scan.size and (scan.body[at] == 0x7B or scan.body[at] == 0x5B)
        if fresh:
            if scan.depth == max_depth:
                return fail(scan, DEPTH, at)
            scan.base[scan.depth] = scan.count if scan.body[at] == 0x7B else -1
            scan.depth += 1
            at += 1
        else:
            at = scalar(scan, at)
            if at < 0:
                return -1
        while scan.depth:
            base = scan.base[scan.depth - 1]
            if scan.depth == 1 and found >= 0 and not fresh:
                scan.spans[2 * found + 1] = at
            at = space(scan, at)
            if at < scan.size and scan.body[at] == (0x5D if base < 0 else 0x7D):
                if close(scan, base) < 0:
                    return -1
                fresh = False
                at += 1
                continue
            if not fresh:
                if at >= scan.size or scan.body[at] != 0x2C:
                    return expected(scan, COMMA, at)
                at = space(scan, at + 1)
            if base >= 0:
                at = name(scan, at)
                if at < 0:
                    return -1
                if scan.depth == 1:
                    found = member(&scan.names[scan.count - 1])
                    if found >= 0:
                        scan.spans[2 * found] = at
            break
        else:
            at = space(scan, at)
            return at if at == scan.size else fail(scan, TRAILING, at)


cdef inline Py_ssize_t start(Scan* scan) noexcept nogil:
    cdef Py_ssize_t at
    cdef const uint8_t* body = scan.body
    if scan.size >= 3 and body[0] == 0xEF and body[1] == 0xBB and body[2] == 0xBF:
        return fail(scan, MARK, 0)
    if scan.size >= 2 and ((body[0] == 0xFF and body[1] == 0xFE) or (body[0] == 0xFE and body[1] == 0xFF)):
        return fail(scan, MARK, 0)
    at = space(scan, 0)
    return fail(scan, EMPTY, 0) if at == scan.size else at


cdef inline bytes text(Scan* scan, int found):
    cdef Py_ssize_t start = scan.spans[2 * found]
    return PyBytes_FromStringAndSize(<const char*>scan.body + start, scan.spans[2 * found + 1] - start)


def scan(bytes body not None, Py_ssize_t max_depth):
    cdef Scan state
    cdef Py_ssize_t at, end = -1
    cdef Py_ssize_t* spans = state.spans
    if not 1 <= max_depth <= FRAMES:
        raise ValueError(f"max_depth is {max_depth}, but must be 1 to {FRAMES}")
    state.body = <const uint8_t*>PyBytes_AS_STRING(body)
    state.size = PyBytes_GET_SIZE(body)
    state.names = state.first_names
    state.count = state.depth = 0
    state.room = ROOM
    state.arena = NULL
    memset(spans, 0, sizeof(state.spans))
    at = start(&state)
    if at >= 0:
        end = walk(&state, at, max_depth)
    free(state.arena)
    if state.names != state.first_names:
        free(state.names)
    if end < 0:
        if state.fault == MEMORY:
            raise MemoryError
        raise json_refusal(state.fault, state.where, max_depth)
    return (state.body[at], text(&state, 0), text(&state, 1), text(&state, 2), text(&state, 3),
            spans[9] > 0 or spans[11] > 0)


# ---- frames
def split_lines(bytes buffer not None, Py_ssize_t limit):
    cdef const char* data = PyBytes_AS_STRING(buffer)
    cdef const char* found
    cdef Py_ssize_t total = PyBytes_GET_SIZE(buffer), at = 0, size
    cdef list lines = []
    while True:
        found = <const char*>memchr(data + at, 0x0A, total - at)
        size = (total if found == NULL else found - data) - at
        if size > limit and not lines:
            raise FramingError(400, f"a line is longer than {limit} bytes")
        if found == NULL or size > limit:
            return lines, PyBytes_FromStringAndSize(data + at, total - at)
        if size and data[at + size - 1] == 0x0D:
            if size > 1:
                lines.append(PyBytes_FromStringAndSize(data + at, size - 1))
        elif size:
            lines.append(PyBytes_FromStringAndSize(data + at, size))
        at = found - data + 1


cdef inline char* put(char* out, const char* text, Py_ssize_t size) noexcept:
    memcpy(out, text, size)
    return out + size


def frame_reply(bytes id not None, bytes members not None, bytes more not None=b""):
    cdef Py_ssize_t id_size = PyBytes_GET_SIZE(id), size = PyBytes_GET_SIZE(members), rest = PyBytes_GET_SIZE(more)
    cdef bytes frame = PyBytes_FromStringAndSize(NULL, 22 + id_size + 11 + size + rest + 2)
    cdef char* out = put(PyBytes_AS_STRING(frame), b'{"jsonrpc":"2.0","id":', 22)
    out = put(put(out, PyBytes_AS_STRING(id), id_size), b',"result":{', 11)
    put(put(put(out, PyBytes_AS_STRING(members), size), PyBytes_AS_STRING(more), rest), b"}}", 2)
    return frame


def frame_event(bytes json not None):
    cdef Py_ssize_t size = PyBytes_GET_SIZE(json)
    cdef const char* text = PyBytes_AS_STRING(json)
    cdef bytes frame
    cdef char* out
    if memchr(text, 0x0A, size) != NULL or memchr(text, 0x0D, size) != NULL:
        json = json.replace(b"\n", b" ").replace(b"\r", b" ")
        text = PyBytes_AS_STRING(json)
    frame = PyBytes_FromStringAndSize(NULL, 6 + size + 2)
    out = put(put(PyBytes_AS_STRING(frame), b"data: ", 6), text, size)
    put(out, b"\n\n", 2)
    return frame
