"""`erlmcp tcps receipt`: what happened, and whether the record of it is whole."""

from pathlib import Path
from typing import Any

import click

from erlmcp.cli.grammar import CONTEXT, Words
from erlmcp.cli.tcps import show
from erlmcp.cli.tcps.grammar import asks
from erlmcp.cli.tcps.terminal import Terminal
from erlmcp.node.exits import Exit, Refusal

__all__ = ["receipt"]

FILE = click.Path(dir_okay=False, path_type=Path)

receipt = Words(
    "receipt",
    help="""Look at the receipts of what happened, and verify their chain.

\b
Examples:
  erlmcp tcps receipt list --work-order-id WO-01J9ZK3M
  erlmcp tcps receipt verify
  erlmcp tcps receipt export -o receipts.jsonl
""",
)


@receipt.command(context_settings=CONTEXT)
@click.argument("seq", type=int)
@asks
def get(terminal: Terminal, seq: int) -> None:
    """Show one receipt; in JSON exactly as it was hashed.

    \b
    Examples:
      erlmcp tcps receipt get 1
      erlmcp tcps receipt get 1 --format json | jq .receipt.hash
    """
    document = terminal.call("receipt_get", seq=seq)
    terminal.show(document, lambda: show.receipt(document))


@receipt.command("list", context_settings=CONTEXT)
@click.option("--work-order-id", metavar="ID", help="Only those of this work order.")
@click.option("--sku-id", metavar="ID", help="Only those of this sku.")
@click.option("--type", metavar="TYPE", help="Only those of this type, like work_order_complete.")
@click.option("--limit", type=int, help="How many at most, 1 to 200.  [50]")
@click.option("--cursor", help="Where the page before ended; it said so.")
@asks
def list_(terminal: Terminal, **given: Any) -> None:
    """List receipts, the newest first.

    \b
    Examples:
      erlmcp tcps receipt list --limit 10
      erlmcp tcps receipt list --type work_order_start_refused
      erlmcp tcps receipt list --format jsonl > receipts.jsonl
    """
    document = terminal.call("receipt_list", **given)
    terminal.show(document, lambda: show.receipts(document), "receipts")


@receipt.command(context_settings=CONTEXT)
@click.argument("file", type=FILE, required=False)
@click.option("--from-seq", type=int, help="The first receipt to verify.  [the beginning of the chain]")
@click.option("--to-seq", type=int, help="The last one.  [the end of the chain]")
@click.option(
    "--checkpoint", "checkpoints", type=FILE, multiple=True, help="A signed checkpoint that FILE must hold; repeatable."
)
@click.option("--key", "keys", type=FILE, multiple=True, help="The public key, PEM, that signed them; repeatable.")
@asks
def verify(
    terminal: Terminal,
    file: Path | None,
    from_seq: int | None,
    to_seq: int | None,
    checkpoints: tuple[Path, ...],
    keys: tuple[Path, ...],
) -> int:
    """Verify that the chain of receipts is whole: exit code 0, or 1 and the first that does not hold.

    With FILE, an export, it needs no server and no database: nothing but FILE, and the checkpoints and the public key
    that were kept elsewhere. Only they can show that the end was cut off, or that all of it was written anew. Several
    checkpoints locate a rewrite between two of them.

    \b
    Examples:
      erlmcp tcps receipt verify
      erlmcp tcps receipt verify receipts.jsonl --checkpoint head.json --key checkpoint.pub
    """
    if file is None:
        if checkpoints or keys:
            raise click.UsageError("checkpoints and keys are for a FILE: export one with erlmcp tcps receipt export.")
        document = terminal.call("receipt_verify", from_seq=from_seq, to_seq=to_seq)
    else:
        if to_seq is not None:
            raise click.UsageError("a FILE is verified to its end: --to-seq is for the server.")
        from erlmcp.cli.tcps.files import verify_export  # noqa: PLC0415 - most commands need no store

        document = verify_export(file, checkpoints, keys, from_seq)
        if document["keys"] and not document["trusted"]:
            click.echo(
                f"the checkpoints name the key {document['keys'][0]}: hold them to your own copy with --key", err=True
            )
    terminal.show(document, lambda: [show.verification(document)])
    return Exit.OK if document["chain"] == "ok" else Exit.NEGATIVE


@receipt.command(context_settings=CONTEXT)
@click.option("-o", "--output", type=FILE, required=True, help="The file to write, `-` for standard output.")
@click.option("--from-seq", type=click.IntRange(min=1), default=1, help="The first receipt.  [the beginning]")
@click.option("--to-seq", type=click.IntRange(min=1), help="The last one.  [the end of the chain]")
@click.option("--data-dir", type=click.Path(file_okay=False, path_type=Path), help="Read this, instead of a server.")
@asks
def export(terminal: Terminal, output: Path, from_seq: int, to_seq: int | None, data_dir: Path | None) -> None:
    """Write the receipts to a file, a line each, exactly as they were hashed.

    From the server, or with --data-dir straight from the database, beside a running node or without one.

    \b
    Examples:
      erlmcp tcps receipt export -o receipts.jsonl
      erlmcp tcps receipt export --data-dir /var/lib/erlmcp -o - | zstd > receipts.jsonl.zst
    """
    from erlmcp.cli.tcps import files  # noqa: PLC0415 - most commands need no store

    with files.writing(output) as file:
        if data_dir is None:
            count = files.export_from_server(terminal.call, file.write, from_seq, to_seq)
        else:
            count = files.export_from_directory(data_dir, file.write, from_seq, to_seq)
    click.echo(f"{count} receipts", err=True)


@receipt.command(context_settings=CONTEXT)
@click.option("-o", "--output", type=FILE, required=True, help="The file to write.")
@click.option("--data-dir", type=click.Path(file_okay=False, path_type=Path), help="Read this, instead of a server.")
@asks
def checkpoint(terminal: Terminal, output: Path, data_dir: Path | None) -> None:
    """Write the newest signed checkpoint of the chain to a file, and the public key that it names beside it, in PEM.

    Keep them where the database is not. Keep the first key that you got: a checkpoint that another key signed is no
    proof. `erlmcp tcps tpm run daily` makes one, and the line one a day by itself.

    \b
    Examples:
      erlmcp tcps receipt checkpoint -o head.json
      erlmcp tcps receipt checkpoint --data-dir /var/lib/erlmcp -o /mnt/elsewhere/$(date +%F).json
    """
    from erlmcp.cli.tcps import files  # noqa: PLC0415 - most commands need no store

    if data_dir is None:
        found = terminal.call("tpm_health")["tpm_health"]["checkpoint"]
    else:
        found = files.checkpoint_of_directory(data_dir)
    if found is None:
        raise Refusal(Exit.NOT_FOUND, "no checkpoint was made yet\nnext: run `erlmcp tcps tpm run daily`")
    key = files.write_checkpoint(found, output)
    click.echo(f"receipt {found['seq']} at {found['at']}, public key in {key}", err=True)
