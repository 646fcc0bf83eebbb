"""Every candidate of every region on the device: is it right, and is it faster than the framework.

Both are recorded the same way, over inputs that rotate through more than the last cache. An error
is judged by the rule of the accuracy gate, beside float64 and the framework's own error.
"""

from __future__ import annotations

import gc
import math
import traceback
from collections.abc import Collection
from collections.abc import Iterator

from bench.gpu_preparing import fit
from bench.gpu_preparing import proposed
from bench.gpu_setting import Row
from bench.gpu_setting import Setting

#: By which a kernel has to beat the framework, as specs have it.
MARGIN = 0.02
_MOST_SETS = 48
#: Launches in one recording, so that what a replay costs does not count.
_FEWEST = 16
#: Positions at which the cache is attended to, as shares of the whole; each chooses for itself.
_POSITIONS = (0.01, 0.1, 0.6)
#: Of the time at the fastest access; what the last cache still holds is read faster than that.
_FASTER_THAN_MEMORY = 0.7
#: Candidates of each region that are measured before the next ones of any.
_PARTS = (3, 5)
#: Bytes of caches that are held at once for one region and position.
_MOST_STATES = 2 << 30


def candidates(setting: Setting) -> Iterator[Row]:
    """Yield a row a candidate, and a row a region with what is chosen for it so far.

    The first few candidates of every region come before more of any: out of time, each has a
    choice. Of a region's rows `chosen` the last one counts.
    """
    if not setting.reduced:
        gc.freeze()  # recording a graph collects garbage, and imported modules are none
    known: dict[str, Asked] = {}
    before = {(r["region"], r["kernel"]) for r in setting.rows("candidates") if r.get("fatal")}
    for part in _parts(setting.most):
        for model in setting.models:
            plan = setting.plan(model)
            for region in sorted(plan.regions, key=lambda one: -one.count * one.bytes):
                is_new = region.signature not in known
                try:
                    asked = known.get(region.signature) or Asked(
                        setting, model, region, skipped=before
                    )
                    known[region.signature] = asked
                    if asked.model == model:
                        yield from asked.rows(part)
                except GoneError:
                    raise
                except Exception as error:  # noqa: BLE001 - whatever a device raises
                    yield _refused(model, region, "", error)
                    continue
                if asked.chosen and (is_new or asked.changed):
                    yield asked.chosen | {"model": model, "region": region.name}


def _parts(most: int) -> Iterator[slice]:
    start = 0
    for size in _PARTS:
        yield slice(start, min(start + size, most))
        start += size
        if start >= most:
            return
    yield slice(start, most)


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


class GoneError(Exception):
    """A candidate left the device unusable to this process; the next one may go on."""


def _is_gone(setting: Setting) -> bool:
    """Return whether an error stays: an access beside memory spoils all that follows it."""
    import torch

    try:
        if not setting.reduced:
            torch.cuda.synchronize()
    except RuntimeError:
        return True
    return False


def _refused(model: str, region, parameters: str, error: Exception) -> Row:
    row = {"what": "refused", "model": model, "region": region.name, "kernel": parameters}
    row |= {"why": f"{type(error).__name__}: {error}"[:300]}
    return row | {"trace": "".join(traceback.format_exception(error))[-2000:]}


class Asked:
    """One region: its inputs, its truth, and what the framework takes for it."""

    def __init__(
        self, setting: Setting, model: str, region, *, skipped: Collection[tuple[str, str]] = ()
    ) -> None:
        self.setting, self.model, self.region = setting, model, region
        self._skipped = skipped
        self.chosen: Row = {}
        self.changed = False
        self.sets, self.truth = {}, {}
        self._own, self._slow = 0.0, {}
        self._best: dict[int, Row] = {}  # by position

    def rows(self, part: slice) -> Iterator[Row]:
        """Yield a row a candidate of a part of them; ``chosen`` stands after the last."""
        setting, region = self.setting, self.region
        if not self.sets:
            self._begin()
        for candidate in proposed(setting, region)[part]:
            told = ",".join(f"{key}={value}" for key, value in candidate.parameters.items())
            if (region.name, told) in self._skipped:
                continue
            try:
                row = self._one(candidate, told, self._own, self._slow)
            except Exception as error:
                row = _refused(self.model, region, told, error)
                if not _is_gone(setting):
                    yield row
                    continue
                yield row | {"fatal": True}
                raise GoneError from error
            yield row
            if row["right"] and not row["too_fast"]:
                for at in self.sets:
                    us = row["us"][str(at)]
                    if at not in self._best or us < self._best[at]["us"][str(at)]:
                        self._best[at] = row | {"text": candidate.source}
        before, self.chosen = self.chosen, self._choice(self._best, self._slow)
        self.changed = before != self.chosen

    def _begin(self) -> None:
        """Draw inputs, compute the truth and time the framework."""
        setting, region = self.setting, self.region
        states = any(value.role == "state" for value in region.inputs)
        shares = _POSITIONS if states else _POSITIONS[:1]
        sets = {int(share * setting.context): self.drawn(share) for share in shares}
        self.truth = {at: _truth(region, found[0]) for at, found in sets.items()}
        self.sets = sets
        framework = {at: self._framework(at) for at in sets}
        self._own = max(error for _, error in framework.values())
        self._slow = {at: us for at, (us, _) in framework.items()}

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
        fastest = self.setting.most_bandwidth
        if states or tables or self.setting.reduced or not fastest:
            return False
        least = self.region.bytes / fastest * 1e6
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
        generator = torch.Generator(setting.device).manual_seed(11)
        found = []
        for number in range(self._count(most)):
            # A cache that is only written to is one and the same: the weights are what is read.
            again = region.mutates if number else ()
            held = {
                v.name: found[0][v.name]
                if v.name in again
                else _values(v, region, position, generator)
                for v in region.inputs
            }
            place = torch.full((1, 1), position, device=setting.device)
            kind = getattr(torch, setting.dtype)
            found.append({**held, MASK: masked(place, _room(setting, position), dtype=kind)})
        return found

    def _count(self, most: int) -> int:
        """Return how many sets exceed the last cache and fit into memory."""
        sizes = {value.name: value.size for value in self.region.inputs}
        states = {value.name for value in self.region.inputs if value.role == "state"}
        moved = sum(size for name, size in sizes.items() if name not in states)
        count = min(most, 1 + 4 * self.setting.cache_bytes // max(1, moved))
        read = sum(sizes[name] for name in states - set(self.region.mutates))
        return min(count, max(1, _MOST_STATES // read)) if read else count


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
