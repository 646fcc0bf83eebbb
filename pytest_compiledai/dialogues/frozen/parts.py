"""The files of a frozen machine: its code, and the model beside it; nothing else is one."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import Final

from pytest_compiledai.core.calls import Program

if TYPE_CHECKING:
    from pytest_compiledai.core.candidate import Candidate
    from pytest_compiledai.dialogues.spec import DialogueSpec

MODEL_FILE: Final = "intents.safetensors"


def paths(spec: DialogueSpec) -> tuple[str, str]:
    """Return the paths of the code and of the model, below the out folder."""
    return f"{spec.name}.py", f"{spec.name}/{MODEL_FILE}"


def program(spec: DialogueSpec, candidate: Candidate) -> Program:
    """Return the artifact as the sandbox loads it."""
    code, model = paths(spec)
    return Program(
        source=candidate.files[code],
        function=spec.name,
        files={MODEL_FILE: candidate.files[model]},
    )
