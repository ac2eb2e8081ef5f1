"""The apps that conversations are held with, beside the sample of tests.mcp.posts."""

from erlmcp import App
from tests.serving import ROOT


def skilled() -> App:
    """Two skills, from the folder of the conformance fixture."""
    app = App("skilled", version="1")
    app.skills(ROOT / "tests" / "conformance" / "skills")
    return app
