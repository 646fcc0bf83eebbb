"""The inputs the dynamic gates call generated code with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_compiledai.core.place import Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A golden input."""

    input: bytes  # canonical JSON
    place: Place
    quotable: bool  # a train row: a finding that quotes it may go back to a model


@dataclass(frozen=True, slots=True, kw_only=True)
class Malformed:
    """An input made wrong on purpose, from a schema and a train input."""

    input: bytes  # canonical JSON
    label: str  # what was done to it: `subject: null`
