# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False, cdivision=True
"""The compiled twin of `access.py`, which is the specification: here is only the straight way through a usual exchange.

Text that needs an escape, a path that is cut and numbers out of the ordinary are handed to the specification.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.mem cimport PyMem_Free, PyMem_Realloc
from libc.math cimport rint
from libc.string cimport memcpy

from erlmcp._speedups import access as specification
from erlmcp._speedups import tables

cdef extern from "Python.h":
    const char* PyUnicode_AsUTF8AndSize(object text, Py_ssize_t* size) except NULL

cdef Py_ssize_t PATH_MOST = tables.ACCESS_PATH_MOST
cdef double FAR = 253402300800000.0  # milliseconds to the year 10000; in microseconds, eight years

cdef struct Text:
    char* start
    Py_ssize_t size
    Py_ssize_t room


cdef inline int put(Text* out, const char* text, Py_ssize_t size) except -1:
    cdef char* moved
    cdef Py_ssize_t room
    if out.size + size > out.room:
        room = 2 * (out.size + size) + 4096
        moved = <char*>PyMem_Realloc(out.start, room)
        if moved == NULL:
            raise MemoryError
        out.start, out.room = moved, room
    memcpy(out.start + out.size, text, size)
    out.size += size
    return 0


cdef inline int put_bytes(Text* out, bytes text) except -1:
    return put(out, PyBytes_AS_STRING(text), PyBytes_GET_SIZE(text))


cdef inline int put_number(Text* out, long long number, int least) except -1:
    """At least so many digits."""
    cdef char digits[24]
    cdef int first = 24
    while number or least > 0:
        first -= 1
        least -= 1
        digits[first] = <char>(0x30 + number % 10)
        number //= 10
    return put(out, digits + first, 24 - first)


cdef inline bint is_plain(bytes text):
    """Whether a JSON string holds these bytes as they are."""
    cdef const unsigned char* at = <const unsigned char*>PyBytes_AS_STRING(text)
    cdef const unsigned char* end = at + PyBytes_GET_SIZE(text)
    while at < end:
        if at[0] < 0x20 or at[0] > 0x7E or at[0] == 0x22 or at[0] == 0x5C:
            return False
        at += 1
    return True


cdef inline int put_quoted(Text* out, bytes text) except -1:
    if not is_plain(text):
        return put_bytes(out, specification.quoted(text))
    put(out, b'"', 1)
    put_bytes(out, text)
    return put(out, b'"', 1)


cdef int put_answered(Text* out, bytes method, bytes path, long long status, long long sent) except -1:
    put(out, b'","method":', 11)
    put_quoted(out, method)
    put(out, b',"path":', 8)
    if PyBytes_GET_SIZE(path) > PATH_MOST:
        put_bytes(out, specification.shown(path))
    else:
        put_quoted(out, path)
    put(out, b',"status":', 10)
    put_number(out, status, 1)
    put(out, b',"bytes":', 9)
    put_number(out, sent, 1)
    return put(out, b',"ms":', 6)


cdef int put_lines(Text* out, object exchanges, double wall, bytes bound) except -1:
    cdef double ended, elapsed, unix, took
    cdef long long status, sent, at = -1, millis, micros
    cdef bytes method, path, name, stamp = b"", middle = specification.MIDDLE % bound
    cdef str peer
    cdef Py_ssize_t size
    cdef const char* text
    for exchange in exchanges:
        ended, elapsed, method, path, status, sent, peer, name = exchange
        unix, took = (ended + wall) * 1000, rint(elapsed * 1e6)
        if not (0 <= unix < FAR and 0 <= took < FAR and status >= 0 and sent >= 0):
            put_bytes(out, specification.access_lines([exchange], wall, bound))
            continue
        millis, micros = <long long>unix, <long long>took
        if millis // 1000 != at:
            at = millis // 1000
            stamp = specification.second(at)
        put(out, b'{"ts":"', 7)
        put_bytes(out, stamp)
        put(out, b".", 1)
        put_number(out, millis % 1000, 3)
        put_bytes(out, middle)
        text = PyUnicode_AsUTF8AndSize(peer, &size)
        put(out, text, size)
        put_answered(out, method, path, status, sent)
        put_number(out, micros // 1000, 1)
        put(out, b".", 1)
        put_number(out, micros % 1000, 3)
        if name is not None:
            put(out, b',"request_id":', 14)
            put_quoted(out, name)
        put(out, b"}\n", 2)
    return 0


def access_lines(exchanges not None, double wall, bytes bound not None):
    cdef Text out
    out.start, out.size, out.room = NULL, 0, 0
    try:
        put_lines(&out, exchanges, wall, bound)
        return PyBytes_FromStringAndSize(out.start, out.size)
    finally:
        PyMem_Free(out.start)
