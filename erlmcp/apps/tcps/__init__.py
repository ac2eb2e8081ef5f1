"""TCPS as an MCP app: the production line's commands and views as tools and resources.

Written against the public API, as a stranger's app would be. It decides nothing: the line does.
"""

from erlmcp import App, __version__
from erlmcp.apps.tcps.desk import Desk
from erlmcp.apps.tcps.kanban import Kanban
from erlmcp.apps.tcps.receipts import Receipts
from erlmcp.apps.tcps.work_orders import WorkOrders
from erlmcp.tcps import Line, Views

__all__ = ["build"]

INSTRUCTIONS = """\
This is a production line. Demand comes in as a signal and becomes a work order (work_order_create); a work order is \
pulled into one of a few slots of its bucket (work_order_pull_next, work_order_pull, work_order_start), made, and \
completed (work_order_complete) or given back (work_order_release). A bucket without a free slot refuses: finish work \
before you start more. Everything that happens leaves a receipt.
A refusal carries code, message and next: do what next says. Give whatever changes something an idempotency_key that \
you make up, and repeat a call whose answer you never got with the same key: it is carried out once.
See the whole line in the resource tcps://board or with kanban_status."""


def build(line: Line, views: Views) -> App:
    """The app of one process: `line` executes its commands, `views` read what it shows."""
    app = App("tcps", version=__version__, title="TCPS production line", instructions=INSTRUCTIONS)
    desk = Desk(line, views)
    WorkOrders(desk).offer(app)
    Kanban(desk).offer(app)
    Receipts(desk).offer(app)
    return app
