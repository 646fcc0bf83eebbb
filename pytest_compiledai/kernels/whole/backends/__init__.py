"""Back ends of whole models, one a file; others join by entry points.

Their group is `pytest_compiledai.backends`. Everything here runs in the worker's process, never in
pytest's.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any
from typing import Final
from typing import Protocol

#: Runs a loaded model: arrays in the order of the spec's inputs -> output arrays.
Run = Callable[[Sequence[Any]], list[Any]]

GROUP: Final = "pytest_compiledai.backends"
_BUILT_IN: Final = {
    "eager": "eager",
    "compile": "compiled",
    "onnxruntime": "onnxruntime",
    "openvino": "openvino",
    "openvino_bf16": "openvino_bf16",
}
#: An operator as messages name it: `aten.cumsum.default`, `mine::twist`, `ai.onnx:Foo`.
_OPERATOR: Final = re.compile(
    r"\b([a-z_]\w*::\w+(?:\.\w+)?|(?:aten|prims|(?<=torch\.ops\.)\w+)\.\w+(?:\.\w+)?"
    r"|ai\.onnx:\w+)"
)
_COLOUR: Final = re.compile(r"\x1b\[[0-9;]*m")


class Unsupported(Exception):
    """A back end cannot take the model; the message says what it cannot take."""


class Backend(Protocol):
    """One way to run a model."""

    name: str
    packages: Sequence[str]  # distributions whose releases decide what it computes
    #: One that may compute in less than the model's own precision has `arithmetic` as well, which
    #: says in what it computes on this processor; measurements tell it.

    def export(self, model: Any, example: Sequence[Any], axes: Mapping[str, Any]) -> bytes:
        """Return the model in this back end's form; empty where it needs none.

        ``example`` are tensors; ``axes`` gives by input the names of its dynamic axes and, by
        name, the least and most they may be. Raises ``Unsupported``.
        """

    def load(self, model: Any, data: bytes) -> Run:
        """Return what runs the model, in one thread. Raises ``Unsupported``."""


def backend(name: str) -> Backend:
    """Return the back end called ``name``. Raises ``Unsupported`` where it is not installed."""
    if name in _BUILT_IN:
        module = import_module(f"{__name__}.{_BUILT_IN[name]}")
        found: Backend = module.BACKEND
        return found
    for entry in entry_points(group=GROUP, name=name):
        joined: Backend = entry.load()
        return joined
    raise Unsupported(f"no back end called {name} is installed")


def reason(error: BaseException) -> str:
    """Return in one line what a back end could not take: the operator first, where one is named."""
    text = _plain(error)
    named = next(filter(None, map(_OPERATOR.search, map(_plain, _causes(error)))), None)
    lead = f"the operator {named[1]}: " if named else ""
    return f"{lead}{type(error).__name__}: {text[:300]}"


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error and what it came from: exporters name the operator in the first of them."""
    while error is not None:
        yield error
        error = error.__cause__


def _plain(error: BaseException) -> str:
    return " ".join(_COLOUR.sub("", str(error)).split()) or type(error).__name__
