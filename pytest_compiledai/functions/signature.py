"""What the template knows of a unit, and the signature that follows from it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from pytest_compiledai.core.schema import Schema
from pytest_compiledai.functions.imports import Import
from pytest_compiledai.functions.types import TypedDicts

#: What a capability hands in, as the annotation of its parameter.
_HANDED_IN: Final = {"clock": "Callable[[], datetime]", "random": "Random"}
_CALL: Final = "Callable[[Any], Any]"
_WEIGHTS: Final = "Mapping[str, bytes]"
_ANNOTATION_IMPORTS: Final = {
    "Any": Import(module="typing", member="Any"),
    "Callable": Import(module="collections.abc", member="Callable"),
    "Mapping": Import(module="collections.abc", member="Mapping"),
    "Random": Import(module="random", member="Random"),
    "datetime": Import(module="datetime", member="datetime"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the template knows of a unit."""

    name: str
    description: str
    types: TypedDicts
    input: Schema
    capabilities: tuple[str, ...] = ()
    fallback: str = "model"  # or none: production may not let anything else answer
    weights: bool = False  # whether the loader hands it the weights of a linear model


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """How the unit's function must be written."""

    name: str
    positional: tuple[tuple[str, str], ...]  # name, annotation
    keyword_only: tuple[tuple[str, str], ...]
    returns: str

    @property
    def text(self) -> str:
        """The `def` line."""
        parts = [f"{name}: {annotation}" for name, annotation in self.positional]
        parts += ["*"] if self.keyword_only else []
        parts += [f"{name}: {annotation}" for name, annotation in self.keyword_only]
        return f"def {self.name}({', '.join(parts)}) -> {self.returns}:"


def signature(facts: Facts) -> Signature:
    """Return the signature of the unit's function."""
    handed = [(word, _HANDED_IN[word]) for word in facts.capabilities if word in _HANDED_IN]
    handed += [
        (word.removeprefix("call:"), _CALL)
        for word in facts.capabilities
        if word.startswith("call:")
    ]
    handed += [("weights", _WEIGHTS)] if facts.weights else []
    return Signature(
        name=facts.name,
        positional=(("data", facts.types.input_type),),
        keyword_only=tuple(sorted(handed)),
        returns=facts.types.output_type,
    )


def imports_needed(wanted: Signature) -> Iterator[Import]:
    """Yield what the annotations of handed in parameters need."""
    for _, annotation in wanted.keyword_only:
        for name in re.findall(r"[A-Za-z]+", annotation):
            if name in _ANNOTATION_IMPORTS:  # str and bytes need none
                yield _ANNOTATION_IMPORTS[name]
