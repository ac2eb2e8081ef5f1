"""`erlmcp tcps`: the production line in the words of the command line, a client of the running server.

It knows tools by their names and nothing of the line itself: what may be done, the server says.
"""

from erlmcp.cli.grammar import Commands

__all__ = ["tcps"]

tcps = Commands(
    "tcps",
    modules={
        "andon": "erlmcp.cli.tcps.andon",
        "example": "erlmcp.cli.tcps.simulate",
        "gate": "erlmcp.cli.tcps.gate",
        "heijunka": "erlmcp.cli.tcps.heijunka",
        "kaizen": "erlmcp.cli.tcps.kaizen",
        "kanban": "erlmcp.cli.tcps.kanban",
        "receipt": "erlmcp.cli.tcps.receipt",
        "root-cause": "erlmcp.cli.tcps.root_cause",
        "simulate": "erlmcp.cli.tcps.simulate",
        "sku": "erlmcp.cli.tcps.sku",
        "status": "erlmcp.cli.tcps.status",
        "tpm": "erlmcp.cli.tcps.tpm",
        "work-order": "erlmcp.cli.tcps.work_order",
    },
    short_help="Work on the production line of a running server.",
    help="""Work on the production line of a running server: work orders, skus and their gates, andons, receipts.

\b
Examples:
  erlmcp tcps status
  erlmcp tcps work-order create --signal-type internal --title "Rotate keys"
  erlmcp tcps gate run compilation --sku SKU-01J9ZK3M -- make
""",
    epilog="""\b
Exit codes:
    0  done
    1  the answer is no: a gate failed, the chain of receipts is broken, or the server failed
    2  a flag or an argument is wrong
    3  there is no such work order, sku, andon or receipt
    4  a conflict: the line is stopped, a gate has not run, no slot is free, or status or version do not allow it
    6  no server answers, or it is overloaded
   65  a file of evidence is missing, empty, malformed or older than the command that was to write it
  124  it did not answer in time
  130  interrupted
""",
)
