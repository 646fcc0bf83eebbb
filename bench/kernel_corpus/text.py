"""What the text of a program with host code shows; nothing of it is executed.

The gates of a kernel would refuse every such program; the rules here ask the narrower question of
an audit: does the program compute by a library what its kernel should, does it change the
framework for its judge, does it hand out a remembered answer, can it be launched at all.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from collections.abc import Iterator

_PRODUCTS = {
    "mm",
    "bmm",
    "matmul",
    "einsum",
    "addmm",
    "baddbmm",
    "linear",
    "_scaled_mm",
    "tensordot",
}
_NATIVE_PRODUCT = re.compile(
    r"\bat::(?:mm|bmm|matmul|addmm|linear|_scaled_mm)\b|\bcublas(?:Lt)?[A-Z]"
)
_NATIVE_KERNEL = re.compile(r"__global__\s+(?:void|__launch_bounds__)")
_SIDECAR = re.compile(r"\.(?:cu|cuh|cpp)\b")


def findings(source: str) -> list[str]:
    """Return the names of the rules a program breaks; an empty file breaks none."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return ["unreadable"]
    if not tree.body:
        return []
    return [name for name, rule in RULES.items() if rule(tree, source)]


def _own_kernels(tree: ast.Module) -> list[ast.FunctionDef]:
    return [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef)
        and any("jit" in ast.unparse(decorator).split("(")[0] for decorator in node.decorator_list)
    ]


def _products(tree: ast.AST) -> Iterator[ast.AST]:
    """Yield the matrix products of host code."""
    for node in ast.walk(tree):
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult):
            yield node
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            owner = ast.unparse(node.func.value)
            if node.func.attr in _PRODUCTS and not owner.startswith(("tl", "triton")):
                yield node


def _has_native(source: str) -> bool:
    return bool(_NATIVE_KERNEL.search(source) or _SIDECAR.search(source))


def _no_kernel(tree: ast.Module, source: str) -> bool:
    """Nothing in the program is a kernel of its own."""
    return not _own_kernels(tree) and not _has_native(source)


def _library_does_the_work(tree: ast.Module, source: str) -> bool:
    """Say whether a product runs in a library and no kernel multiplies or sums anything."""
    if _NATIVE_PRODUCT.search(source) and not _NATIVE_KERNEL.search(source):
        return True
    host = any(True for _ in _products(_host(tree)))
    if not host or _has_native(source):
        return False
    texts = [ast.unparse(kernel) for kernel in _own_kernels(tree)]
    return not any(re.search(r"\btl\.(?:dot|sum|reduce)\b|inline_asm", text) for text in texts)


def _host(tree: ast.Module) -> ast.Module:
    kernels = {id(node) for node in _own_kernels(tree)}
    kept = [node for node in tree.body if id(node) not in kernels]
    return ast.Module(body=kept, type_ignores=[])


#: Assignments that change no answer of the framework: a default said again, how weights that the
#: judge overwrites are first drawn, which algorithm of equal results is taken.
_HARMLESS = re.compile(r"torch\.(?:nn\.init\.|backends\.cudnn\.benchmark\b|.*allow_tf32 = False)")


def _changes_the_framework(tree: ast.Module, _: str) -> bool:
    """At import or later an attribute of torch is assigned: the judge's own reference changes."""
    return any(
        isinstance(target, ast.Attribute)
        and ast.unparse(target).startswith("torch.")
        and not _HARMLESS.match(f"{ast.unparse(target)} = {ast.unparse(node.value)}")
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign)
        for target in node.targets
    )


def _remembers_an_answer(tree: ast.Module, _: str) -> bool:
    """Say whether a call returns what an earlier one stored, for an input that is the same."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.If) or not _by_identity(node.test):
            continue
        returned = [inner for inner in node.body if isinstance(inner, ast.Return)]
        calls = [
            inner for part in node.body for inner in ast.walk(part) if isinstance(inner, ast.Call)
        ]
        if returned and not calls and isinstance(returned[0].value, (ast.Attribute, ast.Subscript)):
            return True
    return False


def _by_identity(test: ast.expr) -> bool:
    """Return whether a test compares an argument with something kept, by object or address."""
    for node in ast.walk(test):
        if not isinstance(node, ast.Compare):
            continue
        sides = [node.left, *node.comparators]
        none = any(isinstance(side, ast.Constant) for side in sides)
        kept = any("self." in ast.unparse(side) for side in sides)
        same = any(isinstance(op, ast.Is) for op in node.ops)
        address = any("data_ptr" in ast.unparse(side) for side in sides)
        if kept and not none and (same or address):
            return True
    return False


def _conflicting_tuning(tree: ast.Module, _: str) -> bool:
    """Say whether a launch states a constant that its tuning sets too: it cannot be launched."""
    for kernel in _own_kernels(tree):
        tuned = {
            key.value
            for decorator in kernel.decorator_list
            if "autotune" in ast.unparse(decorator)
            for node in ast.walk(decorator)
            if isinstance(node, ast.Dict)
            for key in node.keys
            if isinstance(key, ast.Constant)
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Subscript):
                given = {keyword.arg for keyword in node.keywords}
                if ast.unparse(node.func.value) == kernel.name and tuned & given:
                    return True
    return False


RULES: dict[str, Callable[[ast.Module, str], bool]] = {
    "no-kernel": _no_kernel,
    "library": _library_does_the_work,
    "patch": _changes_the_framework,
    "memory": _remembers_an_answer,
    "tuning": _conflicting_tuning,
}
