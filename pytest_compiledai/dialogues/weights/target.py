"""The target `weights`, as the kind asks for it."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence
from typing import TYPE_CHECKING
from typing import Any
from typing import Final

from pytest_compiledai.dialogues.weights import judging
from pytest_compiledai.dialogues.weights.settings import settings_of

if TYPE_CHECKING:
    from pytest_compiledai.core.candidate import Candidate
    from pytest_compiledai.core.gate import Phase
    from pytest_compiledai.core.kind import Bench
    from pytest_compiledai.core.verdict import Verdict
    from pytest_compiledai.dialogues.spec import DialogueSpec


class WeightsTarget:
    """A flow trained into a small network."""

    method = 5
    versions: Mapping[str, int] = judging.VERSIONS

    def proposer(self, spec: DialogueSpec) -> str:
        """Return how the weights began: from scratch, or from a checkpoint by its digest."""
        settings = settings_of(spec)
        if settings.base:
            return f"file:{settings.base}"
        return f"trained:{settings.architecture}-{settings.width}-{settings.layers}"

    def source(self, spec: DialogueSpec) -> Any:
        """Return the settings: all that weights are made from beside the graph."""
        return settings_of(spec).as_json()

    def build(self, spec: DialogueSpec) -> Mapping[str, bytes]:
        """Return the artifact's files. Raises ``ModelError`` or ``ToolError``."""
        from pytest_compiledai.dialogues.weights.building import build

        return build(spec, settings_of(spec))

    def sources(self, spec: DialogueSpec, candidate: Candidate) -> Sequence[Any]:
        """Return nothing: weights have no code to scan."""
        del spec, candidate
        return ()

    def judge(
        self, gate: str, spec: DialogueSpec, candidate: Candidate, phase: Phase, bench: Bench
    ) -> Verdict:
        """Return the verdict of one gate; torch runs in a process of its own."""
        del bench
        return judging.judge(gate, spec, candidate, phase)


TARGET: Final = WeightsTarget()
