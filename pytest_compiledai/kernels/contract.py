"""What a region promises: its tensors, its dimensions, its numbers, and what it is compared with.

Pure values; a family's data file or a captured region makes one, and the gates read it.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from typing import Any
from typing import Literal

from pytest_compiledai.kernels import expression

#: Reads tensors by name, returns the outputs by name; runs in float64 as the truth and in the
#: region's own dtype as the framework's path. Tensors are torch tensors; ``inout`` ones are read
#: before and returned as they are after.
Reference = Callable[[Mapping[str, Any], Mapping[str, Any]], Mapping[str, Any]]

Role = Literal["input", "output", "inout"]
#: ``any``: the float type that is being judged.
ANY = "any"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tensor:
    """One tensor of a region, row-major unless ``strided`` allows more."""

    name: str
    shape: tuple[str, ...]  # expressions over the dimensions
    dtype: str = ANY
    role: Role = "input"
    draw: str = "normal"  # how values are drawn, a name of ``inputs.DRAWS``
    scale: float = 1.0
    #: Expression of an index tensor's largest value plus one.
    below: str = ""
    #: Row index (of the first dimension) from which on this input is not to be read: NaN there.
    poison_from: str = ""
    #: Expression of the elements that a call has to move, where that is not all of them.
    moves: str = ""

    def sizes(self, dims: Mapping[str, int]) -> tuple[int, ...]:
        """Return the shape as numbers; raises ``ExpressionError``."""
        return tuple(expression.value(size, dims) for size in self.shape)


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """One region as the gates of a kernel see it."""

    name: str
    family: str
    dims: Mapping[str, int]  # this region's own sizes
    tensors: tuple[Tensor, ...]  # in the order of the kernel's interface
    reference: Reference
    numbers: Mapping[str, float] = field(default_factory=dict)  # eps and the like
    dtypes: tuple[str, ...] = ("float32", "float16", "bfloat16")
    #: Sizes that vary at run time (lengths, positions): no guard may restrict them.
    dynamic: tuple[str, ...] = ()
    #: Sizes that may be any number from 1 on, whatever the others are.
    free: tuple[str, ...] = ()
    #: Sizes along which answers stand apart: the first says into how many parts every tensor with
    #: one of them falls, and a part of the answer needs no other.
    apart: tuple[str, ...] = ()
    #: Other sizes to be tried, each a partial assignment; families state odd ones and tails.
    sweeps: tuple[Mapping[str, int], ...] = ()
    #: Sizes that the interpreter gets in place of the region's own where those take too long.
    cut: Mapping[str, int] = field(default_factory=dict)
    flops: str = "0"  # an expression
    #: Names of outputs that must be equal exactly (chosen tokens, copied bits).
    exact: tuple[str, ...] = ()

    def tensor(self, name: str) -> Tensor:
        """Return a tensor by name; raises ``KeyError``."""
        return {tensor.name: tensor for tensor in self.tensors}[name]

    @property
    def names(self) -> tuple[str, ...]:
        """The tensors' names in order."""
        return tuple(tensor.name for tensor in self.tensors)

    @property
    def outputs(self) -> tuple[Tensor, ...]:
        """What a kernel writes."""
        return tuple(tensor for tensor in self.tensors if tensor.role != "input")
