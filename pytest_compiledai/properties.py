"""What each test case says in a JUnit file beside its outcome: unit, gate, artifact, figures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_compiledai.core.gate import COMPILE
from pytest_compiledai.llm.redact import redact

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Mapping
    from typing import Any

    from pytest_compiledai.core.verdict import Verdict

LONGEST_FIGURE = 80  # characters; a longer one is for the reports


def properties(
    payload: Mapping[str, Any], verdict: Verdict | None, outcome: str
) -> Iterator[tuple[str, str]]:
    """Yield name and value; ``payload`` is the item's, ``outcome`` what pytest says of it.

    A gate that failed without a verdict could not ask its question: its outcome is `error`.
    """
    if outcome == "failed" and verdict is None and payload["gate"] != COMPILE:
        outcome = "error"
    yield "compiledai.unit", payload["unit"]
    yield "compiledai.gate", payload["gate"]
    yield "compiledai.outcome", outcome
    if payload["artifact"]:
        yield "compiledai.artifact", payload["artifact"]
    for name, value in verdict.plain_figures().items() if verdict else ():
        text = redact(str(value))
        if len(text) <= LONGEST_FIGURE:
            yield f"compiledai.figure.{name}", text
