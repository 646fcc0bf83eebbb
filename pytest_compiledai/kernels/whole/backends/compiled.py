"""`torch.compile` with Inductor; needs a C++ compiler on the machine."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any
from typing import Final

from pytest_compiledai.kernels.whole.backends import Run
from pytest_compiledai.kernels.whole.backends import Unsupported
from pytest_compiledai.kernels.whole.backends import reason
from pytest_compiledai.kernels.whole.backends.eager import calling


class Compiled:
    """Compiles at the first call; a graph that breaks is refused, for part of it would be eager."""

    name = "compile"
    packages: Sequence[str] = ("torch",)

    def export(self, model: Any, example: Sequence[Any], axes: Mapping[str, Any]) -> bytes:
        """Return nothing once the model traces as one graph. Raises ``Unsupported``."""
        import torch

        del axes
        explained = torch._dynamo.explain(model)(*example)  # noqa: SLF001 - documented there
        torch._dynamo.reset()  # noqa: SLF001
        if explained.graph_break_count:
            first = explained.break_reasons[0].reason
            raise Unsupported(
                f"control flow that breaks the graph: {' '.join(first.split())[:200]}"
            )
        return b""

    def load(self, model: Any, data: bytes) -> Run:
        """Return what calls the compiled module."""
        import torch

        del data
        run = calling(torch.compile(model, dynamic=True, fullgraph=True))

        def guarded(arrays: Sequence[Any]) -> list[Any]:
            try:
                return run(arrays)
            except torch._dynamo.exc.TorchDynamoException as error:  # noqa: SLF001
                raise Unsupported(reason(error)) from error

        return guarded


BACKEND: Final = Compiled()
