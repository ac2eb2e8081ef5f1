"""The limits that an operator may set: what their types let through is what the engine can take."""

import msgspec
import pytest

from erlmcp.http import Options
from tests.http.fakes import get, running, say

NUMBERS = [field.name for field in msgspec.structs.fields(Options)]


def bounds(name: str) -> tuple[float | None, float | None]:
    """The least and the most that a field's type allows."""
    kind = {field.name: field.type for field in msgspec.inspect.type_info(Options).fields}[name]
    kind = getattr(kind, "type", kind)
    return kind.ge, kind.le


@pytest.mark.parametrize("name", [name for name in NUMBERS if bounds(name)[1] is not None])
async def test_the_largest_value_works_and_a_larger_one_is_refused(name: str) -> None:
    most = bounds(name)[1]
    async with running(say(), msgspec.convert({name: most}, Options)) as server:
        client = await server.client()
        await client.send(get())
        assert (await client.response())[0] == 200
    with pytest.raises(msgspec.ValidationError, match=f"<= {most}"):
        msgspec.convert({name: most + 1}, Options)


def test_every_whole_number_has_a_largest_value() -> None:
    whole = [field.name for field in msgspec.structs.fields(Options) if isinstance(field.default, int)]
    assert [name for name in whole if bounds(name)[1] is None] == []
