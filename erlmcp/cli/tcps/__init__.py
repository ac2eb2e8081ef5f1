"""`erlmcp tcps`: the production line in the words of the command line, a client of the running server.

It knows tools by their names and nothing of the line itself: what may be done, the server says.
"""

from erlmcp.cli.grammar import Words
from erlmcp.cli.tcps.kanban import kanban
from erlmcp.cli.tcps.receipt import receipt
from erlmcp.cli.tcps.status import status
from erlmcp.cli.tcps.tpm import tpm
from erlmcp.cli.tcps.work_order import work_order

__all__ = ["tcps"]

tcps = Words(
    "tcps",
    commands={"status": status, "work-order": work_order, "kanban": kanban, "receipt": receipt, "tpm": tpm},
    short_help="Work on the production line of a running server.",
    help="""Work on the production line of a running server: work orders, kanban, receipts.

\b
Examples:
  erlmcp tcps status
  erlmcp tcps work-order create --signal-type internal --title "Rotate keys"
  erlmcp tcps work-order pull security --assignee ada
""",
    epilog="""\b
Exit codes:
    0  done
    1  the answer is no: the chain of receipts is broken, or the server failed
    2  a flag or an argument is wrong
    3  there is no such work order or receipt
    4  a conflict: no free slot, or the order's status or version does not allow it
    6  no server answers, or it is overloaded
  124  it did not answer in time
  130  interrupted
""",
)
