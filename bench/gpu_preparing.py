"""What later stages need and no figure is taken of: plans, and kernels in Triton's own cache."""

from __future__ import annotations

import os
from collections.abc import Iterator

from bench.gpu_setting import Row
from bench.gpu_setting import Setting
from bench.gpu_setting import shares

_CHILDREN = 12


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


def compile_all(setting: Setting) -> Iterator[Row]:
    """Compile every candidate once, so that the stages that measure find it in the cache."""
    if not setting.part and not setting.reduced:
        count = min(_CHILDREN, max(1, (os.cpu_count() or 2) - 2))
        children = [setting.child("compile", part=f"{n}/{count}") for n in range(count)]
        for child in children:
            child.wait()
        return
    done = failed = 0
    for region, candidate in shares(list(_all(setting)), setting.part):
        try:
            _compiled(setting, region, candidate)
            done += 1
        except Exception as error:  # noqa: BLE001 - the compiler raises anything
            failed += 1
            yield {"what": "refused", "region": region.name, "why": str(error)[:200]}
    yield {"what": "compiled", "part": setting.part, "kernels": done, "refused": failed}


def _all(setting: Setting):
    """Yield region and candidate, one region a signature."""
    from pytest_compiledai.kernels.matching import proposals

    seen = set()
    for model in setting.models:
        for region in setting.plan(model).regions:
            if region.signature in seen:
                continue
            seen.add(region.signature)
            targets = ["cpu"] if setting.reduced else ["sm_90"]
            for candidate in proposals(region, targets, setting.most):
                yield region, candidate


def _compiled(setting: Setting, region, candidate) -> None:
    from pytest_compiledai.kernels.runtime.kernel import launched

    ready = launched(fit(setting, region, candidate), setting.device)
    if setting.reduced:
        return
    ready.launcher.compile(ready.kernel.kinds)


def fit(setting: Setting, region, candidate):
    """Return a family's candidate as a kernel of ``region``."""
    from pytest_compiledai.kernels.runtime.kernel import fitted

    suffix = ".cpp" if setting.reduced else ".py"
    facts = {"dtype": setting.dtype, "context": setting.context}
    return fitted(region, candidate.source, suffix, **facts)
