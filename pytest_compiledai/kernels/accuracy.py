"""The accuracy rule: no further from float64 than twice the framework's own path, or rounding.

The size of one rounding error is a chance: at inputs one step away the same code rounds otherwise.
What the framework's path costs, and what moving the inputs costs, are therefore root mean squares
over several such neighbours, and a kernel may be above them by what a single draw may be:

    limit = max(2 rms(own) s(own), 4 rms(moved) s(moved), floor s(N)),  s(n) = 1 + 3 / sqrt(n)

A norm over ``n`` independent errors scatters by 1 / sqrt(2 n) of its mean (a chi of ``n`` degrees
of freedom), so ``s`` is four standard deviations. How many of the N elements' errors are
independent is counted from the errors e_i at the neighbours, for elements share errors: where the
two largest scores of a softmax are near each other, one rounded score moves a whole row.

    n = mean(e_i . e_i)^2 / mean over i != j of (e_i . e_j)^2

(Satterthwaite 1946, An approximate distribution of estimates of variance components; of the
errors' covariance C this is trace(C)^2 / trace(C^2).)

Moved inputs stand for the backward error of sums in float32. With u = 2^-24 a rounding is off by
0.4 u on average; of ``n`` products added one after the other, signs at random, each is then off by
0.4 u sqrt(n / 2) (Higham 2002, Accuracy and Stability of Numerical Algorithms, chapter 4; sqrt(n)
in place of n as in Higham and Mary 2019, A new approach to probabilistic rounding error analysis).
A product of two inputs, each moved by up to u, is off by 0.8 u. Four times that are chains of a
hundred and twenty; longer sums are taken in parts, as the framework's path does.
"""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from typing import Any

from pytest_compiledai.kernels.contract import Contract

if TYPE_CHECKING:
    import torch

#: What rounding the right answer once costs (relative L2), times 1.5. Float32 is wider: a sum in
#: another order is as good as the framework's, and half precision inside is 1,000 times worse.
FLOOR: Mapping[str, float] = {"float32": 3e-7, "float16": 3.2e-4, "bfloat16": 2.6e-3}
#: Half a step of the format, relative.
STEP: Mapping[str, float] = {"float32": 2**-24, "float16": 2**-11, "bfloat16": 2**-8}
FACTOR = 2.0
#: A kernel may be as far off as the right answer to inputs that moved by a step of float32, times
#: this: where terms cancel, no order of float32 operations does better.
MOVED_FACTOR = 4.0
MOVED_STEP = 2.0**-24
ELEMENT_FACTOR = 4.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Wrong:
    """One output that is not right, in words."""

    rule: str
    output: str
    found: str
    expected: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """How far a call is from the truth; ``share`` is the error over its limit."""

    error: float
    own: float  # of the framework's path
    share: float
    wrong: tuple[Wrong, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Right:
    """What an answer is held against, each a table of outputs by name."""

    truth: Mapping[str, torch.Tensor]  # float64
    eager: Mapping[str, torch.Tensor]  # the framework's path in the region's dtype
    #: The same two of inputs one step away, several times: one alone may be rounded by luck.
    beside: Sequence[tuple[Mapping[str, torch.Tensor], Mapping[str, torch.Tensor]]]
    #: The truth of inputs that moved by up to a step of float32, several times.
    moved: Sequence[Mapping[str, torch.Tensor]]


def compare(
    contract: Contract, found: Mapping[str, torch.Tensor], right: Right, dtype: str
) -> Compared:
    """Compare every output of a call. Comparisons are written so that NaN fails them."""
    wrong: list[Wrong] = []
    error = own = share = 0.0
    for tensor in contract.outputs:
        name = tensor.name
        if is_exact(contract, name, right.eager[name]):
            wrong += _exact(name, found[name], right.eager[name])
            continue
        here = _close(name, found[name], right, dtype)
        error, own = max(error, here.error), max(own, here.own)
        share = max(share, here.share)
        wrong += here.wrong
    return Compared(error=error, own=own, share=share, wrong=tuple(wrong))


def is_exact(contract: Contract, name: str, right: torch.Tensor) -> bool:
    """Return whether an output must be equal, and not only close."""
    return name in contract.exact or not right.is_floating_point()


def _exact(name: str, found: torch.Tensor, right: torch.Tensor) -> list[Wrong]:
    import torch

    same = found == right
    if right.is_floating_point():
        same |= torch.isnan(found) & torch.isnan(right)
    if bool(same.all()):
        return []
    count = int((~same).sum())
    return [
        _wrong("accuracy.exact", name, f"{count} of {same.numel()} elements differ", "the same")
    ]


def _close(name: str, found: torch.Tensor, right: Right, dtype: str) -> Compared:
    import torch

    wide, true = found.double(), right.truth[name].double()
    path = right.eager[name].double()
    # Where the framework's own path leaves the format, a kernel may keep the number or leave too.
    finite = torch.isfinite(true) & torch.isfinite(path)
    wrong = _unlike(name, wide, true, path)
    if wrong or not bool(finite.any()):
        return Compared(error=0.0, own=0.0, share=2.0 if wrong else 0.0, wrong=tuple(wrong))
    pairs = [(right.truth[name], right.eager[name])]
    pairs += [(truth[name], eager[name]) for truth, eager in right.beside]
    own = _spread([(eager.double() - truth.double())[finite] for truth, eager in pairs])
    felt = _spread([(moved[name].double() - true)[finite] for moved in right.moved])
    wide, true = wide[finite], true[finite]
    norm = max(float(true.norm()), STEP[dtype] * float(torch.finfo(found.dtype).tiny))
    error = float((wide - true).norm()) / norm
    limit = max(FACTOR * own.norm, MOVED_FACTOR * felt.norm) / norm
    limit = max(limit, FLOOR[dtype] * _scatter(true.numel()))
    limit += _least(dtype) * true.numel() ** 0.5 / norm
    if not error <= limit:
        wrong.append(_wrong("accuracy.error", name, f"{error:.3g}", f"at most {limit:.3g}"))
    wrong += _elements(name, wide, true, max(own.most, felt.most), dtype)
    return Compared(error=error, own=own.mean / norm, share=error / limit, wrong=tuple(wrong))


def _scatter(count: float) -> float:
    """Return by what factor a norm over ``count`` independent errors may be above its mean."""
    return float(1.0 + 3.0 / count**0.5)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Spread:
    """What errors drawn alike reach: the mean of their norms, and norm and element at most."""

    mean: float
    norm: float
    most: float


def _spread(errors: Sequence[torch.Tensor]) -> _Spread:
    """Return what an error drawn like these reaches, by the formulas above."""
    import torch

    # A neighbour that leaves the format at an element says nothing of it.
    drawn = torch.nan_to_num(torch.stack(list(errors)), nan=0.0, posinf=0.0, neginf=0.0)
    # In units of the largest, so that no square of a small error is zero.
    unit = float(drawn.abs().max())
    if not unit:
        return _Spread(mean=0.0, norm=0.0, most=0.0)
    shared = (drawn / unit) @ (drawn / unit).T
    squares = shared.diagonal()
    count = len(drawn)
    common = (shared.square().sum() - squares.square().sum()) / max(1, count * (count - 1))
    independent = float(squares.mean().square() / common) if common else drawn.shape[1]
    above = _scatter(min(max(independent, 1.0), drawn.shape[1]))
    mean = unit * float(squares.mean().sqrt())
    most = float(drawn.abs().amax(dim=1).square().mean().sqrt())
    return _Spread(mean=mean, norm=mean * above, most=most * above)


def _least(dtype: str) -> float:
    """Return the distance between the smallest numbers of a format, where steps stop shrinking."""
    return {"float32": 2.0**-149, "float16": 2.0**-24, "bfloat16": 2.0**-133}[dtype]


def _elements(name: str, wide: Any, right: Any, own: float, dtype: str) -> list[Wrong]:
    """Hold every element to a bound, so that no few of them are given up for the norm."""
    around = float(right.square().mean().sqrt())
    bound = ELEMENT_FACTOR * (own + STEP[dtype] * (right.abs() + around)) + _least(dtype)
    apart = (wide - right).abs()
    if bool((apart <= bound).all()):
        return []
    worst = int((apart / bound).argmax())
    found = f"element {worst} is {float(wide[worst]):.6g}"
    expected = f"{float(right[worst]):.6g} within {float(bound[worst]):.3g}"
    return [_wrong("accuracy.element", name, found, expected)]


def _unlike(name: str, wide: Any, right: Any, path: Any) -> list[Wrong]:
    """Compare where numbers are no numbers: there in the truth, there in the kernel's answer."""
    import torch

    said, true = torch.isnan(wide), torch.isnan(right)
    beyond = ~torch.isfinite(path) & ~true  # the framework's path overflows here
    if bool((said != true)[~beyond].any()):
        found = f"{int(said.sum())} NaN"
        return [_wrong("accuracy.nan", name, found, f"{int(true.sum())}, at the same elements")]
    lost = torch.isinf(wide) & torch.isfinite(path) & torch.isfinite(right)
    if bool(lost.any()):
        return [_wrong("accuracy.infinite", name, f"{int(lost.sum())} infinite", "finite numbers")]
    # Without end in the truth: what goes in is infinite, for no float64 overflows here.
    endless = torch.isinf(right) & (path == right)
    if bool((wide != right)[endless].any()):
        found = f"{int((wide == right)[endless].sum())} infinite of the right sign"
        return [
            _wrong("accuracy.infinite", name, found, f"{int(endless.sum())}, where the truth is")
        ]
    return []


def _wrong(rule: str, output: str, found: str, expected: str) -> Wrong:
    return Wrong(rule=rule, output=output, found=found, expected=expected)
