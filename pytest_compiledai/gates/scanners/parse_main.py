"""Parses files as a program of its own, run by path, and prints the names of those that parse."""

from __future__ import annotations

import ast
import sys
import warnings
from pathlib import Path


def main(names: list[str]) -> None:
    """Parse the files ``names`` of the working directory, one after the other."""
    warnings.simplefilter("ignore")  # an odd escape in a file is no matter of ours
    for name in names:
        try:
            ast.parse(Path(name).read_text(encoding="utf-8"))
        except (SyntaxError, RecursionError, MemoryError, ValueError):
            continue
        print(name, flush=True)  # noqa: T201 - a later file may end the program


if __name__ == "__main__":
    main(sys.argv[1:])
