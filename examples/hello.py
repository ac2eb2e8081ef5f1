"""The smallest server: a tool, a resource and a prompt. `erlmcp serve hello:app`"""

from erlmcp import App

app = App("hello", version="1.0", instructions="Call `add` to add, read hello://NAME for a greeting.")


@app.tool(inline=True, annotations={"readOnlyHint": True})
def add(a: int, b: int) -> int:
    """Add two integers.

    Args:
        a: the first
        b: the second
    """
    return a + b


@app.resource("hello://{name}", mime_type="text/plain", inline=True)
def greeting(name: str) -> str:
    """A greeting for anybody."""
    return f"Hello, {name}!"


@app.prompt(inline=True)
def introduce(name: str) -> str:
    """Ask the model to introduce somebody.

    Args:
        name: who it is
    """
    return f"Introduce {name} in one sentence."
