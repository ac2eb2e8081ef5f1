"""What is wrong with a configuration although each of its sections is right: ports that meet, addresses that are none.

Pure. It knows what the keys mean to the doors; whether a port is free is found out when it is bound.
"""

from collections.abc import Callable, Iterator
from itertools import combinations

from erlmcp.http import Origins
from erlmcp.node.sections import Sections

__all__ = ["faults"]

Origin = Callable[[str], str]


def faults(whole: Sections, origin: Origin) -> list[str]:
    """One line per mistake; `origin` tells where a key's value comes from (`flag --port`, `default`)."""
    return [*_foreign_origins(whole, origin), *_shared_ports(whole, origin)]


def _foreign_origins(whole: Sections, origin: Origin) -> Iterator[str]:
    http = whole.http
    given = [("http.allowed_origins", url) for url in http.allowed_origins]
    given += [("http.public_url", http.public_url)] if http.public_url else []
    for key, url in given:
        try:
            Origins([url])
        except ValueError as fault:
            yield f"{origin(key)}: {key}: {fault}"


def _shared_ports(whole: Sections, origin: Origin) -> Iterator[str]:
    """The dashboard's port counts where somebody gave it: by itself it opens nothing that could be in the way."""
    doors = [("http.port", whole.http.host, whole.http.port)]
    if whole.metrics.enabled:
        doors.append(("metrics.port", whole.metrics.host, whole.metrics.port))
    if origin("dashboard.port") != "default":
        doors.append(("dashboard.port", whole.http.host, whole.dashboard.port))
    for (one, host, port), (other, its_host, its_port) in combinations(doors, 2):
        if port == its_port != 0 and _meet(host, its_host):
            first, second = (one, other) if origin(other) == "default" else (other, one)
            yield (
                f"{origin(first)}: {first} is {port}, and so is {second} ({origin(second)});"
                " each door needs a port of its own"
            )


def _meet(one: str, other: str) -> bool:
    """Whether a port can be taken at one of these addresses only. `::` takes IPv4 along, as Linux has it."""
    if one == other or "::" in {one, other}:
        return True
    return bool({one, other} & {"", "0.0.0.0"}) and ":" not in one + other
