"""What later stages need and no figure is taken of: plans, and kernels in Triton's own cache."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from collections.abc import Sequence
from typing import TYPE_CHECKING
from typing import Any

from bench.gpu_setting import Row
from bench.gpu_setting import Setting
from bench.gpu_setting import shares

if TYPE_CHECKING:
    from pytest_compiledai.kernels.candidate import Candidate

TARGET = "sm_90"
#: The file of `order`: a region's signature -> texts.
ORDER = "order.json"
_CHILDREN = 14


def plans(setting: Setting) -> Iterator[Row]:
    """Yield what each model is cut into; full-size models are captured beside each other."""
    if len(setting.models) > 1 and not setting.reduced:
        children = [setting.child("plans", models=[name], part=name) for name in setting.models]
        for child in children:
            child.wait()
    for name in setting.models:
        plan = setting.plan(name)
        found = {region.name: region.family for region in plan.regions}
        if setting.part != name:  # the parent's row is enough
            yield {"what": "plan", "model": name, "calls": len(plan.calls), "regions": found}


def order(setting: Setting) -> Iterator[Row]:
    """Order each region's candidates by what the static model says of their compiled code."""
    from pytest_compiledai.kernels.matching import kind_of
    from pytest_compiledai.kernels.matching import space
    from pytest_compiledai.kernels.ordering import weighed_order

    known: dict[str, list[str]] = {}
    for region in _regions(setting):
        contract, found = space(region, [TARGET])
        if contract is not None:
            places = weighed_order(contract, found, dtype=kind_of(region), targets=[TARGET])
            known[region.signature] = [found[place].source for place in places[: 2 * setting.most]]
            (setting.work / ORDER).write_text(json.dumps(known), encoding="utf-8")
            yield {"what": "order", "region": region.name, "of": len(found), "taken": len(places)}


def proposed(setting: Setting, region) -> list[Candidate]:
    """Return a region's candidates, those that are measured first in front.

    Where ``order`` was asked ahead it is that order; else they are spread over the space.
    """
    from pytest_compiledai.kernels.matching import space

    targets = ["cpu"] if setting.reduced else [TARGET]
    _, found = space(region, targets)
    known = setting.work / ORDER
    if known.is_file() and (texts := json.loads(known.read_text("utf-8")).get(region.signature)):
        by_text = {candidate.source: candidate for candidate in found}
        found = [by_text[text] for text in texts if text in by_text]
        return found[: setting.most]
    return spread(found, setting.most)


def spread(found: Sequence[Any], most: int) -> list[Any]:
    """Return at most ``most``, evenly over the whole, and each beginning of them evenly too."""
    if len(found) > most:
        found = [found[n * len(found) // most] for n in range(most)]
    count, step = len(found), 1
    while step < count:
        step *= 2
    taken: list[int] = []
    while step:
        taken += [n for n in range(0, count, step) if n not in taken]
        step //= 2
    return [found[n] for n in taken]


def compile_all(setting: Setting) -> Iterator[Row]:
    """Compile every candidate once, so that the stages that measure find it in the cache."""
    if not setting.part and not setting.reduced:
        for name in setting.models:
            setting.plan(name)  # else each child captured it
        count = min(_CHILDREN, max(1, (os.cpu_count() or 2) - 2))
        children = [setting.child("compile", part=f"{n}/{count}") for n in range(count)]
        for child in children:
            child.wait()
        return
    done = failed = 0
    every = list(_all(setting))
    for early in (False,) if setting.reduced else (False, True):
        for region, candidate in shares(every, setting.part):
            try:
                _compiled(setting, region, candidate, early=early)
                done += 1
            except Exception as error:  # noqa: BLE001 - the compiler raises anything
                failed += 1
                row = {"what": "refused", "region": region.name, "early": early}
                yield row | {"why": str(error)[:200]}
    yield {"what": "compiled", "part": setting.part, "kernels": done, "refused": failed}


def _all(setting: Setting):
    """Yield region and candidate, one region a signature; the first of each region come first."""
    every = [(region, proposed(setting, region)) for region in _regions(setting)]
    for place in range(setting.most):
        yield from ((region, found[place]) for region, found in every if place < len(found))


def _regions(setting: Setting):
    """Yield the regions of all models, one a signature."""
    seen = set()
    for model in setting.models:
        for region in setting.plan(model).regions:
            if region.signature not in seen:
                seen.add(region.signature)
                yield region


def _compiled(setting: Setting, region, candidate, *, early: bool) -> None:
    from pytest_compiledai.kernels.runtime.kernel import launched

    ready = launched(fit(setting, region, candidate), setting.device, early=early)
    if not setting.reduced:
        ready.launcher.compile(ready.kernel.kinds)


def fit(setting: Setting, region, candidate):
    """Return a family's candidate as a kernel of ``region``."""
    from pytest_compiledai.kernels.runtime.kernel import fitted

    suffix = ".cpp" if setting.reduced else ".py"
    facts = {"dtype": setting.dtype, "context": setting.context}
    return fitted(region, candidate.source, suffix, **facts)
