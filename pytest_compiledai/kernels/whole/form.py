"""The form `whole` of the kind `model`: how a whole model is proposed and judged."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence
from typing import TYPE_CHECKING
from typing import Any

from pytest_compiledai.core.candidate import Candidate
from pytest_compiledai.core.canonical import digest_of
from pytest_compiledai.core.errors import RecordingMissing
from pytest_compiledai.core.errors import SpecError
from pytest_compiledai.core.modelfree import only_one
from pytest_compiledai.core.split import Split
from pytest_compiledai.kernels.whole import artifact
from pytest_compiledai.kernels.whole import judging
from pytest_compiledai.kernels.whole import measured
from pytest_compiledai.kernels.whole.dataset import spread
from pytest_compiledai.kernels.whole.working import exported
from pytest_compiledai.kernels.whole.working import rows_of
from pytest_compiledai.kernels.whole.working import work

if TYPE_CHECKING:
    from pytest_compiledai.core.gate import Phase
    from pytest_compiledai.core.kind import Asking
    from pytest_compiledai.core.kind import Bench
    from pytest_compiledai.core.kind import Judged
    from pytest_compiledai.core.unit import Unit
    from pytest_compiledai.core.verdict import Verdict
    from pytest_compiledai.kernels.whole.spec import WholeSpec

_MOST_ROWS = 16  # on which a search is made
#: Of the rows that choose; the test rows are opened by the gates alone.
_CHOOSING = (Split.TRAIN, Split.VALIDATION)


class WholeForm:
    """A whole model and the back ends that may run it."""

    def propose(
        self, unit: Unit, history: Sequence[Judged], *, sample: int, asking: Asking
    ) -> Candidate:
        """Return the model in the form of the chosen back end. Raises ``ModelError``."""
        spec: WholeSpec = unit.body
        if asking.is_ahead and measured.read(spec, unit.source) is None:
            raise only_one(unit, "a search, which is not begun ahead")
        if history or sample:
            raise RecordingMissing(
                where=unit.place,
                found="the fastest back end that matched when it was chosen, judged already",
                expected="another search: this one's choice does not pass",
                next=f"delete {spec.measured_file.name}, then pytest --compile {spec.path}",
            )
        found = measured.read(spec, unit.source)
        if found is None:
            with asking.exclusive():
                found = searched(spec, timeout_s=unit.timeout_s)
            measured.write(spec, unit.source, found)
        back_end = measured.chosen(found, spec.bounds)
        data = exported(spec, back_end, "", timeout_s=unit.timeout_s)
        files = artifact.made(spec, back_end, data)
        return Candidate(files=files, proposer=f"search:{back_end}", attempt=1)

    def recorded(self, unit: Unit, asking: Asking) -> str:
        """Return the digest of the weights and of the tools that verdicts rest on."""
        del asking
        spec: WholeSpec = unit.body
        return digest_of([artifact.weights(spec.source), artifact.tools(spec)])

    def sources(self, unit: Unit, candidate: Candidate) -> Sequence[Any]:
        """Return nothing: the artifact has no code."""
        del unit, candidate
        return ()

    def judge(
        self, gate: str, unit: Unit, candidate: Candidate, *, phase: Phase, bench: Bench
    ) -> Verdict:
        """Return the verdict of one gate; the model runs in a process of its own."""
        return judging.judge(gate, unit, candidate, phase, bench)


def searched(spec: WholeSpec, *, timeout_s: float) -> Mapping[str, Mapping[str, Any]]:
    """Return how each back end did on rows that may choose. Raises ``WorkerError``."""
    rows = spread(spec.rows_in(*_CHOOSING), _MOST_ROWS)
    if not rows:
        raise SpecError(
            where=spec.path, found="test rows only", expected="a train or validation row as well"
        )
    found: Mapping[str, Mapping[str, Any]] = work(
        spec, "search", timeout_s=timeout_s, frameworks=list(spec.frameworks), rows=rows_of(rows)
    )
    return found
