"""The accuracy gate: how many golden rows are answered, and how many of those right.

Pure: the caller ran the code and hands in its answers. While candidates are chosen only train and
validation rows are looked at; the test rows decide, once, whether one is accepted.
"""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
from itertools import pairwise
from typing import TYPE_CHECKING
from typing import Any
from typing import Final

from pytest_compiledai.core.calls import Status
from pytest_compiledai.core.canonical import canonical_json
from pytest_compiledai.core.errors import SpecError
from pytest_compiledai.core.gate import Phase
from pytest_compiledai.core.interval import portion
from pytest_compiledai.core.interval import wilson
from pytest_compiledai.core.split import Shares
from pytest_compiledai.core.split import Split
from pytest_compiledai.core.verdict import Finding
from pytest_compiledai.core.verdict import Verdict
from pytest_compiledai.gates import comparators as known
from pytest_compiledai.gates import settings as reading
from pytest_compiledai.gates.comparators import Comparator
from pytest_compiledai.gates.comparators import ComparatorFault
from pytest_compiledai.gates.comparators import UserComparator
from pytest_compiledai.gates.fieldpath import check_path
from pytest_compiledai.gates.memorised import memorised
from pytest_compiledai.gates.policyfile import read_policy
from pytest_compiledai.gates.promise import capped
from pytest_compiledai.gates.promise import cut
from pytest_compiledai.gates.promise import shown_json
from pytest_compiledai.gates.scoring import Scored
from pytest_compiledai.gates.scoring import differences
from pytest_compiledai.gates.scoring import score

if TYPE_CHECKING:
    from pytest_compiledai.core.calls import Answer
    from pytest_compiledai.core.golden import Row
    from pytest_compiledai.core.place import Place
    from pytest_compiledai.core.schema import Schema

GATE: Final = "accuracy"
_KEYS: Final = ("threshold", "coverage", "metric", "split", "shown", "confidence")
_MOST_SHOWN: Final = 1_000
_MOST_LOOKED: Final = 50  # different outputs by which a metric shows that it can say no


@dataclass(frozen=True, slots=True, kw_only=True)
class AccuracyPolicy:
    """What ``gates/accuracy/policy.toml`` states."""

    version: int
    threshold: float
    coverage: float
    shown: int  # most train rows in a request
    interval: float  # confidence of the interval that is printed
    few_rows: int  # fewer test rows than this are warned of
    findings: int
    copied_characters: int  # a literal this long that is a whole input text
    chunk_characters: int  # a literal this long that is a part of an input text
    rows: int  # rows whose outputs stand in the code before it is memorising
    share: float  # or this share of the train rows
    hashes: int  # hash-like literals before they are a table
    resting_rows: int  # rows that may rest on a literal of their own
    resting_share: float  # or this share of the rows that are looked at, if that is more
    resting_asked: int  # most rows that are looked at
    resting_sites: int  # most literals that are changed


def policy() -> AccuracyPolicy:
    """Return the constants of this gate."""
    return read_policy(GATE, AccuracyPolicy)


@dataclass(frozen=True, slots=True, kw_only=True)
class AccuracySettings:
    """The `accuracy:` block of a spec."""

    threshold: float = 0.95
    coverage: float = 1.0
    metric: Mapping[str, Comparator | UserComparator] = field(default_factory=dict)
    split: Mapping[str, float] = field(
        default_factory=lambda: {"train": 0.5, "validation": 0.2, "test": 0.3}
    )
    shown: int = 20
    confidence: float | None = None  # the interval's lower end must reach the threshold
    places: Mapping[str, Place] = field(default_factory=dict)  # of each path in ``metric``

    @classmethod
    def parse(cls, block: Mapping[str, Any], place: reading.At) -> AccuracySettings:
        """Return the settings; raises ``SpecError`` at what is not understood."""
        rules = policy()
        reading.known_keys(block, _KEYS, place)
        metric = block.get("metric", {})
        if not isinstance(metric, Mapping):
            expected = "a comparator for each field, as in {queue: exact}"
            raise SpecError(where=place("metric"), found=f"metric: {metric!r}", expected=expected)
        made = {path: known.parse(metric[path], _below(place, path)) for path in metric}
        default = {"train": 0.5, "validation": 0.2, "test": 0.3}
        split = block.get("split", default)
        Shares.parse(split, lambda *keys: place("split", *keys))
        return cls(
            threshold=reading.bar(block, "threshold", rules.threshold, place),
            coverage=reading.share(block, "coverage", rules.coverage, place),
            metric=made,
            split=split,
            shown=reading.whole(block, "shown", rules.shown, place, most=_MOST_SHOWN),
            confidence=reading.confidence(block, None, place),
            places={path: place("metric", path) for path in metric},
        )

    def check(self, output: Schema) -> None:
        """Raise ``SpecError`` at a path of the metric that no output can have."""
        for path in self.metric:
            check_path(path, output, self.places[path])

    @property
    def user_comparators(self) -> tuple[UserComparator, ...]:
        """The project's own comparators, each once, in the order of the spec."""
        named = (made for made in self.metric.values() if isinstance(made, UserComparator))
        return tuple(dict.fromkeys(named))


def _below(place: reading.At, path: str) -> reading.At:
    return lambda *keys: place("metric", path, *keys)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tally:
    """The rows of one split, scored."""

    split: Split
    rows: tuple[tuple[Row, Scored], ...]

    @property
    def answered(self) -> int:
        """How many rows were answered."""
        return sum(scored.answered for _, scored in self.rows)

    @property
    def right(self) -> int:
        """How many rows were answered right."""
        return sum(scored.right for _, scored in self.rows)

    def figures(self, confidence: float) -> dict[str, Any]:
        """Return the figures of this split; shares are rounded to six digits."""
        answered = self.answered
        span = wilson(self.right, answered, confidence)
        return {
            "rows": len(self.rows),
            "answered": answered,
            "right": self.right,
            "accuracy": round(self.right / answered, 6) if answered else 0.0,
            "coverage": round(answered / len(self.rows), 6),
            "interval": {"low": round(span.low, 6), "high": round(span.high, 6)},
        }


def judge(
    *,
    rows: Sequence[Row],
    answers: Mapping[str, Answer],
    settings: AccuracySettings,
    phase: Phase,
    source_text: str,
    spec_text: str,
    comparators: Mapping[str, Comparator] | None = None,
) -> Verdict:
    """Return the verdict over the rows that ``phase`` may open.

    ``answers`` are by row id and cover at least those rows. ``comparators`` holds the callable of
    each user's comparator by name. ``spec_text`` is what the proposer was told: the description
    and both schemas; literals that stand in it are not memorised.
    """
    rules = policy()
    may = [row for row in rows if phase is Phase.ACCEPT or row.split is not Split.TEST]
    opened = [row for row in may if not row.demands_abstention]
    refusals = [row for row in may if row.demands_abstention]
    decisive = _decisive(opened, settings, phase)
    if decisive is None:
        wanted = "test" if phase is Phase.ACCEPT else "train or validation"
        message = f"found no {wanted} row; expected at least one: add rows, or change the split"
        return Verdict(gate=GATE, findings=(Finding(rule=f"{GATE}.rows", message=message),))
    try:
        scored = _scored(opened, answers, settings, comparators or {})
    except ComparatorFault as fault:
        message = f"found {fault} from a comparator; expected true or false"
        finding = Finding(rule=f"{GATE}.comparator", message=message)
        return Verdict(gate=GATE, findings=(finding,))
    except _Blind as blind:
        message = f"found a metric that takes every two of {blind} different outputs for the same"
        message += "; expected one that tells some apart"
        return Verdict(gate=GATE, findings=(Finding(rule=f"{GATE}.blind", message=message),))
    tallies = [
        _Tally(split=split, rows=tuple(pair for pair in scored if pair[0].split is split))
        for split in Split
        if any(row.split is split for row in opened)
    ]
    findings = [found for tally in tallies for found in _below_bar(tally, settings, decisive)]
    findings += _answered_anyway(refusals, answers, settings.threshold)
    copied = memorised(source_text, rows=may, spec_text=spec_text, rules=rules)
    return Verdict(
        gate=GATE,
        findings=(*capped(findings, rules.findings), *capped(copied, rules.findings)),
        figures=_figures(tallies, decisive, rules, settings) | _refused(refusals, answers),
    )


class _Blind(Exception):
    """The metric calls every answer right; how many different outputs it was shown."""


def _scored(
    rows: Sequence[Row],
    answers: Mapping[str, Answer],
    settings: AccuracySettings,
    users: Mapping[str, Comparator],
) -> list[tuple[Row, Scored]]:
    """Return each row with its score. Raises ``ComparatorFault`` and ``_Blind``.

    A project's own comparators are asked again in the opposite order: what depends on the calls
    before says nothing of the answers.
    """
    chosen = resolved(settings, users)
    scored = [score(row.output, answers[row.id], chosen) for row in rows]
    if settings.user_comparators:
        again = [score(row.output, answers[row.id], chosen) for row in reversed(rows)]
        if again[::-1] != scored:
            raise ComparatorFault("another answer to an equal question")
    if settings.metric:
        _check_sight([row.output for row in rows], chosen)
    return list(zip(rows, scored, strict=True))


def _check_sight(outputs: Sequence[Any], comparators: Mapping[str, Comparator]) -> None:
    """Raise ``_Blind`` where no two different outputs of the rows differ by the metric."""
    distinct = list({canonical_json(output): output for output in outputs}.values())[:_MOST_LOOKED]
    pairs = [*pairwise(distinct), *((distinct[0], other) for other in distinct[1:])]
    if pairs and not any(any(differences(*pair, comparators)) for pair in pairs):
        raise _Blind(len(distinct))


def _is_refused(row: Row, answers: Mapping[str, Answer]) -> bool:
    return answers[row.id].status is Status.ABSTAIN


def _answered_anyway(
    refusals: Sequence[Row], answers: Mapping[str, Answer], threshold: float
) -> Iterator[Finding]:
    """Yield why too few of the rows that demand an abstention are refused.

    They are a share of their own: a refusal is no right answer and takes nothing from coverage.
    """
    for split in Split:
        rows = [row for row in refusals if row.split is split]
        wrong = [row for row in rows if not _is_refused(row, answers)]
        if len(rows) - len(wrong) >= portion(threshold, len(rows)):
            continue
        text = f"{len(wrong)} of {len(rows)} {split.value} rows that demand an abstention"
        yield _summary("refusal", f"{text} are answered; expected {threshold:g} refused")
        for row in wrong:
            answer = answers[row.id]
            got = answer.value.decode() if answer.status is Status.VALUE else answer.status.value
            quotable = split is Split.TRAIN
            suffix = f"; input {shown_json(row.input)}" if quotable else ""
            yield Finding(
                rule=f"{GATE}.refusal",
                message=f"{row.place}: expected an abstention, got {cut(got)}{suffix}",
                path=row.place.path,
                line=row.place.line,
                quotable=quotable,
            )


def _refused(refusals: Sequence[Row], answers: Mapping[str, Answer]) -> dict[str, Any]:
    """Return the figures of the rows that demand an abstention; empty without any."""
    if not refusals:
        return {}
    refused = sum(_is_refused(row, answers) for row in refusals)
    return {"refusals": {"rows": len(refusals), "refused": refused}}


def _decisive(opened: Sequence[Row], settings: AccuracySettings, phase: Phase) -> Split | None:
    """Return the split whose figures decide; None where it has no rows.

    A spec that keeps no share for a split says so on purpose; rows that merely happen to leave a
    split empty do not.
    """
    have = {row.split for row in opened}
    if phase is Phase.ACCEPT and Split.TEST not in have and settings.split["test"] > 0:
        return None
    order = (Split.TEST, Split.VALIDATION, Split.TRAIN)
    return next((split for split in order if split in have), None)


def resolved(settings: AccuracySettings, users: Mapping[str, Comparator]) -> dict[str, Comparator]:
    """Return a callable for each path of the metric; ``users`` holds the project's own by name."""
    return {
        path: users[made.name] if isinstance(made, UserComparator) else made
        for path, made in settings.metric.items()
    }


def _below_bar(tally: _Tally, settings: AccuracySettings, decisive: Split) -> list[Finding]:
    """Return why a split is not good enough; empty where it is."""
    findings: list[Finding] = []
    total, answered, right = len(tally.rows), tally.answered, tally.right
    name = tally.split.value
    if answered == 0 or answered < portion(settings.coverage, total):
        text = f"{total - answered} of {total} {name} rows are not answered"
        findings.append(_summary("coverage", f"{text}; expected {settings.coverage:g} answered"))
        findings += _details(tally, "coverage")
    if right < portion(settings.threshold, answered):
        text = f"{answered - right} of {answered} {name} rows answered differ"
        findings.append(_summary("wrong", f"{text}; expected {settings.threshold:g} right"))
        findings += _details(tally, "wrong")
    elif settings.confidence is not None and tally.split is decisive:
        findings += _unsure(tally, settings.threshold, settings.confidence)
    return findings


def _unsure(tally: _Tally, threshold: float, confidence: float) -> list[Finding]:
    low = wilson(tally.right, tally.answered, confidence).low
    if low >= threshold:
        return []
    shares = f"{tally.right} of {tally.answered} {tally.split.value} rows right"
    text = f"{shares} show no more than {low:.3f} at confidence {confidence:g}"
    return [_summary("confidence", f"found {text}; expected {threshold:g}: add rows")]


def _summary(name: str, text: str) -> Finding:
    """Return a finding that only counts, so that it may be quoted whatever the split."""
    return Finding(rule=f"{GATE}.{name}", message=text)


def _details(tally: _Tally, name: str) -> Iterator[Finding]:
    for row, scored in tally.rows:
        expected = f"expected {shown_json(row.output)}"
        texts = [] if scored.answered else [("", f": abstained ({scored.reason}); {expected}")]
        differing = [(item.field, f" {item}") for item in scored.differences]
        quotable = tally.split is Split.TRAIN
        # Whoever repairs the code needs the input; whoever reads the terminal has the line.
        suffix = f"; input {shown_json(row.input)}" if quotable else ""
        for field_name, text in texts if name == "coverage" else differing:
            yield Finding(
                rule=f"{GATE}.{name}",
                message=f"{row.place}{text}{suffix}",
                path=row.place.path,
                line=row.place.line,
                quotable=quotable,
                field=field_name,
            )


def _figures(
    tallies: Sequence[_Tally], decisive: Split, rules: AccuracyPolicy, settings: AccuracySettings
) -> dict[str, Any]:
    confidence = settings.confidence or rules.interval
    (chosen,) = (tally for tally in tallies if tally.split is decisive)
    figures = chosen.figures(confidence)
    figures["split"] = decisive.value
    figures["splits"] = {tally.split.value: tally.figures(confidence) for tally in tallies}
    figures["fields"] = _fields(chosen)
    if decisive is Split.TEST and len(chosen.rows) < rules.few_rows:
        figures["warning"] = f"{len(chosen.rows)} test rows show little; see the interval"
    return figures


def _fields(tally: _Tally) -> dict[str, float]:
    """Return the share of right values of each field, over the answered rows."""
    answered = [(row, scored) for row, scored in tally.rows if scored.answered]
    names = sorted({name for row, _ in answered for name in row.output})
    wrong = [{item.field for item in scored.differences} for _, scored in answered]
    return {
        name: round(sum(name not in w and "" not in w for w in wrong) / len(wrong), 6)
        for name in names
    }
