"""The kinds of this package by name, each imported when a spec of it is read first.

A run pays for the kinds that it uses, and needs the extras of no other.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
from typing import TYPE_CHECKING
from typing import Final

if TYPE_CHECKING:
    from pytest_compiledai.core.kind import Kind


def _function() -> Kind:
    from pytest_compiledai.functions.kind import FunctionKind

    return FunctionKind()


def _workflow() -> Kind:
    from pytest_compiledai.workflows.kind import WorkflowKind

    return WorkflowKind()


def _model() -> Kind:
    from pytest_compiledai.kernels.kind import ModelKind

    return ModelKind()


def _dialogue() -> Kind:
    from pytest_compiledai.dialogues.kind import DialogueKind

    return DialogueKind()


def _demos() -> Kind:
    from pytest_compiledai.distill.demos_kind import DemosKind

    return DemosKind()


def _skill() -> Kind:
    from pytest_compiledai.distill.skill_kind import SkillKind

    return SkillKind()


_MAKERS: Final[dict[str, Callable[[], Kind]]] = {
    "function": _function,
    "workflow": _workflow,
    "model": _model,
    "dialogue": _dialogue,
    "demos": _demos,
    "skill": _skill,
}


class Kinds(Mapping[str, "Kind"]):
    """The built-in kinds, and those that a project adds."""

    def __init__(self, own: Mapping[str, Kind]) -> None:
        self._made = dict(own)

    def __getitem__(self, name: str) -> Kind:
        if name not in self._made:
            self._made[name] = _MAKERS[name]()
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter({**_MAKERS, **self._made})

    def __len__(self) -> int:
        return len({**_MAKERS, **self._made})

    def __contains__(self, name: object) -> bool:
        return name in _MAKERS or name in self._made
