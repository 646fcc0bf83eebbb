"""A region's kernel over the step's buffers: one launcher, and a site for each of its places."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from typing import Final

from pytest_compiledai.kernels import expression
from pytest_compiledai.kernels.adapting import contract_of
from pytest_compiledai.kernels.call import steps
from pytest_compiledai.kernels.candidate import LANGUAGES
from pytest_compiledai.kernels.candidate import Candidate
from pytest_compiledai.kernels.candidate import MalformedError
from pytest_compiledai.kernels.candidate import read
from pytest_compiledai.kernels.contract import ANY
from pytest_compiledai.kernels.contract import Contract
from pytest_compiledai.kernels.matching import matched
from pytest_compiledai.kernels.runtime import launching
from pytest_compiledai.kernels.runtime.dependent import dependent

if TYPE_CHECKING:
    import torch

    from pytest_compiledai.kernels.plan import Call
    from pytest_compiledai.kernels.region import Region
    from pytest_compiledai.kernels.runtime.launching import Launcher
    from pytest_compiledai.kernels.runtime.program import Values
    from pytest_compiledai.kernels.runtime.step import Site

#: Language -> kind of torch's device that it runs on.
DEVICES: Final = {"cpp": "cpu", "triton": "cuda", "cuda": "cuda"}
#: Of programmatic dependent launch.
EARLIEST_CAPABILITY: Final = 9


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted:
    """A kernel's text as a candidate of a region, in the region's names or in its family's."""

    region: Region
    dtype: str
    contract: Contract
    candidate: Candidate
    names: Mapping[str, str]  # the region's name -> the contract's

    @property
    def weights(self) -> frozenset[str]:
        """The buffers that no kernel of a step writes."""
        names = [value.name for value in self.region.inputs if value.role == "weight"]
        return frozenset(self.names.get(name, name) for name in names)

    @property
    def kinds(self) -> Mapping[str, torch.dtype]:
        """The types of the buffers, scratch included."""
        import torch

        stated = [(item.name, item.dtype) for item in self.contract.tensors]
        stated += [(item.name, item.dtype) for item in self.candidate.scratch]
        return {n: getattr(torch, self.dtype if kind == ANY else kind) for n, kind in stated}

    @property
    def moving(self) -> frozenset[str]:
        """The buffers that a step writes, scratch included."""
        known = {*self.contract.names, *(item.name for item in self.candidate.scratch)}
        return frozenset(known - self.weights)


def fitted(region: Region, text: str, suffix: str, *, dtype: str, context: int) -> Fitted:
    """Return the kernel of ``text`` for ``region``.

    A user's file speaks the plan's names, a family's kernel the family's: the first reading that
    knows every name counts. Raises ``ValueError`` where neither does, for a launch that depends on
    a size that varies, and for sizes that the kernel's own guard sends to the fallback.
    """
    match = matched(region)
    faults = []
    for names in (None, *([match] if match else [])):
        contract = contract_of(region, dtype, context=context, match=names)
        try:
            candidate = read(text, LANGUAGES[suffix], contract)
        except MalformedError as error:
            faults.append(str(error))
            continue
        _check(candidate, contract)
        return Fitted(
            region=region,
            dtype=dtype,
            contract=contract,
            candidate=candidate,
            names=names.names if names else {},
        )
    raise ValueError(f"{region.name}: {'; '.join(faults)}")


def _check(candidate: Candidate, contract: Contract) -> None:
    if not candidate.serves(contract.dims):
        raise ValueError(f"{contract.name}: sizes that the kernel's own guard refuses")
    varying = set(contract.dynamic)
    for launch in candidate.launches:
        for text in (*launch.grid, *launch.arguments, *launch.constants.values()):
            if isinstance(text, str) and text not in contract.names:
                found = varying & expression.names_of(text)
                if found:
                    raise ValueError(f"{contract.name}: a launch by {min(found)}, which varies")


def launched(kernel: Fitted, device: torch.device, *, early: bool = False) -> RegionKernel:
    """Return the kernel ready to run on ``device``, compiled where its language needs it.

    ``early`` asks for programmatic dependent launch, which devices before sm_90 do not have.
    Raises ``ToolError`` or ``NotBuiltError`` where it cannot be built, ``ValueError`` on a device
    of another sort, and for a kernel that would start before what it reads is written.
    """
    language = kernel.candidate.language
    if DEVICES[language] != device.type:
        raise ValueError(f"{kernel.region.name}: a kernel in {language} for {device.type}")
    return RegionKernel(kernel, device, _launcher(kernel, device, early=early))


def can_start_early(device: torch.device) -> bool:
    """Return whether a device has programmatic dependent launch."""
    import torch

    if device.type != "cuda":
        return False
    return torch.cuda.get_device_capability(device)[0] >= EARLIEST_CAPABILITY


def _launcher(kernel: Fitted, device: torch.device, *, early: bool) -> Launcher:
    import torch

    candidate, contract = kernel.candidate, kernel.contract
    todo = steps(candidate, contract, contract.dims)
    if candidate.language == "cpp":
        return launching.cpp(candidate, todo)
    if candidate.language == "triton":
        early = early and can_start_early(device)
        source = dependent(candidate, kernel.moving, kernel.weights) if early else ""
        found = launching.TritonLaunches(candidate, todo, source=source, early=early)
        if early:
            found.check(kernel.kinds, kernel.weights)
        return found
    capability = torch.cuda.get_device_capability(device)
    target = f"sm_{capability[0]}{capability[1]}"
    return launching.cuda(candidate, todo, _cubin(kernel, target), contract.dims)


def _cubin(kernel: Fitted, target: str) -> bytes:
    from pytest_compiledai.kernels.compiling import compile_one

    built = compile_one(kernel.contract, kernel.candidate, dtype=kernel.dtype, targets=[target])
    if not built.cubins:
        raise ValueError(f"{kernel.region.name}: {[f.message for f in built.findings]}")
    return built.cubins[f"{target}/0"]


class RegionKernel:
    """One region's kernel; scratch is shared by its places, which run one after the other."""

    def __init__(self, kernel: Fitted, device: torch.device, launcher: Launcher) -> None:
        self.kernel = kernel
        self.launcher = launcher
        self._device = device
        self._scratch = {
            item.name: self._empty(
                [expression.value(size, kernel.contract.dims) for size in item.shape], item.dtype
            )
            for item in kernel.candidate.scratch
        }

    def at(self, call: Call, fixed: Mapping[str, torch.Tensor]) -> Site:
        """Return the site of one call, with outputs of its own.

        ``fixed`` are the tensors that stay where they are, by the plan's names; the cache is whole.
        """
        region, names = self.kernel.region, self.kernel.names
        bound = dict(self._scratch)
        moving: list[tuple[str, str]] = []
        made: dict[str, torch.Tensor] = {}
        for value, place in zip(region.inputs, call.inputs, strict=True):
            name = names.get(value.name, value.name)
            if place in fixed:
                bound[name] = _plain(fixed[place], value.role)
            else:
                moving.append((name, place))
        for value, place in zip(region.outputs, call.outputs, strict=True):
            made[place] = self._empty(value.shape, value.dtype)
            bound[names.get(value.name, value.name)] = made[place]
        return _Site(self.launcher, moving, made, bound)

    def _empty(self, shape: Sequence[int], dtype: str) -> torch.Tensor:
        import torch

        kind = getattr(torch, self.kernel.dtype if dtype == ANY else dtype)
        return torch.empty(tuple(shape), dtype=kind, device=self._device)


class _Site:
    """One place; everything that stays where it is is bound."""

    def __init__(
        self,
        launcher: Launcher,
        moving: Sequence[tuple[str, str]],
        made: Mapping[str, torch.Tensor],
        bound: Mapping[str, torch.Tensor],
    ) -> None:
        self._launcher = launcher
        self._moving = moving
        self.made = made
        self._bound = bound

    def run(self, values: Values) -> None:
        """Launch over the inputs where they lie; what is not row-major is copied first."""
        buffers = {name: values[place].contiguous() for name, place in self._moving}
        self._launcher({**self._bound, **buffers})
        values.update(self.made)


def _plain(tensor: torch.Tensor, role: str) -> torch.Tensor:
    """Return a weight or state where it lies. Raises ``ValueError`` for one that is a copy."""
    if not tensor.is_contiguous():
        raise ValueError(f"{role} with strides {tensor.stride()}; expected row-major")
    return tensor
