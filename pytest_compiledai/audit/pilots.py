"""Small programs tried on a site's rows: what a short rule and learned weights get right.

Each is made from the fit rows, chosen on the validation rows and counted on the test rows, the
shares of a spec's own split. A pilot is cruder than what a compile proposes: it shows that a
function exists, not that none does.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from pytest_compiledai.audit.answer_form import find_form
from pytest_compiledai.audit.example import Example
from pytest_compiledai.audit.example import as_number
from pytest_compiledai.audit.learner import LABEL_CAP
from pytest_compiledai.audit.learner import Learner
from pytest_compiledai.audit.learner import signs
from pytest_compiledai.audit.rule_number import find_step
from pytest_compiledai.audit.rule_number import near
from pytest_compiledai.audit.rule_span import alike
from pytest_compiledai.audit.rule_span import copied
from pytest_compiledai.audit.rule_span import find_rules
from pytest_compiledai.audit.rule_span import found_by
from pytest_compiledai.audit.rule_tree import answer
from pytest_compiledai.audit.rule_tree import grow
from pytest_compiledai.audit.rule_tree import questions
from pytest_compiledai.audit.value import Leaf
from pytest_compiledai.core.split import Split

PATH_CAP: Final = 24  # parts of an answer that are looked at
_PRESENT: Final = 0.02  # share of answers that a part must stand in
_OBJECTS: Final = 0.8  # share of answers that are JSON objects, for a site to answer in objects
_CLOSED: Final = 0.5  # distinct values a row, below which a part can be a closed set
_COPIED: Final = 0.9  # share of a part's values that stand in the input, for it to be copied

Right = Callable[[int], bool]  # whether a row's part comes out right


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One part of a site's answers, and how it is had."""

    path: str
    distinct: int
    copied: float  # share of values that stand in the input
    rule: str  # constant, tree, span, number or none
    rule_share: float  # of test rows that the rule gets right
    learned_share: float  # of test rows right with the best of rule, learner and copying


@dataclass(frozen=True, slots=True, kw_only=True)
class Pilots:
    """What the pilots of a site reached on its test rows."""

    tested: int
    rule_right: int  # rows all of whose parts a rule gets right
    learned_right: int  # rows all of whose parts rules, learned weights or copying get right
    common_right: int  # rows that the commonest answer gets right
    closed_parts: bool  # every part is a closed set, copied, or had by a rule
    copied_share: float  # of the parts' values that stand in the input, constants aside
    parts: tuple[Part, ...]


def run_pilots(examples: Sequence[Example]) -> Pilots:
    """Return what the pilots reach on the test rows of ``examples``."""
    targets = _targets(examples)
    bench = _Bench(examples, targets)
    paths = _paths(targets)
    tried = [bench.part(path) for path in paths]
    whole = [_identity(target) for target in targets]
    common = Counter(whole[row] for row in bench.fit).most_common(1)
    usable = [row for row in bench.test if targets[row] is not None]
    rule_right = sum(all(rule(row) for _, rule, _ in tried) for row in usable) if tried else 0
    learned = sum(all(best(row) for _, _, best in tried) for row in usable) if tried else 0
    parts = tuple(part for part, _, _ in tried)
    told = [part for part in parts if part.rule != "constant"]
    return Pilots(
        tested=len(bench.test),
        rule_right=rule_right,
        learned_right=learned,
        common_right=sum(whole[row] == common[0][0] for row in bench.test) if common else 0,
        closed_parts=bool(parts) and all(bench.is_closed(part) for part in parts),
        copied_share=sum(part.copied for part in told) / len(told) if told else 0.0,
        parts=parts,
    )


def _targets(examples: Sequence[Example]) -> list[dict[str, Leaf] | None]:
    """Return each answer's parts; None for one that is not of the site's kind."""
    objects = sum(isinstance(example.value, dict | list) for example in examples)
    if objects >= _OBJECTS * len(examples):
        return [e.leaves if isinstance(e.value, dict | list) else None for e in examples]
    distinct = {_identity(example.leaves) for example in examples}
    form = (
        find_form([e.row.output for e in examples])
        if len(distinct) > _CLOSED * len(examples)
        else None
    )
    if form is not None:
        return [form.slots(example.row.output.strip()) for example in examples]
    return [example.leaves for example in examples]


def _paths(targets: Sequence[dict[str, Leaf] | None]) -> list[str]:
    counts = Counter(path for target in targets for path in target or ())
    least = _PRESENT * len(targets)
    return sorted(path for path, count in counts.most_common(PATH_CAP) if count > least)


def _identity(target: dict[str, Leaf] | None) -> str:
    return repr(sorted(target.items())) if target is not None else ""


class _Bench:
    """The rows of one site, and the pilots tried on them."""

    def __init__(
        self, examples: Sequence[Example], targets: Sequence[dict[str, Leaf] | None]
    ) -> None:
        self.examples = examples
        self.targets = targets
        rows = range(len(examples))
        usable = [row for row in rows if targets[row] is not None]
        self.fit = [row for row in usable if examples[row].split is Split.TRAIN]
        self.choose = [row for row in usable if examples[row].split is Split.VALIDATION]
        self.test = [row for row in rows if examples[row].split is Split.TEST]
        self.fit_mask = sum(1 << row for row in self.fit)
        self.asked = questions(examples, self.fit_mask)
        self._signs: dict[int, set[str]] = {}

    def is_closed(self, part: Part) -> bool:
        """Return whether a part is a closed set, copied, or had by a rule."""
        few = part.distinct <= min(LABEL_CAP, max(2, _CLOSED * len(self.fit)))
        return few or part.copied >= _COPIED or part.rule_share >= _COPIED

    def part(self, path: str) -> tuple[Part, Right, Right]:
        """Return a part's facts, and what the best rule and the best of all get right."""
        labels = [(target or {}).get(path) for target in self.targets]
        distinct = len({_identity({"": labels[row]}) for row in self.fit})
        stand = [
            copied(labels[row], self.examples[row])
            for row in self.choose
            if labels[row] not in (None, "")
        ]
        share = sum(stand) / len(stand) if stand else 0.0
        rules = self._rules(labels, distinct)
        kind, rule = max(rules, key=lambda pair: self._share(pair[1], self.choose))
        others = [rule]
        if distinct <= min(LABEL_CAP, _CLOSED * len(self.fit)):
            others.append(self._learner(labels))
        if share >= _COPIED:
            others.append(
                lambda row: labels[row] in (None, "") or copied(labels[row], self.examples[row])
            )
        best = max(others, key=lambda right: self._share(right, self.choose))
        usable = [row for row in self.test if self.targets[row] is not None]
        part = Part(
            path=path,
            distinct=distinct,
            copied=share,
            rule=kind,
            rule_share=self._share(rule, usable),
            learned_share=self._share(best, usable),
        )
        return part, rule, best

    def _rules(self, labels: Sequence[Leaf], distinct: int) -> list[tuple[str, Right]]:
        found: list[tuple[str, Right]] = []
        if distinct <= 1:
            label = labels[self.fit[0]] if self.fit else None
            return [("constant", lambda row: alike(labels[row], label))]
        tree = grow(self.asked, labels, self.fit_mask)
        if tree is not None:
            found.append(("tree", lambda row: alike(answer(tree, row), labels[row])))
        if spans := find_rules(self._of(self.fit), [labels[row] for row in self.fit]):
            found.append(
                ("span", lambda row: alike(found_by(spans, self.examples[row]), labels[row]))
            )
        numbers = [as_number(label) if not isinstance(label, str) else None for label in labels]
        step = find_step(self._of(self.fit), [numbers[row] for row in self.fit])
        if step is not None:
            found.append(
                ("number", lambda row: _steps_to(step.of(self.examples[row].numbers), numbers[row]))
            )
        return found or [("none", lambda _: False)]

    def _learner(self, labels: Sequence[Leaf]) -> Right:
        learner = Learner(
            [self._signs_of(row) for row in self.fit], [labels[row] for row in self.fit]
        )
        return lambda row: alike(learner.answer(self._signs_of(row)), labels[row])

    def _signs_of(self, row: int) -> set[str]:
        found = self._signs.get(row)
        if found is None:
            found = self._signs[row] = signs(self.examples[row])
        return found

    def _of(self, rows: Sequence[int]) -> list[Example]:
        return [self.examples[row] for row in rows]

    def _share(self, right: Right, rows: Sequence[int]) -> float:
        return sum(right(row) for row in rows) / len(rows) if rows else 0.0


def _steps_to(value: float | None, target: float | None) -> bool:
    return target is not None and near(value, target)
