"""What a call that reads several results is given: some that belong together, right and wrong."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence
from itertools import product
from typing import TYPE_CHECKING
from typing import Any
from typing import Final

if TYPE_CHECKING:
    from pytest_compiledai.workflows.links import Chain
    from pytest_compiledai.workflows.profiling import Given
    from pytest_compiledai.workflows.profiling import Profiler

_RIGHT: Final = "correct"


def given_together(
    profiler: Profiler, chain: Chain, parts: Sequence[Sequence[Mapping[str, Any]]]
) -> Given:
    """Return what the first of ``chain`` is given: nothing, or results that belong together.

    One that is empty is not given on, as no run would; the reference's of one sample come
    first, and any others stand in for a state that these never reached.
    """
    found: Given = {row.id: {} if parts else {_RIGHT: None} for row in profiler.spec.rows}
    if not parts:
        return found
    first = [profiler.settings(agent)[0] for agent in chain[0].reads]
    for sample in range(profiler.samples):
        kept = [
            [row for row in rows if (row["setting"], row["sample"]) == (setting, sample)]
            for rows, setting in zip(parts, first, strict=True)
        ]
        _give(profiler, found, kept, first)
    _give(profiler, found, parts, first)
    return found


def _give(
    profiler: Profiler,
    found: Given,
    parts: Sequence[Sequence[Mapping[str, Any]]],
    first: Sequence[str],
) -> None:
    """Add to ``found`` the results of ``parts`` put together, for each state it has not."""
    each = [profiler.results(p, found, prefer=s) for p, s in zip(parts, first, strict=True)]
    for query, states in found.items():
        for chosen in product(*(sorted(given[query].items()) for given in each)):
            state = _RIGHT if all(name == _RIGHT for name, _ in chosen) else "wrong"
            states.setdefault(state, "\n".join(str(text) for _, text in chosen))
