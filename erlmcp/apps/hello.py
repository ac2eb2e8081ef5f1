"""The smallest app: a tool, a resource and a prompt. `erlmcp serve erlmcp.apps.hello:app` serves it."""

from erlmcp import App

app = App("hello", version="1.0", instructions="Call `add` to add two integers.")


@app.tool(inline=True)
def add(a: int, b: int) -> int:
    """Add two integers."""
    return a + b


@app.resource("hello://{name}", inline=True)
def greeting(name: str) -> str:
    """A greeting for anybody."""
    return f"Hello, {name}!"


@app.prompt(inline=True)
def introduce(name: str) -> str:
    """Ask the model to introduce somebody."""
    return f"Introduce {name} in one sentence."
