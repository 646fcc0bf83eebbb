"""Rows that rest on a literal of their own: memory, however the code hides it.

A rule answers many inputs with the same literals. Code that looks its answers up needs at least one
literal for each row, be it a hash, an encoded text, a prefix, a number of a pattern's group or a
name that is read as a text: when that is changed, the answer to that row changes and to no other. A
word that the row's input shows is no memory of its answer. All variants of the code run in the
sandbox.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING
from typing import Final
from typing import Protocol

from pytest_compiledai.core.calls import Status
from pytest_compiledai.core.canonical import canonical_json
from pytest_compiledai.core.canonical import digest
from pytest_compiledai.core.verdict import Finding
from pytest_compiledai.gates.memorised import RULE
from pytest_compiledai.gates.memorised import TABLE
from pytest_compiledai.gates.memorised import is_told
from pytest_compiledai.gates.memorised import normal
from pytest_compiledai.gates.promise import same_answer
from pytest_compiledai.gates.renaming import identifiers
from pytest_compiledai.gates.renaming import other_name
from pytest_compiledai.gates.renaming import readable_names
from pytest_compiledai.gates.renaming import renamed
from pytest_compiledai.gates.renaming import spans
from pytest_compiledai.gates.variants import ENTRY
from pytest_compiledai.gates.variants import Site
from pytest_compiledai.gates.variants import variants

if TYPE_CHECKING:
    from pytest_compiledai.core.calls import Answer
    from pytest_compiledai.core.calls import Program
    from pytest_compiledai.core.calls import Sandbox
    from pytest_compiledai.core.calls import Session
    from pytest_compiledai.core.golden import Row

_TELLING: Final = 3  # characters from which a part of a word says something
_FIRST: Final = 8  # rows that are asked first; most literals of a rule show there whose they are
_TRIALS: Final = 48  # draws of literals that are changed together
_SHARES: Final = (0.25, 0.4, 0.55)  # of them, in turn: what all rows need must stay now and then
_Change = tuple[str, tuple[int, int]]  # a name, and which of its characters
_EXPECTED: Final = "expected code that works it out from the input"


class Bounds(Protocol):
    """The constants this check enforces."""

    @property
    def resting_rows(self) -> int:
        """Rows that may rest on a literal of their own."""

    @property
    def resting_share(self) -> float:
        """The same, as a share of the rows that are looked at."""

    @property
    def resting_asked(self) -> int:
        """Most rows that are looked at."""

    @property
    def resting_sites(self) -> int:
        """Most literals that are changed, and most parts of literals."""


def resting(
    *,
    sandbox: Sandbox,
    program: Program,
    rows: Sequence[Row],
    answers: Mapping[str, Answer],
    told: str,
    rules: Bounds,
) -> tuple[Finding, ...]:
    """Return one finding where most rows rest on a literal of their own, else none.

    ``told`` is what the proposer was told; its literals are nobody's own. Asks nothing where there
    are too few answered rows, or too few literals, for a verdict. Raises ``SandboxError`` only.
    """
    asked = _sample([row for row in rows if answers[row.id].status is Status.VALUE], rules)
    text = program.source.decode("utf-8")
    made = variants(text, program.function, lambda value: is_told(value, told))
    named = _names(text, program.function, told, first=len(made.sites))
    least = max(rules.resting_rows, rules.resting_share * len(asked))
    if len(asked) < rules.resting_rows or len(made.sites) + len(named) < least:
        return ()
    whole = [site for site in made.sites if not site.is_part]
    step = _step(whole, rules)
    parts = [site for site in made.sites if site.is_part]
    sites = [*whole[::step], *parts[:: _step(parts, rules)]]
    with sandbox.open(replace(program, source=made.source, function=ENTRY)) as session:
        plain = _called(session, (), asked)
        if not all(
            same_answer(answers[row.id], got) for row, got in zip(asked, plain, strict=True)
        ):
            message = f"found other answers where the code is run as a function; {_EXPECTED}"
            return (Finding(rule=RULE, message=message),)
        answered = list(zip(asked, plain, strict=True))
        owners = {site: _owners_of(session, site, answered) for site in sites}
        twice = _kept_twice(session, [site for site in sites if not owners[site]], answered)
    own = {site: next(iter(who)) for site, who in owners.items() if len(who) == 1}
    own |= _read_names(sandbox, program, named, answered, rules)
    sites += named
    inputs = {owner: _shown(asked, owner, whole=False) for owner in set(own.values())}
    telling = {
        site: owner
        for site, owner in own.items()
        if not _is_in(normal(str(site.value)), inputs[owner])
        and not _is_general(site, sites, own, asked)
    }
    held = {*telling.values(), *twice}
    by_whole = {owner for site, owner in telling.items() if not site.is_part}
    if max(len(held), len(by_whole) * step) < least:
        return ()
    message = f"found {len(held)} of {len(asked)} golden rows that rest on a literal of their own"
    return (Finding(rule=RULE, message=f"{message}; {_EXPECTED}"),)


def _names(text: str, function: str, told: str, *, first: int) -> dict[Site, _Change]:
    """Return what is changed of names that the code may read as texts, numbered from ``first``."""
    changes = [
        (name, span, table)
        for name, table in readable_names(text).items()
        if name != function and not is_told(_words(name), told)
        for span in spans(name)
    ]
    return {
        Site(
            variant=first + number,
            value=_words(name),
            table=-table,  # apart from those of literals
            is_part=span != (0, len(name)),
        ): (name, span)
        for number, (name, span, table) in enumerate(changes)
    }


def _words(name: str) -> str:
    return name.strip("_").replace("_", " ")


def _read_names(
    sandbox: Sandbox,
    program: Program,
    named: Mapping[Site, _Change],
    answers: Sequence[tuple[Row, Answer]],
    rules: Bounds,
) -> dict[Site, object]:
    """Return the owner of each name that one row alone rests on; empty where none is read.

    Most code reads none, which one run with all names changed shows.
    """
    text = program.source.decode("utf-8")
    taken = identifiers(text)

    def owners(renames: Mapping[str, str]) -> set[object]:
        with sandbox.open(replace(program, source=renamed(text, renames))) as session:
            return _owners(answers, session.call([row.key for row, _ in answers]))

    whole = {name: other_name(name, span, taken) for name, span in reversed([*named.values()])}
    if not named or not owners(whole):
        return {}
    sites = list(named)[:: _step(list(named), rules)]
    made = {site: {named[site][0]: other_name(*named[site], taken)} for site in sites}
    found = {site: owners(made[site]) for site in sites}
    return {site: who.pop() for site, who in found.items() if len(who) == 1}


def _step(sites: Sequence[Site], rules: Bounds) -> int:
    return max(1, -(-len(sites) // rules.resting_sites))


def _is_in(value: str, shown: str) -> bool:
    """Whether an input shows a literal; one of a character or two, as a word of its own."""
    return f" {value} " in f" {shown} " if len(value) < _TELLING else value in shown


def _sample(rows: Sequence[Row], rules: Bounds) -> list[Row]:
    return sorted(rows, key=lambda row: digest(row.key))[: rules.resting_asked]


def _called(session: Session, variant: Sequence[int], rows: Sequence[Row]) -> list[Answer]:
    asked = [canonical_json({"variant": [*variant], "input": row.input}) for row in rows]
    return session.call(asked)


def _owners_of(session: Session, site: Site, answered: Sequence[tuple[Row, Answer]]) -> set[object]:
    """Return who rests on one literal; of several not all, for then it is nobody's own."""
    found: set[object] = set()
    for part in (answered[:_FIRST], answered[_FIRST:]):
        if part and len(found) < 2:  # noqa: PLR2004 - two are several
            found |= _owners(part, _called(session, (site.variant,), [row for row, _ in part]))
    return found


def _owners(answered: Sequence[tuple[Row, Answer]], other: Sequence[Answer]) -> set[object]:
    """Return the groups, or inputs, whose answer is another one."""
    return {
        row.group or row.key
        for (row, one), two in zip(answered, other, strict=True)
        if not same_answer(one, two)
    }


def _kept_twice(
    session: Session, idle: Sequence[Site], answered: Sequence[tuple[Row, Answer]]
) -> set[object]:
    """Return the owners of rows that rest on several literals, any of which is enough.

    ``idle`` are literals that no row needs alone. Of memory, random ones of them take the answer
    from other rows each time; of a rule that is written twice, from all of its rows at once.
    """
    shown = normal(json.dumps([row.input for row, _ in answered], ensure_ascii=False))
    hidden = [
        site for site in idle if not site.is_part and not _is_in(normal(str(site.value)), shown)
    ]
    met: dict[object, list[bool]] = {row.group or row.key: [] for row, _ in answered}
    random = Random(0)  # noqa: S311 - draws that repeat, no secret
    for trial in range(_TRIALS if len(hidden) > len(met) else 0):
        share = _SHARES[trial % len(_SHARES)]
        chosen = [site.variant for site in hidden if random.random() < share]
        changed = _owners(answered, _called(session, chosen, [row for row, _ in answered]))
        for owner, before in met.items():
            before.append(owner in changed)
    count = Counter(map(tuple, met.values()))
    return {owner for owner, seen in met.items() if any(seen) and count[tuple(seen)] == 1}


def _is_general(
    site: Site, sites: Sequence[Site], own: Mapping[Site, object], rows: Sequence[Row]
) -> bool:
    """Whether a literal belongs to a table of general knowledge.

    Such a table has many entries that no row needs, and shows what an entry is about: something in
    it stands in the row.
    """
    if not site.table:
        return False
    kind = site.table, site.is_part
    table = [item for item in sites if (item.table, item.is_part) == kind]
    used = [item for item in table if item in own]
    if len(table) < TABLE or 2 * len(used) >= len(table):
        return False
    owner = own[site]
    shown = _shown(asked=rows, owner=owner, whole=True)
    return any(
        f" {normal(str(item.value))} " in f" {shown} " for item in used if own[item] == owner
    )


def _shown(asked: Sequence[Row], owner: object, *, whole: bool) -> str:
    """Return the words of an owner's inputs, and of its outputs where ``whole``."""
    rows = [row for row in asked if (row.group or row.key) == owner]
    values = [[row.input, row.output] if whole else row.input for row in rows]
    return normal(json.dumps(values, ensure_ascii=False))
