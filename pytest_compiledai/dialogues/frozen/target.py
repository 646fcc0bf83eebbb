"""Target `machine` as the kind asks it: build the code and its model, judge them."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence
from typing import TYPE_CHECKING
from typing import Any
from typing import Final

from pytest_compiledai.core.canonical import text_digest
from pytest_compiledai.dialogues.carriers import LEARNT
from pytest_compiledai.dialogues.frozen import judging
from pytest_compiledai.dialogues.frozen.emit import emitted
from pytest_compiledai.dialogues.frozen.emit import engine_text
from pytest_compiledai.dialogues.frozen.parts import MODEL_FILE

if TYPE_CHECKING:
    from pytest_compiledai.core.candidate import Candidate
    from pytest_compiledai.core.gate import Phase
    from pytest_compiledai.core.kind import Bench
    from pytest_compiledai.core.verdict import Verdict
    from pytest_compiledai.dialogues.spec import DialogueSpec


class MachineTarget:
    """The flow's state machine as frozen code, and a frozen linear model of its intents."""

    method: int = 1
    versions: Mapping[str, int] = judging.VERSIONS

    def proposer(self, spec: DialogueSpec) -> str:
        """Return who makes the artifact."""
        del spec
        return "builtin/machine"

    def source(self, spec: DialogueSpec) -> Any:
        """Return the engine's digest and the carriers: a changed one makes another artifact."""
        del spec
        return {"engine": text_digest(engine_text()), "carriers": [list(pair) for pair in LEARNT]}

    def build(self, spec: DialogueSpec) -> Mapping[str, bytes]:
        """Return the code, and the model that is trained now."""
        from pytest_compiledai.dialogues.frozen.intents import trained  # NumPy

        model, _ = trained(spec.flow)
        return {f"{spec.name}.py": emitted(spec.flow), f"{spec.name}/{MODEL_FILE}": model}

    def sources(self, spec: DialogueSpec, candidate: Candidate) -> Sequence[Any]:
        """Return the code for the analysers."""
        return judging.scanned(spec, candidate)

    def judge(
        self, gate: str, spec: DialogueSpec, candidate: Candidate, phase: Phase, bench: Bench
    ) -> Verdict:
        """Return the verdict of one gate."""
        return judging.judge(gate, spec, candidate, phase, bench)


TARGET: Final = MachineTarget()
