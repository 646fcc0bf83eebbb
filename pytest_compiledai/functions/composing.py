"""A candidate put together from a pool: the best program of each field, or what all agree on.

It is a candidate like any other and goes through every gate. Which field comes from which program
is told by the figures of the accuracy gate, on the rows that choose among candidates.
"""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pytest_compiledai.core.candidate import Candidate
from pytest_compiledai.core.kind import Composed
from pytest_compiledai.core.kind import Judged
from pytest_compiledai.functions import judging
from pytest_compiledai.functions import weights
from pytest_compiledai.functions.assembly import TemplateError
from pytest_compiledai.functions.assembly import assemble
from pytest_compiledai.functions.assembly import expected_signature
from pytest_compiledai.functions.assembly import signature_text
from pytest_compiledai.functions.declaring import AGREEMENT
from pytest_compiledai.functions.declaring import FIELDS
from pytest_compiledai.functions.joining import LETTERS
from pytest_compiledai.functions.joining import NotJoined
from pytest_compiledai.functions.joining import joined
from pytest_compiledai.functions.template import candidate_of

if TYPE_CHECKING:
    from pytest_compiledai.core.unit import Unit
    from pytest_compiledai.functions.spec import FunctionSpec

#: Gates that a program must have passed before a field may come from it.
_SOUND = ("security", "syntax", "execution")


def compose(unit: Unit, pool: Sequence[Judged]) -> Iterator[Composed]:
    """Yield what the spec has a pool put together to; nothing where that cannot be done."""
    spec: FunctionSpec = unit.body
    ways = {FIELDS: _by_fields, AGREEMENT: _by_agreement}
    for way in spec.proposing.compose:
        candidate = ways[way](spec, _distinct(unit, pool))
        if candidate is not None:
            # Fewer answers are worth it where they are no less right; another source is not.
            yield Composed(candidate=candidate, must_gain=way == FIELDS)


def _distinct(unit: Unit, pool: Sequence[Judged]) -> list[Judged]:
    """Return the sound programs that bring no weights, each once, the best first."""
    found: dict[str, Judged] = {}
    for judged in pool:
        passed = {verdict.gate for verdict in judged.verdicts if verdict.passed}
        if passed.issuperset(_SOUND) and not weights.has_weights(unit.name, judged.candidate.files):
            found.setdefault(judged.candidate.address, judged)
    return sorted(found.values(), key=lambda one: -judging.rank(one.verdicts))[: len(LETTERS)]


def _by_fields(spec: FunctionSpec, pool: Sequence[Judged]) -> Candidate | None:
    """Return the program that takes each field from the one that is best at it."""
    fields = spec.output.data.get("properties", {})
    scored = [(judged, figures) for judged in pool if (figures := _figures(judged))]
    if not scored or any(name not in fields for _, figures in scored for name in figures):
        return None
    chosen = {name: _best(name, [figures for _, figures in scored]) for name in fields}
    used = sorted(set(chosen.values()))
    if len(used) < 2:  # noqa: PLR2004 - one program is its own
        return None
    letters = {index: LETTERS[n] for n, index in enumerate(used)}
    sources = {name: letters[index] for name, index in chosen.items()}
    return _made(spec, [scored[index][0] for index in used], _taking(spec, sources))


def _figures(judged: Judged) -> Mapping[str, float]:
    """Return the share of right values of each field; empty where no row was asked."""
    for verdict in judged.verdicts:
        if verdict.gate == "accuracy":
            return dict(verdict.figures.get("fields", {}))
    return {}


def _best(name: str, scored: Sequence[Mapping[str, float]]) -> int:
    """Return which program is best at a field; of equals the one that is best over all."""
    return max(range(len(scored)), key=lambda index: (scored[index].get(name, 0.0), -index))


def _by_agreement(spec: FunctionSpec, pool: Sequence[Judged]) -> Candidate | None:
    """Return the program that answers what all that passed answer, and abstains otherwise."""
    passed = [judged for judged in pool if judged.passed]
    if len(passed) < 2:  # noqa: PLR2004 - one alone agrees with itself
        return None
    return _made(spec, passed, _agreeing(spec, len(passed)))


def _made(spec: FunctionSpec, parts: Sequence[Judged], last: str) -> Candidate | None:
    path = weights.code_path(spec.name)
    texts = [candidate_of(one.candidate.files[path].decode("utf-8")) for one in parts]
    try:
        text = assemble(spec, joined(texts, last), fenced=False).text
    except (NotJoined, TemplateError):
        return None
    return Candidate(
        files={path: text.encode("utf-8")},
        proposer="+".join(sorted({one.candidate.proposer for one in parts})),
        attempt=max(one.candidate.attempt for one in parts),
    )


def _taking(spec: FunctionSpec, sources: Mapping[str, str]) -> str:
    """Return the last function: each field from the program whose letter it has."""
    required = spec.output.data.get("required", [])
    lines = [f"{letter} = {_call(spec, letter)}" for letter in sorted(set(sources.values()))]
    lines.append("# Each field from the program that is best at it on the rows that choose.")
    lines.append(f"joined: {spec.types.output_type} = {{")
    lines += [f"    {n!r}: {letter}[{n!r}]," for n, letter in sources.items() if n in required]
    lines.append("}")
    for name, letter in sources.items():
        if name not in required:
            lines += [f"if {name!r} in {letter}:", f"    joined[{name!r}] = {letter}[{name!r}]"]
    return _function(spec, [*lines, "return joined"])


def _agreeing(spec: FunctionSpec, count: int) -> str:
    """Return the last function: the answer of all programs, where it is one."""
    letters = LETTERS[:count]
    lines = [f"{letter} = {_call(spec, letter)}" for letter in letters]
    lines.append("# Programs that were written apart: what they do not agree on is not known.")
    differ = " or ".join(f"a != {letter}" for letter in letters[1:])
    lines += [f"if {differ}:", '    raise Abstain("the programs disagree")', "return a"]
    return _function(spec, lines)


def _call(spec: FunctionSpec, letter: str) -> str:
    """Return the call of one program, what was handed in passed on."""
    handed = [item.name for item in expected_signature(spec, weights=False).keyword_only]
    return f"{spec.name}_{letter}({', '.join(['data', *(f'{n}={n}' for n in handed)])})"


def _function(spec: FunctionSpec, lines: Sequence[str]) -> str:
    return "\n".join([signature_text(spec), *(f"    {line}" for line in lines)])
