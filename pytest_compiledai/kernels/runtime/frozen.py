"""Opens what a compile froze: the plan and, region by region, the kernel or the framework's path.

A kernel runs only where its bytes are the lock's, where it was frozen for this device, and where
it was measured there; a region without such a kernel runs by the framework and says why.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from pathlib import PurePosixPath
from typing import TYPE_CHECKING
from typing import Any
from typing import NamedTuple

from pytest_compiledai.core.errors import CompiledAIError
from pytest_compiledai.core.lock import Entry
from pytest_compiledai.core.lock import read_lock
from pytest_compiledai.core.verify import artifact_bytes
from pytest_compiledai.core.verify import verify
from pytest_compiledai.kernels import description
from pytest_compiledai.kernels.native import NotBuiltError
from pytest_compiledai.kernels.plan import FILE
from pytest_compiledai.kernels.plan import Plan
from pytest_compiledai.kernels.plan import read_plan
from pytest_compiledai.kernels.runtime.decoder import Decoder
from pytest_compiledai.kernels.runtime.kernel import Fitted
from pytest_compiledai.kernels.runtime.kernel import RegionKernel
from pytest_compiledai.kernels.runtime.kernel import can_start_early
from pytest_compiledai.kernels.runtime.kernel import fitted
from pytest_compiledai.kernels.runtime.kernel import launched
from pytest_compiledai.kernels.runtime.replay import buckets
from pytest_compiledai.kernels.runtime.step import Buckets

if TYPE_CHECKING:
    import torch

    from pytest_compiledai.kernels.region import Region

LOCK = "compiledai.lock"


class NotFrozen(CompiledAIError):
    """An artifact that is not there, or whose bytes are not the lock's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Frozen:
    """What a device runs."""

    plan: Plan
    kernels: Mapping[str, RegionKernel | Buckets]  # by region
    runs_by: Mapping[str, str]  # region -> its kernel's file, or `framework: ` and the reason


def opened(model: Any, root: Path, name: str, *, early: bool = False, **options: Any) -> Decoder:
    """Return the decoder of ``model`` (transformers' own) by the artifacts of ``name``.

    ``root`` holds `compiledai.lock` and `compiled/`; ``early`` asks for programmatic dependent
    launch; ``options`` go to ``Decoder``. What each region runs by stands in the decoder's
    ``runs_by``. Raises ``NotFrozen``, and what ``Decoder`` raises.
    """
    first = next(model.parameters())
    dtype = str(first.dtype).removeprefix("torch.")
    found = frozen(root, name, device=first.device, dtype=dtype, early=early)
    ends = {
        end for one in found.kernels.values() if isinstance(one, Buckets) for end in one.kernels
    }
    rooms = sorted({*buckets(context_of(found.plan)), *ends})
    can = early and can_start_early(first.device)
    facts: dict[str, Any] = {"rooms": rooms, "early": can} | options
    decoder = Decoder(model, found.plan, found.kernels, **facts)
    decoder.runs_by = found.runs_by
    return decoder


def frozen(
    root: Path, name: str, *, device: torch.device, dtype: str, early: bool = False
) -> Frozen:
    """Return the plan of ``name`` and the kernels that may run on ``device``.

    Raises ``NotFrozen`` for a plan that is missing or edited; a region's artifact that is not what
    the lock says leaves that region to the framework.
    """
    lock = root / LOCK
    if not lock.is_file():
        raise _unfrozen(lock.name, "no such file", name)
    held = _Held(root, read_lock(lock.read_bytes(), LOCK).lock.entries)
    plan = read_plan(held.files(name)[f"{name}/{FILE}"])
    kernels: dict[str, RegionKernel | Buckets] = {}
    runs_by: dict[str, str] = {}
    for region in plan.regions:
        unit = f"{name}.{region.name}"
        try:
            found = _fitted(held, unit, region, target_of(device), dtype, context_of(plan))
            built = {
                end: launched(kernel, device, early=early) if kernel else None
                for end, kernel in found.items()
            }
        except (CompiledAIError, NotBuiltError, ValueError, KeyError, TypeError) as error:
            runs_by[region.name] = f"framework: {error}"
            continue
        (*_, last) = built.values()
        kernels[region.name] = last if len(built) == 1 and last else Buckets(kernels=built)
        runs_by[region.name] = _told(found)
    return Frozen(plan=plan, kernels=kernels, runs_by=runs_by)


def target_of(device: torch.device) -> str:
    """Return a device's name as specs write it: `cpu`, `sm_90`."""
    import torch

    if device.type != "cuda":
        return "cpu"
    major, minor = torch.cuda.get_device_capability(device)
    return f"sm_{major}{minor}"


def context_of(plan: Plan) -> int:
    """Return the positions of a plan's static cache; 1 where it has none."""
    states = [v for region in plan.regions for v in region.inputs if v.role == "state"]
    return states[0].shape[2] if states else 1


class _Held(NamedTuple):
    """The artifacts of a project."""

    root: Path
    entries: Mapping[str, Entry]

    def files(self, name: str) -> dict[str, bytes]:
        """Return an artifact's files. Raises ``NotFrozen`` unless they are the lock's."""
        out = self.root / "compiled"
        if name not in self.entries:
            raise _unfrozen(name, "no entry", name)
        if findings := verify(self.entries[name], out):
            raise _unfrozen(name, findings[0].message, name)
        return artifact_bytes(self.entries[name], out)


def _fitted(  # noqa: PLR0917 - the facts that a kernel has to agree with
    held: _Held, unit: str, region: Region, target: str, dtype: str, context: int
) -> dict[int, Fitted | None]:
    """Return a region's kernel up to each position; None for the framework's path.

    Raises ``ValueError`` with the reason where none may run.
    """
    files = held.files(unit)
    manifest = description.read(files[f"{unit}/{description.FILE}"])
    if manifest["signature"] != region.signature:
        raise ValueError("frozen for another region than the plan's")
    runs_by = description.runs_by(manifest)
    if not any(runs_by.values()):
        raise ValueError("no kernel was faster than it")
    if target not in manifest["targets"]:
        raise ValueError(f"the kernel was frozen for {', '.join(manifest['targets'])}")
    if held.entries[unit].basis != "measured":
        raise ValueError(f"the kernel was chosen by a modelled time, not measured on {target}")
    if manifest["dtype"] != dtype:
        raise ValueError(f"the kernel computes in {manifest['dtype']}")
    known = {
        name: fitted(
            region,
            files[f"{unit}/{name}"].decode("utf-8"),
            PurePosixPath(name).suffix,
            dtype=dtype,
            context=context,
        )
        for name in set(runs_by.values())
        if name
    }
    return {end: known.get(name) for end, name in runs_by.items()}


def _told(kernels: Mapping[int, Fitted | None]) -> str:
    """Return the language of a region's kernel, or of each of its buckets'."""
    told = {
        end: kernel.candidate.language if kernel else "framework" for end, kernel in kernels.items()
    }
    if len(told) == 1:
        return f"kernel: {next(iter(told.values()))}"
    return "kernel: " + ", ".join(f"{language} up to {end}" for end, language in told.items())


def _unfrozen(where: str, found: str, name: str) -> NotFrozen:
    return NotFrozen(
        where=where,
        found=found,
        expected=f"the artifact {name} as it was frozen",
        next="pytest --compile, for the spec of the model",
    )
