"""Kernel template families: data in ``kernels/<family>/`` that becomes contracts and candidates.

``family.toml`` states dimensions, tensors, legal parameters and the rules that bound them,
``reference.py`` the mathematics in torch, ``*.py.txt`` and ``*.cpp.txt`` the templates. A template
is text with ``$NAME``; no template language decides anything.
"""

from __future__ import annotations

import functools
import importlib.util
import itertools
import string
import tomllib
from collections.abc import Iterator
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_compiledai.assets import asset
from pytest_compiledai.kernels import expression
from pytest_compiledai.kernels.candidate import Candidate
from pytest_compiledai.kernels.candidate import Language
from pytest_compiledai.kernels.candidate import read
from pytest_compiledai.kernels.contract import Contract
from pytest_compiledai.kernels.contract import Reference
from pytest_compiledai.kernels.contract import Tensor

MOST_CANDIDATES = 64
#: What a C++ template writes as ``$NAME_t``; its floats are float32.
_C_TYPES: Mapping[str, str] = {
    "any": "float",
    "float32": "float",
    "int32": "int32_t",
    "int64": "int64_t",
}
_SUFFIX: Mapping[Language, str] = {"triton": ".py.txt", "cuda": ".cu.txt", "cpp": ".cpp.txt"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """One template of a family and the finite space of its parameters."""

    name: str
    language: Language
    text: str
    parameters: Mapping[str, tuple[int, ...]]
    legal: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """A family as its folder states it."""

    name: str
    facts: Mapping[str, Any]
    reference: Reference
    variants: tuple[Variant, ...]

    def contract(
        self, dims: Mapping[str, int] | None = None, *, name: str = "", **changes: Any
    ) -> Contract:
        """Return the contract at these sizes; a size that is not given takes the family's own."""
        facts = self.facts
        own: dict[str, int] = {**facts["dims"], **(dims or {})}
        if unknown := sorted(set(own) - set(facts["dims"])):
            raise ValueError(f"{self.name} has no dimension {unknown[0]}")
        stated: dict[str, Any] = {
            "name": name or self.name,
            "family": self.name,
            "dims": own,
            "tensors": tuple(_tensor(item) for item in facts["tensors"]),
            "reference": self.reference,
            "numbers": facts.get("numbers", {}),
            "dynamic": tuple(facts.get("dynamic", ())),
            "free": tuple(facts.get("free", ())),
            "apart": tuple(facts.get("apart", ())),
            "sweeps": tuple(_sizes(sweep, own) for sweep in facts.get("sweeps", ())),
            "cut": _cut(facts.get("cut", {}), own),
            "flops": str(facts.get("flops", "0")),
            "exact": tuple(facts.get("exact", ())),
        }
        return Contract(**(stated | changes))

    def candidates(self, contract: Contract, *, language: Language = "triton") -> list[Candidate]:
        """Return every legal candidate of one language, in the order of the space."""
        found = []
        for variant in self.variants:
            if variant.language == language:
                found += [render(variant, chosen, contract) for chosen in _legal(variant, contract)]
        return found


def names() -> list[str]:
    """Return the families that are shipped."""
    return sorted(path.parent.name for path in asset("kernels").glob("*/family.toml"))


def facts_of(name: str) -> Mapping[str, Any]:
    """Return what a family's file states; raises ``ToolError`` when it is not shipped."""
    with (asset("kernels", name) / "family.toml").open("rb") as stream:
        return tomllib.load(stream)


def family(name: str) -> Family:
    """Load one family; raises ``ToolError`` when it is not shipped."""
    folder, facts = asset("kernels", name), facts_of(name)
    return Family(
        name=name,
        facts=facts,
        reference=FileReference(folder / "reference.py"),
        variants=tuple(_variant(folder, key, item) for key, item in facts["variants"].items()),
    )


def render(variant: Variant, chosen: Mapping[str, int], contract: Contract) -> Candidate:
    """Return the candidate of one choice of parameters."""
    filled = {key: str(value) for key, value in chosen.items()}
    if variant.language == "cpp":
        filled |= {f"{tensor.name}_t": _C_TYPES[tensor.dtype] for tensor in contract.tensors}
    text = string.Template(variant.text).substitute(filled)
    found = read(text, variant.language, contract)
    parameters = {"variant": variant.name, **chosen}
    return Candidate(
        source=found.source,
        language=found.language,
        launches=found.launches,
        scratch=found.scratch,
        requires=found.requires,
        parameters=parameters,
    )


def _legal(variant: Variant, contract: Contract) -> Iterator[dict[str, int]]:
    keys = list(variant.parameters)
    count = 0
    for values in itertools.product(*variant.parameters.values()):
        chosen = dict(zip(keys, values, strict=True))
        known = {**contract.dims, **chosen}
        if all(expression.value(rule, known) for rule in variant.legal):
            count += 1
            if count > MOST_CANDIDATES:
                raise ValueError(f"{variant.name}: more than {MOST_CANDIDATES} legal candidates")
            yield chosen


def _sizes(stated: Mapping[str, int | str], own: Mapping[str, int]) -> dict[str, int]:
    """Return sizes as numbers; one may be an expression over the region's own."""
    return {key: expression.value(size, own) for key, size in stated.items()}


def _cut(stated: Mapping[str, int | str], own: Mapping[str, int]) -> dict[str, int]:
    """Return those that are smaller than the region's own."""
    return {key: size for key, size in _sizes(stated, own).items() if size < own[key]}


def _tensor(item: Mapping[str, Any]) -> Tensor:
    return Tensor(**{**item, "shape": tuple(str(size) for size in item["shape"])})


def _variant(folder: Path, name: str, item: Mapping[str, Any]) -> Variant:
    language: Language = item.get("language", "triton")
    return Variant(
        name=name,
        language=language,
        text=(folder / (name + _SUFFIX[language])).read_text(encoding="utf-8"),
        parameters={key: tuple(values) for key, values in item.get("parameters", {}).items()},
        legal=tuple(item.get("legal", ())),
    )


@dataclass(frozen=True, slots=True)
class FileReference:
    """The function ``reference`` of a file, which is loaded, with torch, where it is called.

    It can be sent to another process; the process that only names it stays small.
    """

    path: Path

    def __call__(self, tensors: Mapping[str, Any], numbers: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the outputs by name."""
        found: Mapping[str, Any] = _loaded(self.path)(tensors, numbers)
        return found


@functools.cache
def _loaded(path: Path) -> Reference:
    spec = importlib.util.spec_from_file_location(f"compiledai_family_{path.parent.name}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found: Reference = module.reference
    return found
