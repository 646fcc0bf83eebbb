"""A kernel that may start before the one it depends on has ended: programmatic dependent launch.

The text that passed the gates is kept but for two lines. The first lets the next kernel start; the
second waits for the kernel before, and stands before the first statement that touches anything but
a weight. Weights never change within a step, so what a kernel reads of them may be read early.
"""

from __future__ import annotations

import ast
from collections.abc import Collection
from collections.abc import Iterator
from collections.abc import Mapping
from typing import TYPE_CHECKING
from typing import Final

if TYPE_CHECKING:
    from pytest_compiledai.kernels.candidate import Candidate

WAIT: Final = "tl.extra.cuda.gdc_wait()"
NEXT: Final = "tl.extra.cuda.gdc_launch_dependents()"


def dependent(candidate: Candidate, moving: Collection[str]) -> str:
    """Return the candidate's text with every launched kernel waiting where it has to.

    ``moving`` are the buffers that some kernel of the step writes, scratch included. A kernel that
    says itself when it waits is left as it is. Every kernel waits, whatever it reads: the one
    behind it relies on that.
    """
    tree = ast.parse(candidate.source)
    functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    lines = candidate.source.splitlines()
    added: dict[int, list[str]] = {}
    for name, touching in _given(candidate, functions, moving).items():
        function = functions[name]
        body = [node for node in function.body if not _is_text(node)]
        if "gdc_wait" in ast.unparse(function):
            continue
        touched = next((node for node in body if _touches(node, touching)), body[-1])
        indent = " " * body[0].col_offset
        added.setdefault(body[0].lineno, []).append(indent + NEXT)
        added.setdefault(touched.lineno, []).append(indent + WAIT)
    told = [line for number, text in enumerate(lines, 1) for line in (*added.get(number, ()), text)]
    return "\n".join(told) + "\n"


def _given(
    candidate: Candidate, functions: Mapping[str, ast.FunctionDef], moving: Collection[str]
) -> dict[str, set[str]]:
    """Return, by kernel, the parameters that are given a buffer of ``moving``."""
    found: dict[str, set[str]] = {}
    for launch in candidate.launches:
        parameters = [argument.arg for argument in functions[launch.kernel].args.args]
        given = {parameters[n] for n, name in enumerate(launch.arguments) if name in moving}
        found.setdefault(launch.kernel, set()).update(given)
    return found


def _touches(node: ast.stmt, names: Collection[str]) -> bool:
    return any(name in names for name in _read(node))


def _read(node: ast.AST) -> Iterator[str]:
    """Yield the names of a statement whose values matter; a pointer's type is known before."""
    if isinstance(node, ast.Attribute) and node.attr == "dtype":
        return
    if isinstance(node, ast.Name):
        yield node.id
    for child in ast.iter_child_nodes(node):
        yield from _read(child)


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
