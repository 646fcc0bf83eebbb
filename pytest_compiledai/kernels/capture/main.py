"""Capture one model: an order as a JSON file, the plan on standard output.

Runs in a process of its own, for it imports torch and may execute a user's builder.
"""

from __future__ import annotations

import contextlib
import gc
import json
import sys
import types
from collections.abc import Iterator
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any
from unittest import mock

import torch
from torch import nn
from torch.export import ExportedProgram
from torch.export.graph_signature import InputKind
from torch.fx import Node

from pytest_compiledai.kernels.capture import operators as known
from pytest_compiledai.kernels.capture import step
from pytest_compiledai.kernels.capture.cutting import cut
from pytest_compiledai.kernels.capture.cutting import is_view
from pytest_compiledai.kernels.capture.regions import Maker
from pytest_compiledai.kernels.capture.regions import Named
from pytest_compiledai.kernels.capture.regions import gather
from pytest_compiledai.kernels.capture.regions import outputs_of
from pytest_compiledai.kernels.plan import Plan

TOOLS = ("torch", "transformers")


class Uncapturable(Exception):
    """A step that cannot be cut without changing what it computes; the text says why."""


def main() -> int:
    """Read an order, write the plan; return 0, or 3 with the reason on standard error."""
    order = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    # What a builder prints must not get into the plan.
    out, sys.stdout = sys.stdout, sys.stderr
    torch.set_num_threads(1)
    gc.disable()  # a short life: looking for cycles among a graph's nodes costs an eighth of it
    try:
        plan = capture(order)
    except Exception as error:  # noqa: BLE001 - a builder and an export may raise anything
        sys.stderr.write(f"\n{type(error).__name__}: {error}\n")
        return 3
    out.write(plan.render().decode("ascii"))
    return 0


def capture(order: Mapping[str, Any]) -> Plan:
    """Return the plan of an order. Raises ``Uncapturable`` and whatever the model raises."""
    module, inputs = _module(order)
    with torch.no_grad(), _no_guards():
        program = torch.export.export(module, inputs, strict=True)
    return plan_of(program, module, made_from=str(order["made_from"]))


@contextlib.contextmanager
def _no_guards() -> Iterator[None]:
    """Leave out the code that would ask a later call for the same sizes again.

    An export compiles it, a line for each size of each weight, and throws it away: a fifth of a
    capture's time. Whether sizes are allowed is asked before.
    """
    from torch._dynamo import guards

    if not hasattr(guards, "build_guard_function"):  # another release: slower, and no less right
        yield
        return
    with mock.patch.object(guards, "build_guard_function", _no_guard):
        yield


def _no_guard(parts: Any, closure: str) -> tuple[str, str]:
    del parts
    return "return True", f"def ___make_guard_fn({closure}):\n    return lambda L: True\n"


def plan_of(program: ExportedProgram, module: nn.Module, *, made_from: str) -> Plan:
    """Return the plan of an exported step."""
    graph = program.graph
    _simplify(program)
    named, states = _named(program)
    leaves = frozenset(path for path, part in module.named_modules() if not list(part.children()))
    output = next(node for node in graph.nodes if node.op == "output")
    results = [node for node in output.args[0] if isinstance(node, Node)]
    results = [node for node in results if node not in states]
    if any(is_view(node) for node in results):
        raise Uncapturable("the step returns a view; expected a tensor of its own: clone it")
    pieces = cut(graph, leaves, states)
    made = [
        Maker(piece, named, states).make(outputs_of(piece, frozenset(results), states))
        for piece in pieces
    ]
    regions, calls = gather(made)
    return Plan(
        made_from=made_from,
        tools={name: metadata.version(name) for name in TOOLS},
        regions=regions,
        calls=calls,
        inputs=tuple(program.graph_signature.user_inputs),
        outputs=tuple(node.name for node in results),
        parameters=sum(parameter.numel() for parameter in module.parameters()),
    )


def _module(order: Mapping[str, Any]) -> tuple[nn.Module, tuple[Any, ...]]:
    if order["config"] is not None:
        model = step.decoder(
            order["config"], dtype=order["dtype"], context=order["context"], device="meta"
        )
        return step.Step(model), step.example("meta")
    built = types.ModuleType("compiledai_builder")
    sys.modules[built.__name__] = built  # the export imports the module of each class it meets
    exec(compile(order["text"], order["path"], "exec"), vars(built))  # noqa: S102 - the user's own
    module, inputs = getattr(built, order["function"])()
    return module.eval().to(getattr(torch, order["dtype"])), tuple(inputs)


def _simplify(program: ExportedProgram) -> None:
    """Take out assertions, casts to the same dtype, and what does nothing without training."""
    graph = program.graph
    for node in reversed(list(graph.nodes)):  # a reader goes before what it reads
        if node.op != "call_function":
            continue
        name = known.name_of(node)
        if name == "_assert_tensor_metadata":
            graph.erase_node(node)
        elif name in known.NOTHING or (name == "to" and _same_kind(node)):
            node.replace_all_uses_with(node.args[0])
            graph.erase_node(node)
        elif not node.users and not _writes(node):
            graph.erase_node(node)


def _same_kind(node: Node) -> bool:
    before, after = node.args[0].meta.get("val"), node.meta.get("val")  # type: ignore[union-attr]
    return isinstance(before, torch.Tensor) and before.dtype == after.dtype  # type: ignore[union-attr]


def _writes(node: Node) -> bool:
    schema = getattr(node.target, "_schema", None)
    return bool(schema and schema.is_mutable)


def _named(program: ExportedProgram) -> tuple[Named, dict[Node, Node]]:
    """Return what placeholders are, and the buffer that each writing node writes into."""
    specs = {spec.arg.name: spec for spec in program.graph_signature.input_specs}
    holders = [node for node in program.graph.nodes if node.op == "placeholder"]
    buffers = {n for n in holders if specs[n.name].kind is InputKind.BUFFER}
    states: dict[Node, Node] = {}
    for node in program.graph.nodes:
        if node.op == "call_function" and _writes(node):
            first = states.get(node.args[0], node.args[0])
            if first not in buffers:
                raise Uncapturable(
                    f"{known.target_of(node)} writes into {node.args[0]}, which is no buffer of "
                    "the model; expected the form without an underscore"
                )
            states[node] = first
    written = set(states.values())
    names = {n: specs[n.name].target or n.name for n in holders}
    roles = {
        node: "state" if node in written else "weight"
        for node in holders
        if specs[node.name].kind is not InputKind.USER_INPUT
    }
    for node in program.graph.nodes:
        _refuse(node)
    return Named(names, roles), states | {node: node for node in written}


def _refuse(node: Node) -> None:
    """Raise ``Uncapturable`` for shapes that vary and for draws of random numbers."""
    value = node.meta.get("val")
    if isinstance(value, torch.Tensor) and any(not isinstance(n, int) for n in value.shape):
        raise Uncapturable(f"{node.name} has a shape that depends on values; expected fixed ones")
    if torch.Tag.nondeterministic_seeded in getattr(node.target, "tags", ()):
        raise Uncapturable(f"{known.target_of(node)} draws random numbers; expected none")


if __name__ == "__main__":
    sys.exit(main())
