"""Tables for people on a terminal, and whole cells for whatever reads a pipe."""

from __future__ import annotations

import sys

from rich.console import Console
from rich.table import Table

_WIDE = 400


def print_table(table: Table) -> None:
    """Fit ``table`` to the terminal; into a pipe or file every cell goes whole."""
    Console(width=None if sys.stdout.isatty() else _WIDE).print(table)
