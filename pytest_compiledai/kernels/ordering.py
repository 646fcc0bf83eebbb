"""The order in which a region's candidates are tried, before any of them is judged.

Some of them are compiled and weighed by a static model, which orders these and drops what no target
takes; a language model may be asked, or its recording read; and the best of every variant comes
before the second of any. None of it decides what is taken: that is for the gates and for times.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Final

from pytest_compiledai.kernels import latency
from pytest_compiledai.kernels import native
from pytest_compiledai.kernels import ranking
from pytest_compiledai.kernels.compiling import compile_all
from pytest_compiledai.kernels.instructions import counted

if TYPE_CHECKING:
    from pytest_compiledai.core.kind import Asking
    from pytest_compiledai.kernels.candidate import Candidate
    from pytest_compiledai.kernels.compiling import Built
    from pytest_compiledai.kernels.contract import Contract

#: Candidates that are compiled for each place of the budget, evenly over the space.
WEIGHED: Final = 4
Weight = float | str  # less is better; a text says why no target takes it


def ordered(
    contract: Contract,
    space: Sequence[Candidate],
    asking: Asking,
    *,
    dtype: str,
    targets: Sequence[str],
    budget: int,
) -> ranking.Advice:
    """Return the order of places, advised where a model was asked. Raises ``ModelError``.

    Where the budget covers the space nobody is asked: every candidate is tried, in its own order.
    """
    if len(space) <= budget:
        return ranking.Advice(order=tuple(range(len(space))))
    weighed = dict(_weighed(contract, space, dtype=dtype, targets=targets, most=WEIGHED * budget))
    refused = {place: weight for place, weight in weighed.items() if isinstance(weight, str)}
    told = ranking.ordered(
        contract,
        space,
        static_order(weighed, space),
        asking,
        dtype=dtype,
        targets=targets,
        hints=refused,
    )
    return replace(told, order=ranking.spread(told.order, space))


def weighed_order(
    contract: Contract, space: Sequence[Candidate], *, dtype: str, targets: Sequence[str]
) -> tuple[int, ...]:
    """Return the places that targets take, the best of each variant before the second of any."""
    weighed = dict(_weighed(contract, space, dtype=dtype, targets=targets, most=len(space)))
    return ranking.spread(static_order(weighed, space), space)


def static_order(weighed: dict[int, Weight], space: Sequence[Candidate]) -> tuple[int, ...]:
    """Return the places that were not refused: the weighed ones by weight, then the others."""
    known = sorted((w, place) for place, w in weighed.items() if not isinstance(w, str))
    others = (place for place in range(len(space)) if place not in weighed)
    return (*(place for _, place in known), *others)


def _weighed(
    contract: Contract, space: Sequence[Candidate], *, dtype: str, targets: Sequence[str], most: int
) -> Iterator[tuple[int, Weight]]:
    places = range(0, len(space), max(1, -(-len(space) // most)))
    if space[0].language == "cpp":
        yield from ((place, _on_processor(space[place])) for place in places)
        return
    chosen = [space[place] for place in places]
    built = compile_all(contract, chosen, dtype=dtype, targets=targets)
    for place, candidate, each in zip(places, chosen, built, strict=True):
        yield place, _on_targets(contract, candidate, each, dtype, targets)


def _on_processor(candidate: Candidate) -> Weight:
    with tempfile.TemporaryDirectory() as folder:
        try:
            return counted(native.build(candidate.source, Path(folder))).slowed()
        except native.NotBuiltError as error:
            return str(error)


def _on_targets(
    contract: Contract, candidate: Candidate, built: Built, dtype: str, targets: Sequence[str]
) -> Weight:
    """Return the modelled time over all targets, or the first reason against it."""
    if built.findings:
        return built.findings[0].message
    verdict = latency.judge(contract, candidate, built.facts, targets, dtype)
    if verdict.findings:
        return verdict.findings[0].message
    return sum(
        latency.modelled(contract, candidate, built.facts, target, dtype).ns for target in targets
    )
