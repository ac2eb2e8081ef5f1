# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False, cdivision=True
"""The compiled twin of `http.py`, which is the specification: here is only the straight way through a well-formed head.

Whatever is unusual, malformed or incomplete is handed to the specification, so a refusal has one source. That both
give the same outcome for every input is a property test (tests/speedups/test_http_twins.py).
"""

from cpython.bytearray cimport PyByteArray_AS_STRING, PyByteArray_CheckExact, PyByteArray_GET_SIZE
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_CheckExact, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.object cimport PyObject
from libc.string cimport memcmp, memcpy

from erlmcp._speedups._bytes cimport skip_text

from erlmcp._speedups import http as specification
from erlmcp._speedups import tables

cdef enum:
    LONGEST = 48  # bytes of the longest common name, and more; checked below
    SLOTS = 256   # of the table of common names
    DIGITS = 18   # decimal digits that fit a signed 64-bit number for sure

ctypedef const unsigned char* Bytes

cdef unsigned char LOWER[256]   # of a byte of a name: its lower case; 0 for every other byte
cdef unsigned char TEXT[256]    # 1: may stand in a field value
cdef unsigned char PATH[256]    # 1: may stand in a path, 2: in a query only
cdef unsigned char NAME[256]    # 1: may stand in a host name
cdef signed char HEX[256]       # value of a hexadecimal digit, or -1
cdef PyObject* COMMON[SLOTS]    # common names by their hash, open addressing
cdef tuple COMMON_NAMES = tables.COMMON_NAMES
cdef tuple METHODS = tables.METHODS
cdef tuple OWN_FIELDS = tables.OWN_FIELDS
cdef dict STATUS_LINES = specification._STATUS_LINES
cdef Py_ssize_t MAX_CHUNK_DIGITS = tables.MAX_CHUNK_DIGITS
cdef int CHUNKED = tables.CHUNKED
cdef int UNFRAMED = tables.UNFRAMED
cdef bytes HOST = tables.SINGLE[0], LENGTH = tables.SINGLE[1], CODING = tables.SINGLE[3]
cdef bytes CONNECTION = tables.COMMON_NAMES[4], EXPECT = tables.COMMON_NAMES[5]
cdef bytes POST = tables.METHODS[1], GET = tables.METHODS[0], CONNECT = tables.METHODS[8]


cdef inline unsigned int slot_of(Bytes name, Py_ssize_t size) noexcept nogil:
    return (<unsigned int>size * 7 + name[0] * 31 + name[size - 1] * 13 + name[size >> 1] * 5) % SLOTS


cdef int fill_tables() except -1:
    cdef int i
    for i in range(256):
        LOWER[i] = ord(bytes([i]).lower()) if i in tables.TCHAR else 0
        TEXT[i] = i in tables.TEXT
        PATH[i] = 2 if i == 0x3F else (i in tables.TARGET and i != 0x25)
        NAME[i] = i in tables.REG_NAME and i != 0x25
        HEX[i] = int(bytes([i]), 16) if i in tables.HEXDIGITS else -1
    cdef unsigned int slot
    cdef bytes name
    for name in COMMON_NAMES:
        if len(name) >= LONGEST:
            raise ImportError("erlmcp._speedups._http is older than its tables: build it again")
        slot = slot_of(<Bytes>PyBytes_AS_STRING(name), len(name))
        while COMMON[slot] != NULL:
            slot = (slot + 1) % SLOTS
        COMMON[slot] = <PyObject*>name
        hash(name)  # kept in the object: a dictionary need not count it again
    if (HOST, LENGTH, CODING, CONNECTION, EXPECT) != (
        b"host", b"content-length", b"transfer-encoding", b"connection", b"expect"
    ) or (GET, POST, CONNECT) != (b"GET", b"POST", b"CONNECT") or len(COMMON_NAMES) * 2 > SLOTS:
        raise ImportError("erlmcp._speedups._http is older than its tables: build it again")
    return 0


fill_tables()


cdef inline bytes piece(Bytes start, Py_ssize_t size):
    return PyBytes_FromStringAndSize(<const char*>start, size)


cdef inline bint locate(object data, Bytes* start, Py_ssize_t* size) except -1:
    """Point at the bytes of `data`; they stay where they are as long as no Python code runs that changes it."""
    if PyBytes_CheckExact(data):
        start[0] = <Bytes>PyBytes_AS_STRING(data)
        size[0] = PyBytes_GET_SIZE(data)
    elif PyByteArray_CheckExact(data):
        start[0] = <Bytes>PyByteArray_AS_STRING(data)
        size[0] = PyByteArray_GET_SIZE(data)
    else:
        raise TypeError("bytes or bytearray expected")
    return 0


cdef inline bint same(Bytes text, Py_ssize_t size, const char* lower, Py_ssize_t length) noexcept nogil:
    """Whether `text` is `lower` when upper-case letters are made lower-case."""
    cdef Py_ssize_t i
    if size != length:
        return False
    for i in range(size):
        if LOWER[text[i]] != <unsigned char>lower[i]:
            return False
    return True


cdef inline bytes method_of(Bytes text, Py_ssize_t size):
    cdef bytes known
    if size == 4 and memcmp(text, b"POST", 4) == 0:
        return POST
    if size == 3 and memcmp(text, b"GET", 3) == 0:
        return GET
    for known in METHODS:
        if PyBytes_GET_SIZE(known) == size and memcmp(text, PyBytes_AS_STRING(known), size) == 0:
            return known
    return piece(text, size)


cdef inline Bytes skip_target(Bytes at, Bytes end, int most) noexcept nogil:
    """The first byte that may not stand in a path (most = 1) or query (2), or is a % without two hexadecimal digits."""
    while at < end:
        if PATH[at[0]] and PATH[at[0]] <= most:
            at += 1
        elif at[0] == 0x25 and end - at > 2 and HEX[at[1]] >= 0 and HEX[at[2]] >= 0:
            at += 3
        else:
            break
    return at


cdef inline bint is_plain_host(Bytes text, Py_ssize_t size) noexcept nogil:
    """Whether this is a name and perhaps a port for sure; if not, the specification decides."""
    cdef Py_ssize_t i = 0, colon
    cdef long port = 0
    while i < size and NAME[text[i]]:
        i += 1
    if i == 0 or i == size:
        return i > 0
    colon = i
    if text[i] != 0x3A or size - i > 6:
        return False
    i += 1
    while i < size:
        if text[i] < 0x30 or text[i] > 0x39:
            return False
        port = port * 10 + (text[i] - 0x30)
        i += 1
    return port <= 65535


cdef inline bytes name_of(Bytes start, Py_ssize_t size, Bytes lower):
    """The lower-case name as an object; a common one is always the same object."""
    cdef unsigned int slot
    cdef bytes name
    cdef char* into
    cdef Py_ssize_t i
    if size < LONGEST:
        slot = slot_of(lower, size)
        while COMMON[slot] != NULL:
            name = <bytes>COMMON[slot]
            if PyBytes_GET_SIZE(name) == size and memcmp(PyBytes_AS_STRING(name), lower, size) == 0:
                return name
            slot = (slot + 1) % SLOTS
        return piece(lower, size)
    name = piece(start, size)
    into = PyBytes_AS_STRING(name)  # not yet seen by anyone else
    for i in range(size):
        into[i] = <char>LOWER[start[i]]
    return name


cdef inline bint has_end(Bytes at, Bytes end) noexcept nogil:
    """Whether an empty line is in sight."""
    while end - at >= 4:
        if at[3] == 0x0A:
            if at[2] == 0x0D and at[1] == 0x0A and at[0] == 0x0D:
                return True
            at += 2
        elif at[3] == 0x0D:
            at += 1
        else:
            at += 4
    return False


cdef object straight(
    Bytes data, Py_ssize_t size, Py_ssize_t start, Py_ssize_t max_line, Py_ssize_t max_head, Py_ssize_t max_fields
):
    """The head as `parse_head` gives it, or None when the specification must look at it."""
    cdef Bytes at = data + start, end = data + size, mark, stop, question
    cdef unsigned char lower[LONGEST]
    cdef Py_ssize_t count = 0, i
    cdef long long length = 0
    cdef int minor
    cdef bint keep, expects = False
    cdef bytes method, path, query, name, value, host = None, body = None, coding = None, connection = None, expect = None
    cdef dict fields

    mark = at
    while at < end and LOWER[at[0]]:
        at += 1
    if at == mark or end - at < 2 or at[0] != 0x20 or at[1] != 0x2F:
        return None
    method = method_of(mark, at - mark)
    if method is CONNECT:
        return None
    mark = at + 1
    at = question = skip_target(mark, end, 1)
    if at < end and at[0] == 0x3F:
        at = skip_target(at + 1, end, 2)
    if end - at < 11 or memcmp(at, b" HTTP/1.", 8) != 0 or at[9] != 0x0D or at[10] != 0x0A:
        return None
    if at[8] < 0x30 or at[8] > 0x39:
        return None
    minor = at[8] != 0x30
    path = piece(mark, question - mark)
    query = piece(question + 1, at - question - 1) if question < at else b""
    at += 9
    if at - (data + start) > max_line:
        return None
    at += 2

    fields = {}
    while True:
        if end - at < 2:
            return None
        if at[0] == 0x0D:
            if at[1] != 0x0A:
                return None
            at += 2
            break
        count += 1
        mark = at
        while at < end and LOWER[at[0]]:
            if at - mark < LONGEST:
                lower[at - mark] = LOWER[at[0]]
            at += 1
        if at == end or at == mark or at[0] != 0x3A:
            return None
        name = name_of(mark, at - mark, lower)
        at += 1
        while at < end and (at[0] == 0x20 or at[0] == 0x09):
            at += 1
        mark = at
        at = skip_text(at, end, TEXT)
        if end - at < 2 or at[0] != 0x0D or at[1] != 0x0A:
            return None
        stop = at
        while stop > mark and ((stop - 1)[0] == 0x20 or (stop - 1)[0] == 0x09):
            stop -= 1
        value = piece(mark, stop - mark)
        fields[name] = value
        if name is HOST:
            host = value
        elif name is LENGTH:
            body = value
        elif name is CODING:
            coding = value
        elif name is CONNECTION:
            connection = value
        elif name is EXPECT:
            expect = value
        at += 2
    if len(fields) != count or count > max_fields or at - (data + start) > max_head:
        return None

    if host is None:
        if minor:
            return None
    else:
        mark = <Bytes>PyBytes_AS_STRING(host)
        if not is_plain_host(mark, PyBytes_GET_SIZE(host)):
            return None
    if body is not None:
        if coding is not None or PyBytes_GET_SIZE(body) > DIGITS or PyBytes_GET_SIZE(body) == 0:
            return None
        mark = <Bytes>PyBytes_AS_STRING(body)
        for i in range(PyBytes_GET_SIZE(body)):
            if mark[i] < 0x30 or mark[i] > 0x39:
                return None
            length = length * 10 + (mark[i] - 0x30)
    elif coding is not None:
        if not minor or not same(<Bytes>PyBytes_AS_STRING(coding), PyBytes_GET_SIZE(coding), b"chunked", 7):
            return None
        length = CHUNKED
    keep = minor
    if connection is not None:
        mark = <Bytes>PyBytes_AS_STRING(connection)
        if same(mark, PyBytes_GET_SIZE(connection), b"keep-alive", 10):
            keep = True
        elif same(mark, PyBytes_GET_SIZE(connection), b"close", 5):
            keep = False
        else:
            keep = specification._keep_alive(fields, minor)
    if expect is not None and minor:
        if not same(<Bytes>PyBytes_AS_STRING(expect), PyBytes_GET_SIZE(expect), b"100-continue", 12):
            return None
        expects = True
    return (
        at - data, method, path, query, b"" if host is None else host, fields, (), length, minor, keep, expects
    )


def parse_head(
    data, Py_ssize_t start, Py_ssize_t scanned, Py_ssize_t max_line, Py_ssize_t max_head, Py_ssize_t max_fields
):
    cdef Bytes text
    cdef Py_ssize_t size
    cdef object head = None
    locate(data, &text, &size)
    if 0 <= start < size and (scanned <= start or has_end(text + max(start, min(scanned, size) - 3), text + size)):
        head = straight(text, size, start, max_line, max_head, max_fields)
    if head is None:
        return specification.parse_head(data, start, scanned, max_line, max_head, max_fields)
    return head


def next_chunk(data, Py_ssize_t start, Py_ssize_t left, Py_ssize_t max_size):
    cdef Bytes text
    cdef Py_ssize_t size, at = start, owed = left, digits = 0, taken, payload, i
    cdef unsigned long long number = 0
    locate(data, &text, &size)
    if not 0 <= start <= size or left < 0 or max_size < 0:
        return specification.next_chunk(data, start, left, max_size)
    if left == 0:
        while at < size and digits < MAX_CHUNK_DIGITS and HEX[text[at]] >= 0:
            number = number << 4 | <unsigned long long>HEX[text[at]]
            digits += 1
            at += 1
        if (
            digits == 0 or size - at < 2 or text[at] != 0x0D or text[at + 1] != 0x0A
            or number > <unsigned long long>max_size
        ):
            return specification.next_chunk(data, start, left, max_size)
        at += 2
        if number == 0:
            return at, at, at, -1, 0
        owed = <Py_ssize_t>number + 2
    elif at == size:
        return None
    taken = min(owed, size - at)
    payload = max(0, min(taken, owed - 2))
    for i in range(payload, taken):
        if text[at + i] != (0x0D if i == owed - 2 else 0x0A):
            return specification.next_chunk(data, start, left, max_size)
    return at + taken, at, at + payload, owed - taken, 0


def skip_trailer(data, Py_ssize_t start, Py_ssize_t scanned):
    cdef Bytes text
    cdef Py_ssize_t size
    locate(data, &text, &size)
    if 0 <= start and size - start >= 2 and text[start] == 0x0D and text[start + 1] == 0x0A:
        return start + 2
    return specification.skip_trailer(data, start, scanned)


cdef inline char* put(char* into, const char* text, Py_ssize_t size) noexcept nogil:
    memcpy(into, text, size)
    return into + size


cdef inline char* put_bytes(char* into, bytes text) noexcept:
    return put(into, PyBytes_AS_STRING(text), PyBytes_GET_SIZE(text))


cdef inline bint is_text(bytes value) noexcept:
    cdef Bytes start = <Bytes>PyBytes_AS_STRING(value)
    cdef Bytes end = start + PyBytes_GET_SIZE(value)
    return skip_text(start, end, TEXT) == end


cdef inline bint is_free_name(bytes name):
    """Whether a response may set this field: a token, and none of those the engine sets itself."""
    cdef Bytes start = <Bytes>PyBytes_AS_STRING(name)
    cdef Py_ssize_t size = PyBytes_GET_SIZE(name), i
    cdef bytes own
    for i in range(size):
        if not LOWER[start[i]]:
            return False
    for own in OWN_FIELDS:
        if same(start, size, PyBytes_AS_STRING(own), PyBytes_GET_SIZE(own)):
            return False
    return size > 0


cdef Py_ssize_t size_of(tuple fields) except -1:
    """Bytes of these field lines; 0 when the specification must refuse one of them."""
    cdef Py_ssize_t size = 0
    cdef tuple field
    cdef bytes name, value
    for field in fields:
        name, value = field
        if not is_free_name(name) or not is_text(value):
            return 0
        size += PyBytes_GET_SIZE(name) + PyBytes_GET_SIZE(value) + 4
    return size


def encode_head(int status, bytes content_type not None, Py_ssize_t length, tuple fields not None,
                bytes ending not None, bytes body not None):
    cdef bytes line = STATUS_LINES.get(status), answer, name, value
    cdef char digits[24]
    cdef Py_ssize_t first = 24, size, number = length, extra = size_of(fields)
    cdef char* into
    if line is None or length < UNFRAMED or not is_text(content_type) or (fields and not extra):
        return specification.encode_head(status, content_type, length, fields, ending, body)
    size = PyBytes_GET_SIZE(line) + extra + PyBytes_GET_SIZE(ending) + 2 + PyBytes_GET_SIZE(body)
    if PyBytes_GET_SIZE(content_type):
        size += 16 + PyBytes_GET_SIZE(content_type)
    if length >= 0:
        while True:
            first -= 1
            digits[first] = <char>(0x30 + number % 10)
            number //= 10
            if number == 0:
                break
        size += 18 + (24 - first)
    elif length == CHUNKED:
        size += 28
    answer = PyBytes_FromStringAndSize(NULL, size)
    into = put_bytes(PyBytes_AS_STRING(answer), line)
    if PyBytes_GET_SIZE(content_type):
        into = put(put_bytes(put(into, b"Content-Type: ", 14), content_type), b"\r\n", 2)
    if length >= 0:
        into = put(put(put(into, b"Content-Length: ", 16), digits + first, 24 - first), b"\r\n", 2)
    elif length == CHUNKED:
        into = put(into, b"Transfer-Encoding: chunked\r\n", 28)
    for name, value in fields:
        into = put(put_bytes(put(put_bytes(into, name), b": ", 2), value), b"\r\n", 2)
    put_bytes(put(put_bytes(into, ending), b"\r\n", 2), body)
    return answer
