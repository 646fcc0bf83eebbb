"""A gate's answer and its reasons."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
from typing import Any
from typing import TypeVar

from pytest_compiledai.core.errors import CompiledAIError


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One reason why a gate failed.

    ``quotable`` says whether the text may go back to a model: a finding that quotes or names a
    validation or test row may not (nothing learns from the test rows).
    """

    rule: str  # `<gate>.<name>`, for example `security.import`
    message: str  # leads with the row or line, then what was found and expected
    path: str = ""  # POSIX, relative to the root; "" for the candidate's own text
    line: int = 0  # 1-based; 0: the file as a whole
    quotable: bool = True
    field: str = ""  # the output's property that it is about, where it is about one

    def as_json(self) -> dict[str, Any]:
        """Return the form that reports carry."""
        return {"rule": self.rule, "message": self.message, "path": self.path, "line": self.line}


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What one gate says of one candidate: passed, or failed with findings; never a third thing."""

    gate: str
    findings: tuple[Finding, ...] = ()
    figures: Mapping[str, Any] = field(default_factory=dict)  # JSON values only

    @property
    def passed(self) -> bool:
        """Whether the gate found nothing against the candidate."""
        return not self.findings

    def plain_figures(self) -> dict[str, int | float | str]:
        """Return the figures that are one number or word, by name; the rest is for reports."""
        plain = {k: v for k, v in self.figures.items() if isinstance(v, (int, float, str))}
        return dict(sorted(plain.items()))


Found = TypeVar("Found")  # what a question yields beside what goes wrong


def found_by(
    question: Callable[[dict[str, Any]], Iterable[Found]],
    figures: dict[str, Any],
    *,
    unasked: tuple[type[Exception], ...] = (),
) -> list[Found | tuple[str, str]]:
    """Return what ``question`` finds; what goes wrong in asking is a finding, too.

    ``unasked`` are exceptions that say in their own words, like ours, why nobody could ask.
    """
    found: list[Found | tuple[str, str]] = []
    silent: tuple[type[Exception], ...] = (CompiledAIError, *unasked)
    try:
        found += question(figures)
    except silent as error:
        found.append(("unasked", str(error)))
    except (ValueError, LookupError, TypeError, AttributeError, OSError) as error:
        # Files that a hand edited can be anything; they are read as they stand.
        found.append(("unreadable", f"found {type(error).__name__}: {error}"[:300]))
    return found


MOST_TOLD = 20  # findings of one gate


def verdict_of(
    gate: str, found: Sequence[Finding | tuple[str, str]], figures: Mapping[str, Any], path: str
) -> Verdict:
    """Return the verdict of what was found, rule's name and message; beyond twenty by number.

    No finding that is made here is quotable: what a kind's own gates say may rest on any row. One
    that another gate made stays as it is.
    """

    def finding(rule: str, message: str) -> Finding:
        return Finding(rule=f"{gate}.{rule}", message=message, path=path, quotable=False)

    told = [item if isinstance(item, Finding) else finding(*item) for item in found[:MOST_TOLD]]
    if len(found) > MOST_TOLD:
        last = told[-1].rule.partition(".")[2]
        told.append(finding(last, f"and {len(found) - MOST_TOLD} more"))
    return Verdict(gate=gate, figures=figures, findings=tuple(told))
