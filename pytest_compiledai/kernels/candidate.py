"""A candidate: kernels in one source file, and their launches as data in its head.

There is no host code. What is launched, over which grid and with which arguments stands in the
file as plain data, so a wrapper that caches, patches, times or falls back has no place to be.

A Triton file states ``LAUNCH = [...]``, and ``SCRATCH = {...}`` and ``REQUIRES = [...]`` where it
needs them; a C++ or CUDA file states the same as JSON in its first comment, ``/* launch {...} */``.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from typing import Any
from typing import Literal

from pytest_compiledai.core.parsing import parse
from pytest_compiledai.kernels import expression
from pytest_compiledai.kernels.contract import Contract

Language = Literal["triton", "cuda", "cpp"]
LANGUAGES: Mapping[str, Language] = {".py": "triton", ".cu": "cuda", ".cpp": "cpp"}
_HEAD = re.compile(r"\A\s*/\*\s*launch\b(.*?)\*/", re.DOTALL)
_NAMES = ("LAUNCH", "SCRATCH", "REQUIRES")
_LAUNCH_KEYS = {
    "kernel",
    "grid",
    "args",
    "constexprs",
    "num_warps",
    "num_stages",
    "block",
    "shared",
}
_DTYPES = ("float32", "float16", "bfloat16", "int32", "int64", "any")
_LARGEST_DIVISOR = 4096
_MOST_LAUNCHES = 8


class MalformedError(ValueError):
    """A candidate's head is not what the gates can read; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """One launch of one kernel, in expressions over the region's dimensions."""

    kernel: str
    grid: tuple[str | int, ...]
    arguments: tuple[str | int, ...]  # tensors, scratch, numbers by name; else an expression
    constants: Mapping[str, str | int] = field(default_factory=dict)
    warps: int = 4
    stages: int = 3
    block: tuple[str | int, ...] = ()  # threads, CUDA only
    shared: str | int = 0  # bytes of dynamic shared memory, CUDA only


@dataclass(frozen=True, slots=True, kw_only=True)
class Scratch:
    """Memory between the launches of one call; holds NaN before the first."""

    name: str
    shape: tuple[str | int, ...]
    dtype: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One proposed implementation of a region."""

    source: str
    language: Language
    launches: tuple[Launch, ...]
    scratch: tuple[Scratch, ...] = ()
    requires: tuple[str, ...] = ()  # what must hold of the dimensions, else the fallback runs
    parameters: Mapping[str, Any] = field(default_factory=dict)  # of the template, for reports

    def serves(self, dims: Mapping[str, int]) -> bool:
        """Return whether the declared guard lets these sizes through."""
        return all(expression.value(rule, dims) for rule in self.requires)


def read(source: str, language: Language, contract: Contract) -> Candidate:
    """Return the candidate a text states; raises ``MalformedError``."""
    head = _triton_head(source) if language == "triton" else _comment_head(source)
    if unknown := sorted(set(head) - set(_NAMES)):
        raise MalformedError(f"unknown key {unknown[0]!r}; known are {', '.join(_NAMES)}")
    launches = head.get("LAUNCH")
    if not isinstance(launches, list) or not 1 <= len(launches) <= _MOST_LAUNCHES:
        raise MalformedError(f"LAUNCH must be a list of 1 to {_MOST_LAUNCHES} launches")
    candidate = Candidate(
        source=source,
        language=language,
        launches=tuple(_launch(item) for item in launches),
        scratch=_scratch(head.get("SCRATCH", {})),
        requires=_requires(head.get("REQUIRES", []), contract),
    )
    _check(candidate, contract)
    return candidate


def _triton_head(source: str) -> dict[str, Any]:
    try:
        tree = parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise MalformedError(f"no Python: {error}") from error
    head: dict[str, Any] = {}
    for node in tree.body:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)]) if name in _NAMES:
                if name in head:
                    raise MalformedError(f"{name} is stated twice")
                try:
                    head[name] = ast.literal_eval(node.value)
                except (ValueError, TypeError, RecursionError) as error:
                    raise MalformedError(f"{name} must be plain data") from error
    return head


def _comment_head(source: str) -> dict[str, Any]:
    found = _HEAD.match(source)
    if found is None:
        raise MalformedError("no /* launch {...} */ comment at the head of the file")
    try:
        head = json.loads(found[1])
    except ValueError as error:
        raise MalformedError(f"the launch comment is no JSON: {error}") from error
    if not isinstance(head, dict):
        raise MalformedError("the launch comment must be an object")
    return head


def _launch(item: Any) -> Launch:
    if not isinstance(item, dict) or not isinstance(item.get("kernel"), str):
        raise MalformedError("a launch must be an object that names its kernel")
    if unknown := sorted(map(str, set(item) - _LAUNCH_KEYS)):
        raise MalformedError(f"unknown key {unknown[0]!r} in the launch of {item['kernel']}")
    constants = item.get("constexprs", {})
    if not isinstance(constants, dict):
        raise MalformedError(f"constexprs of {item['kernel']} must be an object")
    return Launch(
        kernel=item["kernel"],
        grid=_expressions(item.get("grid", [1]), "grid", most=3),
        arguments=_expressions(item.get("args", []), "args", most=64),
        constants={str(k): _expression(v, f"constexpr {k}") for k, v in constants.items()},
        warps=_number(item.get("num_warps", 4), "num_warps", (1, 2, 4, 8, 16)),
        stages=_number(item.get("num_stages", 3), "num_stages", range(1, 8)),
        block=_expressions(item.get("block", []), "block", most=3),
        shared=_expression(item.get("shared", 0), "shared"),
    )


def _number(value: Any, what: str, allowed: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value not in allowed:
        raise MalformedError(f"{what} {value!r} is none of {list(allowed)}")
    return value


def _expressions(value: Any, what: str, *, most: int) -> tuple[str | int, ...]:
    if not isinstance(value, (list, tuple)) or len(value) > most:
        raise MalformedError(f"{what} must be a list of at most {most}")
    return tuple(_expression(item, what) for item in value)


def _expression(value: Any, what: str) -> str | int:
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        raise MalformedError(f"{what}: {value!r} is neither a whole number nor an expression")
    try:
        expression.names_of(value)
    except expression.ExpressionError as error:
        raise MalformedError(f"{what}: {error}") from error
    return value


def _scratch(value: Any) -> tuple[Scratch, ...]:
    if not isinstance(value, dict):
        raise MalformedError("SCRATCH must be an object")
    found = []
    for name, fact in sorted(value.items()):
        if not isinstance(fact, dict) or set(fact) != {"shape", "dtype"}:
            raise MalformedError(f"scratch {name} must state shape and dtype")
        if fact["dtype"] not in _DTYPES:
            raise MalformedError(f"scratch {name}: unknown dtype {fact['dtype']!r}")
        shape = _expressions(fact["shape"], f"scratch {name}", most=5)
        found.append(Scratch(name=name, shape=shape, dtype=fact["dtype"]))
    return tuple(found)


def _requires(value: Any, contract: Contract) -> tuple[str, ...]:
    """Return the guard; it may ask for divisibility or a bound of fixed sizes, nothing finer."""
    if not isinstance(value, (list, tuple)):
        raise MalformedError("REQUIRES must be a list")
    for rule in value:
        if not isinstance(rule, str) or not _is_coarse(rule):
            raise MalformedError(
                f"REQUIRES {rule!r} is neither 'NAME % number == 0' nor 'NAME <= number'"
            )
        if dynamic := sorted(expression.names_of(rule) & set(contract.dynamic)):
            raise MalformedError(f"REQUIRES {rule!r} restricts {dynamic[0]}, which varies")
    return tuple(value)


def _is_coarse(rule: str) -> bool:
    try:
        tree = ast.parse(rule, mode="eval").body
    except (SyntaxError, ValueError):
        return False
    match tree:
        case ast.Compare(
            left=ast.BinOp(left=ast.Name(), op=ast.Mod(), right=ast.Constant(value=int(divisor))),
            ops=[ast.Eq()],
            comparators=[ast.Constant(value=0)],
        ):
            return 1 <= divisor <= _LARGEST_DIVISOR
        case ast.Compare(left=ast.Name(), ops=[ast.LtE()], comparators=[ast.Constant(value=int())]):
            return True
    return False


def _check(candidate: Candidate, contract: Contract) -> None:
    scratch = {item.name for item in candidate.scratch}
    if clash := sorted(scratch & (set(contract.names) | set(contract.dims))):
        raise MalformedError(f"scratch {clash[0]} has a name of the region")
    known = {**contract.dims}
    for launch in candidate.launches:
        pointers = set(contract.names) | scratch
        for text in (*launch.grid, *launch.constants.values(), *launch.block, launch.shared):
            _resolves(text, known, launch.kernel)
        for argument in launch.arguments:
            if argument not in pointers and argument not in contract.numbers:
                _resolves(argument, known, launch.kernel)
    used = {argument for launch in candidate.launches for argument in launch.arguments}
    if missing := [t.name for t in contract.outputs if t.name not in used]:
        raise MalformedError(f"no launch takes {missing[0]}, an output")
    if not candidate.serves(contract.dims):
        raise MalformedError("REQUIRES refuses the region's own sizes")


def _resolves(text: str | int, known: Mapping[str, int], kernel: str) -> None:
    try:
        expression.value(text, known)
    except expression.ExpressionError as error:
        raise MalformedError(f"launch of {kernel}: {error}") from error
