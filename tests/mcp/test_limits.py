"""Limits on how often and how many at a time: what they say, how a process alone counts, how they are answered."""

import asyncio
from collections.abc import Callable

import pytest

from erlmcp import App
from erlmcp.http import Response
from erlmcp.mcp import LocalLimits, Options
from erlmcp.mcp.limits import Limit, Rate, RateLimited, digest, guarded, rate_of
from erlmcp.mcp.threads import Overloaded
from tests.mcp.author import call, context
from tests.mcp.limits_contract import LimitsContract
from tests.mcp.posts import call as calling
from tests.mcp.posts import endpoint, legacy, said


class TestLocalLimits(LimitsContract):
    @pytest.fixture
    def limits(self) -> LocalLimits:
        return LocalLimits()


@pytest.mark.parametrize(
    ("text", "rate"), [("10/s", Rate(10, 1.0)), ("100/min", Rate(100, 60.0)), ("1/h", Rate(1, 3600.0)), ("", None)]
)
def test_a_rate_is_read(text: str, rate: Rate | None) -> None:
    assert rate_of(text) == rate
    assert rate is None or str(rate) == text


@pytest.mark.parametrize("text", ["10", "0/s", "1.5/s", "10/day", "-1/s", "10/s ", "9999999/s"])
def test_what_is_no_rate_is_told(text: str) -> None:
    with pytest.raises(ValueError, match="a rate is written like 10/s"):
        rate_of(text)


def test_callers_beyond_the_bound_are_forgotten_and_the_memory_stays() -> None:
    limits = LocalLimits()
    for number in range(limits.CALLERS + 10):
        limits.wait(digest(str(number)), Rate(1, 3600.0), 1.0)
    assert len(limits._due) == limits.CALLERS


async def test_a_guard_lets_as_many_through_as_its_clock_says() -> None:
    now = [50.0]
    limits = LocalLimits()
    enter = guarded(lambda asked, ctx: b"x", "tool", Limit(Rate(2, 1.0)), lambda: limits, lambda: now[0])
    assert [enter(None, context()) for _ in range(2)] == [b"x", b"x"]
    with pytest.raises(RateLimited, match="tool may be called 2/s by each caller") as refused:
        enter(None, context())
    assert refused.value.retry_after == pytest.approx(0.5)
    assert enter(None, context(principal="another")) == b"x"
    now[0] += 0.51
    assert enter(None, context()) == b"x"


async def test_an_async_call_holds_its_place_until_it_ends_however_it_ends() -> None:
    app = App("a")
    going: list[asyncio.Event] = []

    @app.tool(max_concurrency=1, timeout=5)
    async def alone(fail: bool) -> str:
        event = asyncio.Event()
        going.append(event)
        await event.wait()
        if fail:
            raise KeyError("x")
        return "done"

    app.bind(Options())
    tool = app.tools.get("alone")
    assert tool is not None
    for fail in (False, True):
        first = asyncio.ensure_future(tool.call(b'{"fail":%b}' % (b"true" if fail else b"false"), context()))  # type: ignore[arg-type]
        await asyncio.sleep(0)
        with pytest.raises(Overloaded, match="tools/call alone is under way 1 times already"):
            tool.call(b'{"fail":false}', context())
        going[-1].set()
        await asyncio.wait([first])
        await asyncio.sleep(0)
        assert (first.exception() is not None) is fail
    third = asyncio.ensure_future(tool.call(b'{"fail":false}', context()))  # type: ignore[arg-type]
    third.cancel()
    await asyncio.wait([third])
    await asyncio.sleep(0)
    last = tool.call(b'{"fail":false}', context())
    assert not isinstance(last, bytes)
    asyncio.ensure_future(last).cancel()


async def test_an_inline_call_gives_its_place_back_when_it_fails() -> None:
    app = App("a")

    @app.tool(inline=True, max_concurrency=1)
    def fail() -> str:
        raise KeyError("x")

    app.bind(Options())
    for _ in range(2):
        with pytest.raises(KeyError):
            await call(app, "fail")


def limited() -> App:
    app = App("a")
    app.tool(lambda: "x", name="own", inline=True, rate_limit="1/h")
    app.tool(lambda: "x", name="usual", inline=True)
    return app


def answered(made: object) -> Response:
    assert isinstance(made, Response)
    return made


@pytest.mark.parametrize("ask", [calling, lambda name: legacy("tools/call", {"name": name})], ids=["modern", "legacy"])
def test_a_call_too_many_is_answered_429_with_when_to_come_again(ask: Callable[..., object]) -> None:
    door = endpoint(limited())
    assert answered(door(ask("own"))).status == 200  # type: ignore[arg-type]
    refused = answered(door(ask("own")))  # type: ignore[arg-type]
    assert refused.status == 429
    assert said(refused)["error"] == {
        "code": 429,
        "message": "Rate limited: tools/call own may be called 1/h by each caller",
    }
    assert 3598 <= int(dict(refused.headers)[b"retry-after"]) <= 3600
    assert [answered(door(ask("usual"))).status for _ in range(20)] == [200] * 20  # type: ignore[arg-type]


def test_the_operator_s_limit_is_every_tool_s_that_says_nothing_itself() -> None:
    door = endpoint(limited(), tool_rate_limit="2/h")
    assert [answered(door(calling("usual"))).status for _ in range(3)] == [200, 200, 429]
    assert [answered(door(calling("own"))).status for _ in range(2)] == [200, 429]


def test_a_limit_that_is_none_is_refused_at_registration() -> None:
    app = App("a")
    with pytest.raises(ValueError, match="a rate is written like"):
        app.tool(lambda: 1, name="x", rate_limit="often")
    for size in (0, 1001):
        with pytest.raises(ValueError, match="max_concurrency must be from 1 to 1000"):
            app.tool(lambda: 1, name="x", max_concurrency=size)
    app.tool(lambda: 1, name="x", max_concurrency=1000)
    with pytest.raises(ValueError, match="tool_rate_limit: a rate is written like"):
        Options(tool_rate_limit="often")
