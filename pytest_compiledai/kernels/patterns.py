"""The mathematics of each template family as a pattern over terms, and what a pattern holds."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import permutations
from typing import Any

from pytest_compiledai.kernels.region import Region
from pytest_compiledai.kernels.terms import Term
from pytest_compiledai.kernels.terms import Terms

Held = Mapping[str, Any]  # the family's name -> a term or a number


@dataclass(frozen=True, slots=True)
class Hole:
    """What a family names: a tensor, or a number that stands in the operators."""

    name: str
    number: bool = False


@dataclass(frozen=True, slots=True)
class Of:
    """An operator over patterns, numbers and axes."""

    op: str
    args: tuple[Any, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A family that a region may be, before sizes are checked."""

    family: str
    dims: Mapping[str, int]
    held: Held
    made: Mapping[str, str]  # the family's name of an output -> the region's


def unify(pattern: Any, found: Any, held: Held) -> Iterator[Held]:
    """Yield ``held`` with what fills the holes, once for each way in which the two agree."""
    if isinstance(pattern, Hole):
        if isinstance(found, Term) != pattern.number and held.get(pattern.name, found) == found:
            yield {**held, pattern.name: found}
    elif isinstance(pattern, Of):
        if isinstance(found, Term) and found.op == pattern.op:
            orders = permutations(found.args) if pattern.op in ("add", "mul") else [found.args]
            for args in orders:
                yield from _each(pattern.args, args, held)
    elif pattern == found and not isinstance(found, Term):
        yield held


def drafts(region: Region, terms: Terms) -> Iterator[Draft]:
    """Yield what ``region`` may be by its operators alone."""
    if region.mutates:
        yield from _projections(region, terms)
        yield from _cache_writes(region, terms)
    elif len(region.outputs) == 1:
        ((name, term),) = terms.outputs.items()
        yield from _single(region, name, term)
    elif len(region.outputs) == 2:  # noqa: PLR2004
        yield from _angles(terms)
        yield from _norm_with_residual(terms)


def _of(op: str, *args: Any) -> Of:
    return Of(op, args)


def _each(patterns: tuple[Any, ...], found: tuple[Any, ...], held: Held) -> Iterator[Held]:
    if len(patterns) != len(found):
        return
    if not patterns:
        yield held
        return
    for filled in unify(patterns[0], found[0], held):
        yield from _each(patterns[1:], found[1:], filled)


def _norm(x: Any, gain: str, eps: str, rank: int = 1) -> Of:
    """Return RMSNorm over the last of ``rank`` sizes."""
    mean = _of("mean", _of("square", x), (rank - 1,))
    scale = _of("rsqrt", _of("add", Hole(eps, number=True), mean))
    return _of(
        "mul",
        _over(Hole(gain), rank),
        _of("mul", x, _of("spread", scale, tuple(range(rank - 1)))),
    )


def _over(x: Any, rank: int) -> Any:
    """Return a row as it stands over ``rank`` sizes."""
    return x if rank == 1 else _of("spread", x, (rank - 1,))


def _turned(x: Any, size: int, rank: int) -> Of:
    """Return the rotary embedding of ``x`` by halves of its last size."""
    axis, half = rank - 1, size // 2
    back = _of("neg", _of("slice", x, axis, half, size))
    partner = _of("cat", back, _of("slice", x, axis, 0, half), axis)
    return _of(
        "add",
        _of("mul", x, _over(Hole("cos"), rank)),
        _of("mul", partner, _over(Hole("sin"), rank)),
    )


def _single(region: Region, name: str, term: Term) -> Iterator[Draft]:
    x, made = Hole("x"), {"out": name}
    normed = _norm(x, "gain", "eps")
    for family, row in (("gate_up", x), ("norm_gate_up", normed)):
        gate = _of("silu", _of("linear", row, Hole("gate")))
        for held in unify(_of("mul", gate, _of("linear", row, Hole("up"))), term, {}):
            yield Draft(family=family, dims=_sizes(held["gate"], "NK"), held=held, made=made)
    product = _of("linear", x, Hole("weight"))
    for held in unify(_of("add", Hole("residual"), product), term, {}):
        yield Draft(family="gemv", dims=_sizes(held["weight"], "NK"), held=held, made=made)
    for held in unify(_of("linear", normed, Hole("weight")), term, {}):
        yield Draft(family="norm_gemv", dims=_sizes(held["weight"], "NK"), held=held, made=made)
    for held in unify(product, term, {}):
        dims = {**_sizes(held["weight"], "NK"), **_sizes(held["x"], "MK")}
        yield Draft(family="gemm", dims=dims, held=held, made=made)
    for held in unify(_of("embedding", Hole("table"), Hole("token")), term, {}):
        yield Draft(family="lookup", dims=_sizes(held["table"], "VN"), held=held, made=made)
    for held in unify(_of("argmax", Hole("logits")), term, {}):
        dims = _sizes(held["logits"], "V")
        yield Draft(family="sampler", dims=dims, held=held, made={"token": name})
    yield from _attention(region, term, made)
    yield from _rotated(term, made)
    yield from _chain(term, made)


def _attention(region: Region, term: Term, made: Mapping[str, str]) -> Iterator[Draft]:
    pattern = _of("attend", *map(Hole, ("q", "k", "v", "position")), Hole("scale", number=True))
    for held in unify(pattern, term, {}):
        q, k = (_full(region, held[name]) for name in ("q", "k"))
        if len(q) == len(k) == 4:  # noqa: PLR2004 - batch, heads, positions, size of a head
            dims = {"H": q[1], "KV": k[1], "L": k[2], "D": k[3], "pos": _position(k[2])}
            yield Draft(family="decode_attention", dims=dims, held=held, made=made)


def _rotated(term: Term, made: Mapping[str, str]) -> Iterator[Draft]:
    rank = len(term.shape)
    if not 1 <= rank <= 2:  # noqa: PLR2004
        return
    size = term.shape[-1]
    for held in unify(_turned(Hole("x"), size, rank), term, {}):
        dims = {"H": term.shape[0] if rank > 1 else 1, "D": size, "HALF": size // 2}
        yield Draft(family="rope", dims=dims, held=held, made=made)


def _chain(term: Term, made: Mapping[str, str]) -> Iterator[Draft]:
    product = _of("mul", _of("silu", Hole("gate")), Hole("up"))
    for held in unify(_of("add", Hole("residual"), product), term, {}):
        yield Draft(family="elementwise", dims=_sizes(term, "N"), held=held, made=made)


def _angles(terms: Terms) -> Iterator[Draft]:
    """Yield cosine and sine of a position times frequencies, repeated by halves."""
    turn = _of("mul", _of("spread", _of("float", Hole("position")), ()), Hole("freq"))
    angle = _of("cat", turn, turn, 0)
    for made in _named(terms, "cosine", "sine"):
        for scaled in (False, True):
            held: list[Held] = [{} if scaled else {"factor": 1.0}]
            for name, op in (("cosine", "cos"), ("sine", "sin")):
                pattern = _of(op, angle)
                if scaled:
                    pattern = _of("mul", Hole("factor", number=True), pattern)
                held = [
                    more for one in held for more in unify(pattern, terms.outputs[made[name]], one)
                ]
            for one in held:
                half = _sizes(one["freq"], ("HALF",))
                dims = {**half, "D": 2 * half.get("HALF", 0), "pos": 599}
                yield Draft(family="angles", dims=dims, held=one, made=made)


def _norm_with_residual(terms: Terms) -> Iterator[Draft]:
    """Yield a sum, handed on, and its norm."""
    for made in _named(terms, "total", "out"):
        total, out = terms.outputs[made["total"]], terms.outputs[made["out"]]
        rank = len(total.shape)
        if rank not in (1, 2):
            continue
        both = _of("add", Hole("x"), Hole("residual"))
        for held in unify(both, total, {}):
            for more in unify(_norm(both, "weight", "eps", rank), out, held):
                dims = {"R": 1 if rank == 1 else total.shape[0], "N": total.shape[-1]}
                yield Draft(family="rmsnorm", dims=dims, held=more, made=made)


def _projections(region: Region, terms: Terms) -> Iterator[Draft]:
    """Yield queries, keys and values of a row: turned, keys and values written into the cache."""
    if len(region.outputs) != 1 or len(terms.written) != 2:  # noqa: PLR2004
        return
    ((name, query),) = terms.outputs.items()
    for keys, values in permutations(terms.written):
        cache = region.value(keys).shape
        if len(cache) != 4 or cache[0] != 1 or query.shape[-1:] != cache[3:]:  # noqa: PLR2004
            continue
        heads, (_, groups, length, size) = query.shape[0] if len(query.shape) > 1 else 1, cache
        dims = {"H": heads, "KV": groups, "L": length, "D": size, "HALF": size // 2}
        dims |= {"pos": _position(length)}
        for family, normed in (("qkv", False), ("qkv_norms", True)):
            row = _norm(Hole("x"), "gain", "eps")
            q = _headed(row, "wq", heads, size, "q" if normed else "")
            k = _headed(row, "wk", groups, size, "k" if normed else "")
            found = unify(_turned(q, size, _rank(heads)), query, {})
            found = _all(found, _written("k", _turned(k, size, _rank(groups)), groups), terms, keys)
            v = _headed(row, "wv", groups, size, "")
            for held in _all(found, _written("v", v, groups), terms, values):
                own = {**dims, **_sizes(held["gain"], "K")}
                yield Draft(family=family, dims=own, held=held, made={"out": name})


def _cache_writes(region: Region, terms: Terms) -> Iterator[Draft]:
    """Yield a key and a value that are written into the cache as they are."""
    if region.outputs or len(terms.written) != 2:  # noqa: PLR2004
        return
    for keys, values in permutations(terms.written):
        cache = region.value(keys).shape
        if len(cache) != 4 or cache[0] != 1:  # noqa: PLR2004
            continue
        _, groups, length, size = cache
        dims = {"KV": groups, "L": length, "D": size, "pos": _position(length)}
        found = unify(_written("k", Hole("key"), groups), terms.written[keys], {})
        for held in _all(found, _written("v", Hole("value"), groups), terms, values):
            yield Draft(family="kv_write", dims=dims, held=held, made={})


def _all(found: Iterator[Held], pattern: Of, terms: Terms, name: str) -> Iterator[Held]:
    for held in found:
        yield from unify(pattern, terms.written[name], held)


def _headed(row: Of, weight: str, heads: int, size: int, norm: str) -> Of:
    """Return a product cut into heads, each normed where ``norm`` names its gain."""
    product = _of("linear", row, Hole(weight))
    cut = product if heads == 1 else _of("view", product, (heads, size))
    return _norm(cut, f"{norm}_gain", f"{norm}_eps", _rank(heads)) if norm else cut


def _written(state: str, value: Any, groups: int) -> Of:
    return _of("index_copy", Hole(state), _rank(groups) - 1, Hole("position"), value)


def _rank(heads: int) -> int:
    return 1 if heads == 1 else 2


def _named(terms: Terms, *names: str) -> Iterator[dict[str, str]]:
    for order in permutations(terms.outputs):
        yield dict(zip(names, order, strict=True))


def _sizes(found: Any, names: Any) -> dict[str, int]:
    """Return a term's sizes by name; fewer where it has fewer, which no family fits."""
    return dict(zip(names, found.shape, strict=False))


def _full(region: Region, term: Term) -> tuple[int, ...]:
    return region.value(term.name).shape if term.op == "input" else ()


def _position(length: int) -> int:
    """Return a position in the middle of a cache; every other one is tried too."""
    return min(599, length - 1)
