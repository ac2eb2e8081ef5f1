"""Where is the node that a command asks? Flag, environment, configuration file, default; without the other sections."""

import functools
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from erlmcp.node.exits import Exit, Refusal

__all__ = ["data_dir_of", "place_options"]


def place_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """`--data-dir` and `--config`, given to the command as `place`: the data directory."""

    @click.option("--data-dir", help="The node's data directory.  [node.data_dir, .erlmcp]")
    @click.option("--config", metavar="FILE", help="Configuration file.  [config/$ERLMCP_ENV.config]")
    @functools.wraps(command)
    def with_place(data_dir: str | None, config: str | None, **given: Any) -> Any:
        return command(place=data_dir_of(data_dir, config), **given)

    return with_place


def data_dir_of(flag: str | None, file: str | None) -> Path:
    """The directory that `erlmcp serve` with the same flags, in the same place, would use.

    Refusal(CONFIG) when the configuration does not say it readably.
    """
    if flag:
        return Path(flag)
    from erlmcp.config import ConfigError, load  # noqa: PLC0415 - a probe that names its directory needs no file
    from erlmcp.node.options import Options  # noqa: PLC0415

    try:
        found = load({"node": Options}, flags={}, environ=os.environ, path=Path(file) if file else None, partial=True)
    except ConfigError as fault:
        raise Refusal(Exit.CONFIG, str(fault)) from fault
    node: Options = found.section("node")
    return Path(node.data_dir)
