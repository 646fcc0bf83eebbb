"""The files of a function: its code, and the weights that this is handed, if it has any."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any
from typing import Final

from pytest_compiledai.core.calls import Program
from pytest_compiledai.core.tensors import _WEIGHTS_CAP
from pytest_compiledai.core.tensors import _WEIGHTS_FILE
from pytest_compiledai.core.tensors import _tensors
from pytest_compiledai.functions.capabilities import Table
from pytest_compiledai.functions.capabilities import granted_modules
from pytest_compiledai.functions.capabilities import handed_in

#: The keyword-only parameter.
PARAMETER: Final = "weights"


def code_path(name: str) -> str:
    """Return the path of a function's code below the out folder."""
    return f"{name}.py"


def weights_path(name: str) -> str:
    """Return the path of a function's weights below the out folder."""
    return f"{name}/{_WEIGHTS_FILE}"


def has_weights(name: str, files: Mapping[str, bytes]) -> bool:
    """Return whether a function is handed weights."""
    return weights_path(name) in files


def fault(name: str, files: Mapping[str, bytes]) -> str:
    """Return what is wrong with a function's files beside its code; empty for nothing."""
    others = set(files) - {code_path(name), weights_path(name)}
    if others:
        return f"{min(others)!a:.80}, a file that no function has"
    try:
        if has_weights(name, files):
            _tensors(files[weights_path(name)])
    except ValueError as error:
        return str(error)
    large = len(files.get(weights_path(name), b"")) > _WEIGHTS_CAP
    return f"weights of more than {_WEIGHTS_CAP} bytes" if large else ""


def program_of(
    name: str,
    files: Mapping[str, bytes],
    capabilities: Sequence[str],
    tables: Mapping[str, Table],
) -> Program:
    """Return a function as the sandbox loads it. Raises ``ValueError`` for no weights."""
    made: dict[str, Mapping[str, Any]] = handed_in(capabilities, tables)
    if has_weights(name, files):
        tensors = _tensors(files[weights_path(name)])
        texts = {key: base64.b64encode(data).decode("ascii") for key, data in tensors.items()}
        made[PARAMETER] = {"kind": "tensors", "tensors": texts}
    return Program(
        source=files[code_path(name)],
        function=name,
        modules=granted_modules(capabilities),
        capabilities=made,
    )
