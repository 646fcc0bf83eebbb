"""A module as an ONNX file, by torch's exporter, with its dynamic axes declared."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence
from inspect import signature
from typing import Any

from pytest_compiledai.kernels.whole.backends import Unsupported
from pytest_compiledai.kernels.whole.backends import reason


def exported(model: Any, example: Sequence[Any], axes: Mapping[str, Any]) -> bytes:
    """Return the file's bytes. Raises ``Unsupported`` where the exporter cannot take the module.

    A process that tries several back ends exports a module once.
    """
    import torch

    if id(model) in _KNOWN:
        return _KNOWN[id(model)]

    # An axis that may be 1 is exported from 1 on; the exporter itself takes 0 and 1 for constants.
    dims = {
        name: torch.export.Dim(name, min=least, max=most)
        for name, (least, most) in axes["sizes"].items()
        if least < most
    }
    shapes = [
        {number: dims[axis] for number, axis in enumerate(shape) if axis in dims}
        for shape in axes["shapes"]
    ]
    given: Any = tuple(shapes)
    if any(
        each.kind is each.VAR_POSITIONAL for each in signature(model.forward).parameters.values()
    ):
        given = (given,)  # they are one parameter to the exporter
    try:
        program = torch.export.export(model, tuple(example), dynamic_shapes=given)
        written = torch.onnx.export(program, dynamo=True, verbose=False)
    except Exception as error:  # the exporters' errors share no base
        raise Unsupported(reason(error)) from error
    assert written is not None
    data: bytes = written.model_proto.SerializeToString()
    _KNOWN[id(model)] = data
    return data


#: By the module's identity; a worker has one module, and lives as long as it.
_KNOWN: dict[int, bytes] = {}
