"""How many files and sockets this process may have open. The usual soft limit, 1024, is from the days of select(2)."""

import resource

__all__ = ["allow"]

UNLIMITED = resource.RLIM_INFINITY


def allow(wanted: int) -> None:
    """Raise the soft limit to `wanted`, as far as the hard limit lets it; it is never lowered."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = wanted if hard == UNLIMITED else min(wanted, hard)
    if soft != UNLIMITED and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
