"""What the kinds say in the same words that ask no language model while they compile."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pytest_compiledai.core.candidate import Candidate
from pytest_compiledai.core.errors import RecordingMissing

if TYPE_CHECKING:
    from pytest_compiledai.core.unit import Unit
    from pytest_compiledai.core.verdict import Verdict


class ModelFree:
    """A kind whose candidates are made from files: nobody is asked, and no choice is ranked."""

    def opening(self, unit: Unit) -> Sequence[tuple[str, str]] | None:
        """Return None: no language model is asked."""
        del unit
        return None

    def bill(self, unit: Unit, attempts: int) -> tuple[int, int, int]:
        """Return nothing: compiling costs no call; recordings are paid for where they are made."""
        del unit, attempts
        return (0, 0, 0)

    def direct_tokens(self, unit: Unit) -> float | None:
        """Return None: what answering without an artifact takes is the kind's own gates' to say."""
        del unit
        return None

    def thaw(
        self, unit: Unit, files: Mapping[str, bytes], *, proposer: str, attempt: int
    ) -> Candidate:
        """Return the frozen artifact as a candidate."""
        del unit  # the bytes say it all
        return Candidate(files=files, proposer=proposer, attempt=attempt)

    def rank(self, verdicts: Sequence[Verdict]) -> float:
        """Return 0: there is one candidate, or it was chosen before it was proposed."""
        del verdicts
        return 0.0


def only_one(
    unit: Unit, found: str, expected: str = "another spec: an equal one gives the same"
) -> RecordingMissing:
    """Return the error of a unit that has one candidate and was asked for another."""
    return RecordingMissing(
        where=unit.place,
        found=found,
        expected=expected,
        next=f"mend what the gate found, then pytest --compile {unit.place.path}",
    )
