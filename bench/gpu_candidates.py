"""Every candidate of every region on the device: is it right, and is it faster than the framework.

Both are recorded the same way, over inputs that rotate through more than the last cache. An error
is judged by the rule of the accuracy gate, beside float64 and the framework's own error.
"""

from __future__ import annotations

import gc
import math
from collections.abc import Iterator

from bench.gpu_preparing import fit
from bench.gpu_setting import Row
from bench.gpu_setting import Setting

#: By which a kernel has to beat the framework, as specs have it.
MARGIN = 0.02
_MOST_SETS = 48
#: Launches in one recording, so that what a replay costs does not count.
_FEWEST = 16
#: Positions at which the cache is attended to, as shares of the whole; each chooses for itself.
_POSITIONS = (0.01, 0.1, 0.6)
_FASTER_THAN_MEMORY = 0.95


def candidates(setting: Setting) -> Iterator[Row]:
    """Yield a row a candidate, and a row a region with what was chosen for it."""
    if not setting.reduced:
        gc.freeze()  # recording a graph collects garbage, and imported modules are none
    known: dict[str, Row] = {}
    for model in setting.models:
        plan = setting.plan(model)
        for region in sorted(plan.regions, key=lambda one: -one.count * one.bytes):
            if region.signature not in known:
                try:
                    yield from (asked := Asked(setting, model, region)).rows()
                    known[region.signature] = asked.chosen
                except Exception as error:  # noqa: BLE001 - whatever a device raises
                    yield _refused(model, region, "", error)
                    continue
            yield known[region.signature] | {"model": model, "region": region.name}


def chosen(setting: Setting, model: str) -> dict[str, dict[int, str]]:
    """Return the texts chosen for each region of a model, by the end of the bucket of each.

    An empty text stands for the framework; a region that it has everywhere is left out.
    """
    rows = [row for row in setting.rows("candidates") if row["what"] == "chosen"]
    return {
        row["region"]: {int(end): text for end, text in row["texts"].items()}
        for row in rows
        if row["model"] == model and any(row["texts"].values())
    }


def _refused(model: str, region, parameters: str, error: Exception) -> Row:
    row = {"what": "refused", "model": model, "region": region.name, "kernel": parameters}
    return row | {"why": f"{type(error).__name__}: {error}"[:300]}


class Asked:
    """One region: its inputs, its truth, and what the framework takes for it."""

    def __init__(self, setting: Setting, model: str, region) -> None:
        self.setting, self.model, self.region = setting, model, region
        self.chosen: Row = {}
        self.sets, self.truth = {}, {}

    def rows(self) -> Iterator[Row]:
        """Yield a row a candidate; ``chosen`` stands after the last."""
        from pytest_compiledai.kernels.matching import proposals

        setting, region = self.setting, self.region
        states = any(value.role == "state" for value in region.inputs)
        shares = _POSITIONS if states else _POSITIONS[:1]
        self.sets = {int(share * setting.context): self.drawn(share) for share in shares}
        self.truth = {at: _truth(region, sets[0]) for at, sets in self.sets.items()}
        framework = {at: self._framework(at) for at in self.sets}
        own = max(error for _, error in framework.values())
        slow = {at: us for at, (us, _) in framework.items()}
        best: dict[int, Row] = {}  # by position
        targets = ["cpu"] if setting.reduced else ["sm_90"]
        for candidate in proposals(region, targets, setting.most):
            told = ",".join(f"{key}={value}" for key, value in candidate.parameters.items())
            try:
                row = self._one(candidate, told, own, slow)
            except Exception as error:  # noqa: BLE001 - the compiler and the device raise anything
                yield _refused(self.model, region, told, error)
                continue
            yield row
            if row["right"] and not row["too_fast"]:
                for at in self.sets:
                    if at not in best or row["us"][str(at)] < best[at]["us"][str(at)]:
                        best[at] = row | {"text": candidate.source}
        self.chosen = self._choice(best, slow)

    def _choice(self, best: dict[int, Row], slow) -> Row:
        """Return what runs in the bucket of each position; the last one's serves to the end."""
        row: Row = {"what": "chosen", "family": self.region.family, "count": self.region.count}
        row["framework_us"] = {str(at): round(us, 2) for at, us in slow.items()}
        taken = {
            at: found
            for at, found in best.items()
            if found["us"][str(at)] <= (1 - MARGIN) * slow[at]
        }
        ends = {at: _room(self.setting, at) for at in slow} | {max(slow): self.setting.context}
        row["texts"] = {str(ends[at]): taken[at]["text"] if at in taken else "" for at in slow}
        names = [taken[at]["kernel"] if at in taken else "framework" for at in slow]
        row["kernel"] = " | ".join(dict.fromkeys(names))
        us = {at: taken[at]["us"][str(at)] if at in taken else slow[at] for at in slow}
        row["us"] = {str(at): round(one, 2) for at, one in us.items()}
        row["ratio"] = round(math.exp(sum(math.log(us[at] / slow[at]) for at in us) / len(us)), 4)
        for figure in ("error", "own_error"):
            row[figure] = max((found[figure] for found in taken.values()), default=0.0)
        return row

    def _one(self, candidate, told: str, own: float, slow) -> Row:
        from pytest_compiledai.kernels.accuracy import FACTOR
        from pytest_compiledai.kernels.accuracy import FLOOR
        from pytest_compiledai.kernels.runtime.kernel import launched

        setting, region = self.setting, self.region
        kernel = launched(fit(setting, region, candidate), setting.device)
        worst, us = 0.0, {}
        for at, sets in self.sets.items():
            sites = [kernel.at(call_of(region), fixed) for fixed in sets]
            found = dict(sets[0])
            _poison(region, sites[0], found, at)
            sites[0].run(found)
            worst = max(worst, _error(region, found, self.truth[at]))
            us[at] = self._timed([lambda site=site: site.run({}) for site in sites])
        bound = max(FACTOR * own, FLOOR[setting.dtype])
        ratio = math.exp(sum(math.log(us[at] / slow[at]) for at in us) / len(us))
        row: Row = {"what": "candidate", "model": self.model, "region": region.name}
        row |= {"kernel": told, "ratio": round(ratio, 4), "right": bool(worst <= bound)}
        row |= {"us": {str(at): round(one, 2) for at, one in us.items()}}
        row |= {"error": float(f"{worst:.3g}"), "own_error": float(f"{own:.3g}")}
        return row | {"too_fast": self._is_too_fast(min(us.values()))}

    def _is_too_fast(self, us: float) -> bool:
        """Return whether a time is below what the bytes take; state is only read in part."""
        states = any(value.role == "state" for value in self.region.inputs)
        tables = self.region.family == "embedding"
        if states or tables or self.setting.reduced or not self.setting.bandwidth:
            return False
        least = self.region.bytes / self.setting.bandwidth * 1e6
        return us < least * _FASTER_THAN_MEMORY

    def _framework(self, at: int) -> tuple[float, float]:
        """Return the microseconds and the error of the region's own operators in the bucket."""
        from pytest_compiledai.kernels.runtime.program import Program

        program = Program(self.region, call_of(self.region), {})
        room = _room(self.setting, at)
        states = {value.name for value in self.region.inputs if value.role == "state"}
        sets = [
            {name: one[:, :, :room] if name in states else one for name, one in held.items()}
            for held in self.sets[at]
        ]
        values = dict(sets[0])
        program.run(values)
        error = _error(self.region, values, self.truth[at])
        works = [lambda held=held: program.run(dict(held)) for held in sets]
        return self._timed(works), error

    def _timed(self, works) -> float:
        many = works * max(1, (2 if self.setting.reduced else _FEWEST) // len(works))

        def work() -> None:
            for one in many:
                one()

        return self.setting.timed(self.setting.recorded(work), calls=len(many)).us

    def drawn(self, share: float, *, most: int = _MOST_SETS):
        """Return sets of inputs by the region's names that together exceed the cache."""
        import torch

        from pytest_compiledai.kernels.runtime.program import MASK
        from pytest_compiledai.kernels.runtime.program import masked

        setting, region = self.setting, self.region
        position = int(share * setting.context)
        count = min(most, 1 + 3 * setting.cache_bytes // max(1, region.bytes))
        generator = torch.Generator(setting.device).manual_seed(11)
        found = []
        for _ in range(count):
            held = {v.name: _values(v, region, position, generator) for v in region.inputs}
            place = torch.full((1, 1), position, device=setting.device)
            kind = getattr(torch, setting.dtype)
            found.append({**held, MASK: masked(place, _room(setting, position), dtype=kind)})
        return found


def _room(setting: Setting, position: int) -> int:
    """Return the bucket of a position."""
    return next(end for end in setting.rooms if position < end)


def call_of(region):
    """Return a call whose places are the region's own names."""
    from pytest_compiledai.kernels.plan import Call

    inputs = tuple(value.name for value in region.inputs)
    return Call(region=region.name, inputs=inputs, outputs=tuple(v.name for v in region.outputs))


def _values(value, region, position: int, generator):
    """Return one input: weights as a layer has them, whole numbers at the position."""
    import torch

    kind = getattr(torch, value.dtype)
    device = generator.device
    if not kind.is_floating_point:
        return torch.full(value.shape, position % _rows(region), dtype=kind, device=device)
    drawn = torch.randn(value.shape, generator=generator, dtype=torch.float32, device=device)
    if value.role == "weight":
        drawn = drawn / math.sqrt(value.shape[-1]) if len(value.shape) > 1 else 1 + 0.1 * drawn
    return drawn.to(kind)


def _rows(region) -> int:
    """Return how many rows a whole number may pick of: a table's, else any."""
    if region.family != "embedding":
        return 1 << 40
    return min(value.shape[0] for value in region.inputs if value.role == "weight")


def _truth(region, held):
    from pytest_compiledai.kernels.reference import evaluate

    return evaluate(region, held, dtype="float64")


def _error(region, found, truth) -> float:
    """Return the worst relative error of outputs and of what was written; 1 where tokens differ."""
    import torch

    worst = 0.0
    for value in (*region.outputs, *(region.value(name) for name in region.mutates)):
        one, right = found[value.name], truth[value.name]
        if not one.is_floating_point():
            worst = max(worst, float(not _same(region, found, one, right)))
            continue
        if value.role == "state":
            one, right = _written(one, right[:, :, : one.shape[2]])
        apart = (one.double() - right).norm() / right.norm().clamp_min(1e-300)
        worst = max(worst, float(apart) if torch.isfinite(apart) else math.inf)
    return worst


def _same(region, found, one, right) -> bool:
    """Return whether whole numbers are equal, or name equal logits where the largest is chosen."""
    import torch

    if torch.equal(one.reshape(-1), right.reshape(-1)):
        return True
    if region.family != "sampler":
        return False
    logits = found[region.inputs[0].name].reshape(-1)
    return bool((logits[one.reshape(-1)] == logits[right.reshape(-1)]).all())


def _poison(region, site, held, position: int) -> None:
    """Fill what a kernel has to write with what no kernel writes."""
    for value in region.outputs:
        made = site.made[value.name]
        made.fill_(math.nan if made.is_floating_point() else -1)
    for name in region.mutates:
        held[name][:, :, position].fill_(math.nan)


def _written(one, right):
    """Return the rows of a cache that differ by more than rounding, or all where none does."""
    rows = (one.double() - right).abs().amax(dim=(0, 1, 3)) > 0
    return (one[:, :, rows], right[:, :, rows]) if bool(rows.any()) else (one, right)
