"""The constants a dynamic gate enforces, read from its policy file under the top-level gates/."""

from __future__ import annotations

import dataclasses
import functools
import tomllib
from typing import Any
from typing import TypeVar

from pytest_compiledai.assets import asset
from pytest_compiledai.core.errors import ToolError

T = TypeVar("T")


def read_policy(gate: str, kind: type[T]) -> T:
    """Return ``gates/<gate>/policy.toml`` as a value of the dataclass ``kind``.

    Raises ``ToolError`` unless the file states exactly the fields of ``kind``, each of its type: a
    constant that is misspelt must not leave a gate with none.
    """
    stated = _load(gate)
    fields = {item.name: item.type for item in dataclasses.fields(kind)}  # type: ignore[arg-type]
    for name in sorted({*stated, *fields}):
        value = stated.get(name)
        if name not in fields or type(value).__name__ != fields[name]:
            raise ToolError(
                where=f"gates/{gate}/policy.toml",
                found=f"{name} = {value!r}",
                expected=f"{name} as {fields[name]}" if name in fields else "no such key",
                next="pip install --force-reinstall pytest-compiledai",
            )
    return kind(**stated)


@functools.cache
def _load(gate: str) -> dict[str, Any]:
    path = asset("gates", gate, "policy.toml")
    return tomllib.loads(path.read_text(encoding="utf-8"))
