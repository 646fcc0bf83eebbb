"""A kernel that may start before the one it depends on has ended: programmatic dependent launch.

The text that passed the gates is kept but for lines that are added. One lets the next kernel start;
one waits for the kernel before, and stands before the first statement that touches anything but a
weight; loads of weights go in front of it (see ``ahead.py``), for weights never change in a step.
"""

from __future__ import annotations

import ast
from collections.abc import Collection
from collections.abc import Mapping
from typing import TYPE_CHECKING
from typing import Final

from pytest_compiledai.kernels.runtime.ahead import loads
from pytest_compiledai.kernels.runtime.ahead import names_read

if TYPE_CHECKING:
    from pytest_compiledai.kernels.candidate import Candidate

WAIT: Final = "tl.extra.cuda.gdc_wait()"
NEXT: Final = "tl.extra.cuda.gdc_launch_dependents()"


def dependent(candidate: Candidate, moving: Collection[str], weights: Collection[str] = ()) -> str:
    """Return the candidate's text with every launched kernel waiting where it has to.

    ``moving`` are the buffers that some kernel of the step writes, scratch included, and
    ``weights`` those that none does. A kernel that says itself when it waits is left as it is.
    Every kernel waits, whatever it reads: the one behind it relies on that. Raises ``ValueError``
    for a kernel of one line.
    """
    tree = ast.parse(candidate.source)
    functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    touching = _given(candidate, functions, moving)
    reading = _given(candidate, functions, weights)
    added: dict[int, list[str]] = {}
    for name, moved in touching.items():
        function = functions[name]
        if "gdc_wait" in ast.unparse(function):
            continue
        body = [node for node in function.body if not _is_text(node)]
        if not body or body[0].lineno == function.lineno:
            raise ValueError(f"{name}: no line of its own that it could wait at")
        wait = next((n for n, node in enumerate(body) if _touches(node, moved)), len(body) - 1)
        indent = " " * body[0].col_offset
        early = loads(body, wait, weights=reading[name] - moved, moving=moved)
        added.setdefault(body[0].lineno, []).append(indent + NEXT)
        lines = [indent + line for line in (*early, WAIT)]
        added.setdefault(body[wait].lineno, []).extend(lines)
    told: list[str] = []
    for number, line in enumerate(candidate.source.splitlines(), 1):
        told += [*added.get(number, ()), line]
    return "\n".join(told) + "\n"


def _given(
    candidate: Candidate, functions: Mapping[str, ast.FunctionDef], buffers: Collection[str]
) -> dict[str, set[str]]:
    """Return, by kernel, the parameters that some launch gives one of ``buffers``."""
    found: dict[str, set[str]] = {}
    for launch in candidate.launches:
        parameters = [argument.arg for argument in functions[launch.kernel].args.args]
        given = {parameters[n] for n, name in enumerate(launch.arguments) if name in buffers}
        found.setdefault(launch.kernel, set()).update(given)
    return found


def _touches(node: ast.stmt, names: Collection[str]) -> bool:
    return any(name in names for name in names_read(node))


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
