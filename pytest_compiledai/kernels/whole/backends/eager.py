"""The framework's own path: the reference, and the fallback of everything else."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any
from typing import Final

from pytest_compiledai.kernels.whole.backends import Run


class Eager:
    """Calls the module."""

    name = "eager"
    packages: Sequence[str] = ("torch",)

    def export(self, model: Any, example: Sequence[Any], axes: Mapping[str, Any]) -> bytes:
        """Return nothing: the module is its own form."""
        del model, example, axes
        return b""

    def load(self, model: Any, data: bytes) -> Run:
        """Return what calls the module."""
        del data
        return calling(model)


def calling(function: Any) -> Run:
    """Return what calls ``function`` with tensors that share the arrays' memory."""
    import torch

    def run(arrays: Sequence[Any]) -> list[Any]:
        with torch.inference_mode():
            found = function(*map(torch.from_numpy, arrays))
        outputs = found if isinstance(found, tuple | list) else [found]
        return [output.numpy() for output in outputs]

    return run


BACKEND: Final = Eager()
