"""Several apps as one: notes and bookings under prefixes, and a provider for what changes. `erlmcp serve office:app`"""

import os
from pathlib import Path

from booking import app as booking
from notes import app as notes

from erlmcp import App
from erlmcp.mcp import Given

app = App("office", version="1.0", instructions="Notes, tables in restaurants, and what lies on the desk.")
app.mount(notes, "notes")
app.mount(booking, "booking")


@app.provider(kinds=["resources"], ttl=5)
def desk(given: Given) -> None:
    """The files on the desk, OFFICE_DESK: each worker looks for itself."""
    for path in sorted(Path(os.environ.get("OFFICE_DESK", ".")).glob("*.txt"))[:100]:
        given.resource(
            f"desk://{path.name}", name=path.name, mime_type="text/plain", description="A paper on the desk."
        )(path.read_text)
