"""Target `machine` with a frozen encoder, as the kind asks for it."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence
from typing import TYPE_CHECKING
from typing import Any
from typing import Final

from pytest_compiledai.dialogues.encoded.judging import Encoding
from pytest_compiledai.dialogues.weights import judging

if TYPE_CHECKING:
    from pytest_compiledai.core.candidate import Candidate
    from pytest_compiledai.core.gate import Phase
    from pytest_compiledai.core.kind import Bench
    from pytest_compiledai.core.verdict import Verdict
    from pytest_compiledai.dialogues.spec import DialogueSpec


class EncodedTarget:
    """The flow's state machine, and a frozen encoder that tells intents apart."""

    method = 3
    versions: Mapping[str, int] = dict.fromkeys(judging.VERSIONS, 3)

    def proposer(self, spec: DialogueSpec) -> str:
        """Return who makes the artifact: the encoder by its digest."""
        return f"builtin/encoder-{(spec.encoder or {})['sha256'][:12]}"

    def source(self, spec: DialogueSpec) -> Any:
        """Return the encoder: another one makes another artifact."""
        return dict(spec.encoder or {})

    def build(self, spec: DialogueSpec) -> Mapping[str, bytes]:
        """Return the artifact's files. Raises ``ModelError`` or ``ToolError``."""
        from pytest_compiledai.dialogues.encoded.building import build

        return build(spec)

    def sources(self, spec: DialogueSpec, candidate: Candidate) -> Sequence[Any]:
        """Return nothing: vectors are no code."""
        del spec, candidate
        return ()

    def judge(
        self, gate: str, spec: DialogueSpec, candidate: Candidate, phase: Phase, bench: Bench
    ) -> Verdict:
        """Return the verdict of one gate; torch runs in a process of its own."""
        del bench
        return judging.judge(gate, spec, candidate, phase, Encoding)


TARGET: Final = EncodedTarget()
