"""Whether answers in a profile say what the flow listens for: a branch, a verdict, a vote.

A router that never names a branch, a gate that neither accepts nor rejects, and right answers that
read like wrong ones would each be composed into figures that no run can give.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING
from typing import Final

import numpy as np

from pytest_compiledai.core.errors import ModelError
from pytest_compiledai.workflows import graph
from pytest_compiledai.workflows.plan import structures
from pytest_compiledai.workflows.profile import MALFORMED
from pytest_compiledai.workflows.profile import RIGHT
from pytest_compiledai.workflows.profile import Cell
from pytest_compiledai.workflows.profile import Profile
from pytest_compiledai.workflows.saying import normal

if TYPE_CHECKING:
    from pytest_compiledai.workflows.spec import WorkflowSpec

VERDICTS: Final = ("accept", "reject")
#: Problems with a right and a wrong answer, from which on the two must differ somewhere.
LEAST_MIXED: Final = 20


def check_words(spec: WorkflowSpec, profile: Profile) -> None:
    """Raise ``ModelError`` for a call whose answers are not of the kind that its place needs."""
    for fault, expected in dict.fromkeys(_faults(spec, profile)):
        raise ModelError(
            where=spec.path,
            found=f"{fault} in {spec.profile}",
            expected=expected,
            next="mend the column `answer`; see docs/workflows.md, section Profile",
        )


def _faults(spec: WorkflowSpec, profile: Profile) -> Iterator[tuple[str, str]]:
    steps = [inner for step in structures(spec.plan) for inner in _all(step)]
    for agent, words in sorted(listened(steps)):
        for setting in spec.plan.settings[agent]:
            if not _says(profile, agent, setting, words):
                yield (
                    f"no answer of {agent} at {setting} that is {' or '.join(words)}",
                    "one of these words on some problem",
                )
    for agent in sorted(voters(steps)):
        cells = [profile.cell(agent, setting) for setting in spec.plan.settings[agent]]
        if _reads_alike([cell for cell in cells if cell is not None]):
            yield (
                f"right answers of {agent} that read like wrong ones to the same problems",
                "answers that a vote can tell apart",
            )


def _all(step: graph.Step) -> Iterator[graph.Step]:
    yield step
    for part in graph.parts(step):
        yield from _all(part)


def listened(steps: list[graph.Step]) -> set[tuple[str, tuple[str, ...]]]:
    """Return routers, gates and checks by agent, with the words that they choose from."""
    found: set[tuple[str, tuple[str, ...]]] = set()
    for step in steps:
        match step:
            case graph.Route(router=router, names=names):
                found.add((router.agent, names))
            case graph.Cascade(gate=graph.Call(agent=agent)):
                found.add((agent, VERDICTS))
            case graph.Loop(checks=checks):
                found |= {(check.agent, VERDICTS) for check in checks}
            case _:
                pass
    return found


def voters(steps: list[graph.Step]) -> set[str]:
    """Return the agents whose answers are counted in a vote."""
    votes = [step for step in steps if isinstance(step, graph.Vote)]
    return {b.agent for vote in votes for b in vote.branches if isinstance(b, graph.Call)}


def _says(profile: Profile, agent: str, setting: str, words: tuple[str, ...]) -> bool:
    plain = {normal(word) for word in words}
    codes = [n for n, text in enumerate(profile.answers) if text in plain]
    cells = [cell for (a, s, _), cell in profile.cells.items() if (a, s) == (agent, setting)]
    return any(bool(np.isin(cell.answer, codes).any()) for cell in cells)


def _reads_alike(cells: list[Cell]) -> bool:
    """Return whether no problem's right and wrong answers differ, though many have both."""
    if not cells:
        return False
    query, answer, right = (
        np.concatenate(parts)
        for parts in zip(*((c.query, c.answer, c.score >= RIGHT) for c in cells), strict=True)
    )
    kept = answer != MALFORMED
    query, answer, right = query[kept], answer[kept], right[kept]
    good = set(zip(query[right].tolist(), answer[right].tolist(), strict=True))
    bad = set(zip(query[~right].tolist(), answer[~right].tolist(), strict=True))
    mixed = {q for q, _ in good} & {q for q, _ in bad}
    apart = {q for q, _ in (good ^ bad) if q in mixed}
    return len(mixed) >= LEAST_MIXED and not apart
