"""A region's mathematics as terms, in which what moves no number and what only rounds is gone.

Two regions of one mathematics have one tree of terms, whatever their values are called, however
often a tensor was looked at in another shape, and on whichever side of a sum an operand stood.
Sizes of one are dropped, so an axis counts the sizes that are left. Where an operand is repeated
along axes, that is a term of its own, because equal sizes would hide which axes those are. A
cast between float types is no term: what it costs is for the gates, which know the error.
Whatever is not understood becomes a term that equals nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any
from typing import Final

from pytest_compiledai.kernels.region import Op
from pytest_compiledai.kernels.region import Region

FLOATS: Final = frozenset({"float16", "bfloat16", "float32", "float64"})
#: They keep the order of elements; the shape that comes out stands in the operator.
_REGROUPED: Final = frozenset(
    ("view", "reshape", "unsqueeze", "squeeze", "flatten", "unflatten", "_unsafe_view", "view_as")
)
_SAME: Final = frozenset(("alias", "detach", "contiguous", "clone", "lift_fresh_copy"))
_TURNED: Final = frozenset(("transpose", "swapaxes", "permute", "t"))
_PLAIN: Final = frozenset(("neg", "rsqrt", "silu", "cos", "sin", "sigmoid"))
_PAIRS: Final = frozenset(("add", "mul"))

Shape = tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Term:
    """An operator over terms and numbers; one object stands for all equal terms of a region."""

    op: str
    args: tuple[Any, ...]
    shape: Shape  # sizes other than one
    name: str = ""  # of the region's value, where it is one


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a region computes: its outputs and what it leaves in its state, by name."""

    outputs: Mapping[str, Term]
    written: Mapping[str, Term]


def terms_of(region: Region) -> Terms:
    """Return the terms of ``region``; none of it raises, what is unknown equals nothing."""
    maker = _Maker(region)
    for op in region.ops:
        maker.take(op)
    return Terms(
        outputs={value.name: maker.known[value.name].term for value in region.outputs},
        written={name: maker.known[name].term for name in region.mutates},
    )


def squeezed(shape: Sequence[int]) -> Shape:
    """Return the sizes other than one."""
    return tuple(size for size in shape if size != 1)


@dataclass(frozen=True, slots=True)
class _Known:
    term: Term
    shape: Shape  # with its ones
    dtype: str


class _Maker:
    def __init__(self, region: Region) -> None:
        self.held: dict[Any, Term] = {}
        self.known = {
            value.name: _Known(
                self.term("input", (), squeezed(value.shape), value.name), value.shape, value.dtype
            )
            for value in region.inputs
        }

    def term(self, op: str, args: tuple[Any, ...], shape: Shape, name: str = "") -> Term:
        """Return the one term of these parts."""
        key = (op, tuple(_key(arg) for arg in args), shape, name)
        return self.held.setdefault(key, Term(op, args, shape, name))

    def take(self, op: Op) -> None:
        """Learn what an operator makes, or what it leaves in the state that it writes into."""
        name = op.target.split(".")[1]
        try:
            made = self._made(name, op)
        except (LookupError, TypeError, ValueError):
            made = None
        if made is None or (op.dtype not in FLOATS and name in _PAIRS | _PLAIN):
            made = self.term("unknown", (object(),), squeezed(op.shape))
        place = op.out or op.args[0]["t"]
        self.known[place] = _Known(made, tuple(op.shape), op.dtype)

    def _made(self, name: str, op: Op) -> Term | None:
        if name in _REGROUPED:
            return self.regrouped(self.first(op).term, squeezed(op.shape))
        if name in _SAME:
            return self.first(op).term
        if name in _TURNED:
            return self._turned(name, op)
        if name in _PLAIN:
            return self.term(name, (self.first(op).term,), squeezed(op.shape))
        if name in _PAIRS:
            return self._pair(name, op)
        return _OTHERS[name](self, op) if name in _OTHERS else None

    def first(self, op: Op) -> _Known:
        """Return an operator's first tensor."""
        return self.known[op.args[0]["t"]]

    def at(self, op: Op, place: int) -> _Known:
        """Return the tensor at a place of an operator's arguments."""
        return self.known[op.args[place]["t"]]

    def regrouped(self, base: Term, shape: Shape) -> Term:
        """Return ``base`` with its elements in the same order and other sizes."""
        if base.op == "view":
            base = base.args[0]
        return base if base.shape == shape else self.term("view", (base, shape), shape)

    def _turned(self, name: str, op: Op) -> Term | None:
        first = self.first(op)
        order = list(range(len(first.shape)))
        if name == "permute":
            order = [axis % len(order) for axis in op.args[1]]
        else:
            a, b = (0, 1) if name == "t" else (op.args[1] % len(order), op.args[2] % len(order))
            order[a], order[b] = order[b], order[a]
        left = [axis for axis in order if first.shape[axis] != 1]
        return first.term if left == sorted(left) else None

    def _pair(self, name: str, op: Op) -> Term | None:
        if op.kwargs or len(op.args) != 2:  # noqa: PLR2004 - `alpha` scales the second
            return None
        made = [self._operand(arg, op.shape) for arg in op.args]
        if name == "mul" and 1.0 in [arg for arg in made if not isinstance(arg, Term)]:
            return next(arg for arg in made if isinstance(arg, Term))
        return self.pair(name, made, squeezed(op.shape))

    def pair(self, name: str, made: Sequence[Any], shape: Shape) -> Term:
        """Return a sum or product; `x * x` and `x * sigmoid(x)` have names of their own."""
        left, right = made
        if name == "mul" and left is right:
            return self.term("square", (left,), shape)
        for one, other in ((left, right), (right, left)):
            gates = isinstance(other, Term) and other.op == "sigmoid" and other.args[0] is one
            if name == "mul" and gates:
                return self.term("silu", (one,), shape)
        return self.term(name, tuple(sorted(made, key=_key)), shape)

    def _operand(self, arg: Any, shape: Shape) -> Any:
        if not isinstance(arg, Mapping):
            return float(arg)
        known = self.known[arg["t"]]
        if known.dtype not in FLOATS:
            raise TypeError(known.dtype)
        return self.spread(known.term, known.shape, shape)

    def spread(self, term: Term, shape: Shape, over: Shape) -> Term:
        """Return a term as it stands over a larger shape, the axes named that it has itself."""
        padded = (1,) * (len(over) - len(shape)) + tuple(shape)
        sizes = [(own, size) for own, size in zip(padded, over, strict=True) if size != 1]
        kept = tuple(axis for axis, (own, size) in enumerate(sizes) if own == size)
        whole = len(kept) == len(sizes)
        return term if whole else self.term("spread", (term, kept), squeezed(over))

    def rms_norm(self, x: Term, axes: int, gain: Term | None, eps: float) -> Term:
        """Return the norm over the last ``axes`` sizes as its elementary steps."""
        rank = len(x.shape)
        inner = tuple(range(rank - axes, rank))
        outer = x.shape[: rank - axes]
        mean = self.term("mean", (self.term("square", (x,), x.shape), inner), outer)
        scale = self.term("rsqrt", (self.term("add", (eps, mean), outer),), outer)
        kept = tuple(range(rank - axes))
        scaled = self.pair("mul", (x, self.term("spread", (scale, kept), x.shape)), x.shape)
        if gain is None:
            return scaled
        over = gain if axes == rank else self.term("spread", (gain, inner), x.shape)
        return self.pair("mul", (over, scaled), x.shape)


def _key(arg: Any) -> tuple[str, Any]:
    """Return what two arguments share exactly when they are the same; numbers come first."""
    if isinstance(arg, (int, float)):
        return ("0", float(arg))
    return ("1", id(arg)) if isinstance(arg, Term) else ("2", arg)


def _axis(shape: Shape, axis: int) -> int:
    """Return an axis among the sizes other than one. Raises ``ValueError`` for one of size one."""
    axis %= len(shape)
    if shape[axis] == 1:
        raise ValueError("an axis of one element")
    return len(squeezed(shape[:axis]))


def _to(maker: _Maker, op: Op) -> Term | None:
    if op.target.split(".")[2] not in ("dtype", "default"):
        return None
    first = maker.first(op)
    if op.dtype not in FLOATS:
        return first.term if op.dtype == first.dtype else None
    return (
        first.term
        if first.dtype in FLOATS
        else maker.term("float", (first.term,), first.term.shape)
    )


def _expand(maker: _Maker, op: Op) -> Term | None:
    first = maker.first(op)
    return first.term if prod(op.shape) == prod(first.shape) else None


def _select(maker: _Maker, op: Op) -> Term | None:
    first = maker.first(op)
    return first.term if first.shape[op.args[1]] == 1 else None


def _slice(maker: _Maker, op: Op) -> Term | None:
    first = maker.first(op)
    # What is left out stands for the whole axis.
    given = [*op.args[1:], *[0, None, None, 1][len(op.args) - 1 :]]
    dim, start, end, step = given
    size = first.shape[dim]
    start, stop, step = slice(start, end, step).indices(size)
    if (start, stop, step) == (0, size, 1):
        return first.term
    axis = _axis(first.shape, dim)
    return (
        None
        if step != 1
        else maker.term("slice", (first.term, axis, start, stop), squeezed(op.shape))
    )


def _cat(maker: _Maker, op: Op) -> Term | None:
    parts = [maker.known[part["t"]] for part in op.args[0]]
    dim = op.args[1] if len(op.args) > 1 else 0
    axis = _axis(op.shape, dim)
    return maker.term("cat", (*(part.term for part in parts), axis), squeezed(op.shape))


def _pow(maker: _Maker, op: Op) -> Term | None:
    first = maker.first(op)
    return maker.term("square", (first.term,), first.term.shape) if op.args[1] == 2 else None  # noqa: PLR2004


def _mean(maker: _Maker, op: Op) -> Term | None:
    first = maker.first(op)
    axes = tuple(sorted(_axis(first.shape, axis) for axis in op.args[1]))
    return maker.term("mean", (first.term, axes), squeezed(op.shape))


def _rms_norm(maker: _Maker, op: Op) -> Term | None:
    first = maker.first(op)
    sizes = op.args[1]
    gain = maker.at(op, 2) if len(op.args) > 2 and op.args[2] is not None else None  # noqa: PLR2004
    eps = op.args[3] if len(op.args) > 3 else None  # noqa: PLR2004
    if eps is None or 1 in sizes:
        return None
    return maker.rms_norm(first.term, len(sizes), gain.term if gain else None, float(eps))


def _linear(maker: _Maker, op: Op) -> Term | None:
    if len(op.args) > 2 and op.args[2] is not None:  # noqa: PLR2004 - a bias
        return None
    x, weight = maker.first(op), maker.at(op, 1)
    if 1 in weight.shape or len(weight.shape) != 2:  # noqa: PLR2004
        return None
    return maker.term("linear", (x.term, weight.term), squeezed(op.shape))


def _embedding(maker: _Maker, op: Op) -> Term | None:
    return maker.term("embedding", (maker.first(op).term, maker.at(op, 1).term), squeezed(op.shape))


def _argmax(maker: _Maker, op: Op) -> Term | None:
    first = maker.first(op)
    dim = op.args[1] if len(op.args) > 1 else None
    whole = dim is None or squeezed(first.shape) == (first.shape[dim],)
    return maker.term("argmax", (first.term,), squeezed(op.shape)) if whole else None


def _index_copy(maker: _Maker, op: Op) -> Term | None:
    state, at, value = maker.first(op), maker.at(op, 2), maker.at(op, 3)
    axis = _axis(state.shape, op.args[1])
    fits = value.shape == (*state.shape[: op.args[1]], 1, *state.shape[op.args[1] + 1 :])
    if not fits or prod(at.shape) != 1:
        return None
    return maker.term("index_copy", (state.term, axis, at.term, value.term), state.term.shape)


def _attend(maker: _Maker, op: Op) -> Term | None:
    inputs = [maker.at(op, place).term for place in range(4)]
    return maker.term("attend", (*inputs, float(op.args[4])), squeezed(op.shape))


_OTHERS: Final[Mapping[str, Callable[[_Maker, Op], Term | None]]] = {
    "to": _to,
    "_to_copy": _to,
    "expand": _expand,
    "select": _select,
    "slice": _slice,
    "cat": _cat,
    "pow": _pow,
    "mean": _mean,
    "rms_norm": _rms_norm,
    "linear": _linear,
    "embedding": _embedding,
    "argmax": _argmax,
    "index_copy_": _index_copy,
    "decode_attention": _attend,
}
