"""The drift gate: whether production still sees and answers what the artifact was judged by.

Pure: the caller read the sampled calls and says what the right answers are. It judges an artifact's
use and no candidate: nothing it finds goes back to a model, and the lock knows nothing of it.
Findings name rows, fields and categories; they quote no other data of production.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING
from typing import Any
from typing import Final

from pytest_compiledai.core.conform import PROBLEM_CAP
from pytest_compiledai.core.conform import render_path
from pytest_compiledai.core.interval import portion
from pytest_compiledai.core.interval import trials_to_show
from pytest_compiledai.core.interval import wilson
from pytest_compiledai.core.sampled import is_redacted
from pytest_compiledai.core.verdict import Finding
from pytest_compiledai.core.verdict import Verdict
from pytest_compiledai.gates import settings as reading
from pytest_compiledai.gates import shift as shifts
from pytest_compiledai.gates.policyfile import read_policy
from pytest_compiledai.gates.promise import capped

if TYPE_CHECKING:
    from pytest_compiledai.core.conform import Way
    from pytest_compiledai.core.sampled import Call
    from pytest_compiledai.core.schema import Schema
    from pytest_compiledai.gates.accuracy import AccuracySettings
    from pytest_compiledai.gates.shift import Observed
    from pytest_compiledai.gates.shift import Shift

GATE: Final = "drift"
_RATES: Final = ("abstain", "fallback", "errors", "broken", "new", "nulls")
_KEYS: Final = ("threshold", "confidence", "agreement", "calls", "psi", *_RATES)
_MOST_CALLS: Final = 10_000_000
_NAMED_FIELDS: Final = 3  # of an answer that differs


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftPolicy:
    """What ``gates/drift/policy.toml`` states."""

    version: int
    abstain: float
    fallback: float
    errors: float
    broken: float
    psi: float
    new: float
    nulls: float
    interval: float
    most_calls: int
    chance: float
    bins: int
    bin_rows: int
    half: float
    findings: int
    named: int
    compared: int
    proposed: int


def policy() -> DriftPolicy:
    """Return the constants of this gate."""
    return read_policy(GATE, DriftPolicy)


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftSettings:
    """The `drift:` block of a spec, its silences filled."""

    threshold: float  # least share of right answers among the compared
    confidence: float | None  # the interval's lower end must reach the threshold
    agreement: float  # least share of answers that are those of a reference that may be wrong
    calls: int  # fewest calls, and fewest compared
    abstain: float  # most calls, as a share
    fallback: float
    errors: float
    broken: float
    psi: float
    new: float
    nulls: float

    @classmethod
    def parse(
        cls,
        block: Mapping[str, Any],
        accuracy: AccuracySettings,
        place: reading.At,
        *,
        agreement: float,
    ) -> DriftSettings:
        """Return the settings; ``agreement`` is that of `fuzz`.

        Raises ``SpecError`` at what is not understood.
        """
        rules = policy()
        reading.known_keys(block, _KEYS, place)
        threshold = reading.bar(block, "threshold", accuracy.threshold, place)
        confidence = reading.confidence(block, accuracy.confidence, place)
        refused = max(rules.abstain, round(1 - accuracy.coverage, 6))
        defaults = {name: getattr(rules, name) for name in _RATES}
        defaults |= {"abstain": refused, "fallback": max(rules.fallback, refused)}
        needed = trials_to_show(1.0, threshold, confidence or rules.interval) or rules.most_calls
        fewest = min(needed, rules.most_calls)
        return cls(
            threshold=threshold,
            confidence=confidence,
            agreement=reading.bar(block, "agreement", agreement, place),
            calls=reading.whole(block, "calls", fewest, place, least=1, most=_MOST_CALLS),
            psi=reading.above_zero(block, "psi", rules.psi, place),
            **{name: reading.share(block, name, defaults[name], place) for name in _RATES},
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """One of the artifact's own answers beside the right one."""

    call: Call
    basis: str  # label, function, reference or recording
    differs: tuple[str, ...]  # paths of the fields that are not as expected


@dataclass(frozen=True, slots=True, kw_only=True)
class Production:
    """What is known of a unit's calls, of whatever version of its artifact."""

    sha256: str  # of the artifact's Python file, as it stands
    calls: Sequence[Call]
    where: str  # the file, as messages name it
    compared: Sequence[Compared]  # those that decide
    agreed: Sequence[Compared] = ()  # beside the answers of a reference that may be wrong itself
    reference_right: tuple[int, int] = (0, 0)  # where a label says so too, of how many
    apart: Sequence[Compared] = ()  # recorded answers to a chosen few: shown, and only held against
    bad_labels: Sequence[Call] = ()  # labels outside the output schema


class Look:
    """One look at the calls of a unit's current artifact; ``golden`` are the golden inputs."""

    def __init__(
        self,
        production: Production,
        golden: Sequence[Any],
        input_schema: Schema,
        output_schema: Schema,
        settings: DriftSettings,
    ) -> None:
        self.production = production
        self.settings = settings
        self.rules = policy()
        self.golden = golden
        self.input = input_schema
        self.output = output_schema
        self.calls = [c for c in production.calls if c.sha256 == production.sha256]
        self.broken = [c for c in self.calls if breaks(input_schema, c.input)]
        bad = {c.row for c in self.broken}
        self.sound = [c for c in self.calls if c.row not in bad]

    @cached_property
    def observed(self) -> dict[int, Observed]:
        """What each sound call has at each field, by row."""
        return {c.row: shifts.observed(self.input.node, c.input) for c in self.sound}

    @cached_property
    def shifts(self) -> list[Shift]:
        """How each field of the input compares with the golden rows."""
        rules = self.rules
        golden = [shifts.observed(self.input.node, value) for value in self.golden]
        fields = shifts.fields_of(golden, bins=rules.bins, bin_rows=rules.bin_rows)
        calls = list(self.observed.values())
        return shifts.compare(
            fields, calls, chance=rules.chance, half=rules.half, named=rules.named
        )

    def verdict(self) -> Verdict:
        """Return the verdict."""
        findings = capped(tuple(self.findings()), self.rules.findings)
        return Verdict(gate=GATE, findings=findings, figures=self.figures())

    def findings(self) -> Iterator[Finding]:
        """Yield what speaks against the artifact's use, the gravest first."""
        yield from self._too_few()
        yield from self._answers()
        yield from self._rates()
        for shift in self.shifts:
            yield from self._shifted(shift)

    def _too_few(self) -> Iterator[Finding]:
        where, need = self.production.where, self.settings.calls
        have, others = len(self.calls), self._others()
        if have < need:
            text = f"{have} calls of the artifact {self.production.sha256[:12]}"
            if others:
                text += f", and {sum(others.values())} of {len(others)} other versions"
            yield _found("calls", f"{where}: found {text}; expected at least {need}: sample more")
        compared = len(self.production.compared)
        agreed = len(self.production.agreed)
        if max(compared, agreed) < need:
            text = f"{compared} of {self._answered()} answers with a label or a reference"
            if agreed:
                text += f", and {agreed} with what the reference answered"
            yield _found("labels", f"{where}: found {text}; expected at least {need}: label more, "
                         "or write what the reference answers into `reference`")  # fmt: skip
        bad = [call.row for call in self.production.bad_labels]
        if bad:
            text = f"{len(bad)} labels outside the output schema ({self._some(bad)})"
            yield _found("label", f"{where}: found {text}; expected outputs, or null for no label")

    def _answers(self) -> Iterator[Finding]:
        threshold, agreement = self.settings.threshold, self.settings.agreement
        compared, agreed = self.production.compared, self.production.agreed
        yield from self._wrong("accuracy", compared, threshold)
        yield from self._wrong("recording", self.production.apart, threshold)
        yield from self._wrong("agreement", agreed, agreement)
        # Of two kinds of right answers the one that there is enough of has to show its bar.
        if len(compared) >= min(self.settings.calls, len(agreed)):
            yield from self._unsure(compared, threshold)
        else:
            yield from self._unsure(agreed, agreement)

    def _unsure(self, pairs: Sequence[Compared], bar: float) -> Iterator[Finding]:
        confidence = self.settings.confidence
        if confidence is None or not pairs:
            return
        right = _right(pairs)
        share, low = right / len(pairs), wilson(right, len(pairs), confidence).low
        if share >= bar > low:
            need = trials_to_show(share, bar, confidence)
            more = f"about {need} compared calls" if need else "a share above the threshold"
            yield _found("confidence", f"found that {len(pairs)} compared calls "
                         f"show no more than {low:.3f}; expected {bar:g}: "
                         f"{more} at this share would show it")  # fmt: skip

    def _wrong(self, rule: str, pairs: Sequence[Compared], bar: float) -> Iterator[Finding]:
        wrong = [pair for pair in pairs if pair.differs]
        right = len(pairs) - len(wrong)
        if not pairs or right >= portion(bar, len(pairs)):
            return
        span = wilson(right, len(pairs), self.rules.interval)
        what = "as the reference gave them" if rule == "agreement" else "right"
        text = f"{right} of {len(pairs)} compared answers {what}, between {span.low:.3f} and "
        text += f"{span.high:.3f} at confidence {self.rules.interval:g}"
        counts = Counter(name for pair in wrong for name in pair.differs)
        fields = ", ".join(f"{name} {count}" for name, count in counts.most_common(_NAMED_FIELDS))
        text += f"; they differ in {fields} ({self._some([pair.call.row for pair in wrong])})"
        expected = f"{bar:g} {'alike' if rule == 'agreement' else 'right'}{self._itself(rule)}"
        yield _found(rule, f"{self.production.where}: found {text}; expected {expected}")

    def _itself(self, rule: str) -> str:
        """Return how often the reference is right itself, as far as labels say."""
        if rule != "agreement":
            return ""
        right, known = self.production.reference_right
        if not known:
            return "; label some of these calls, too, to see which of the two is wrong"
        share = f"{right} of {known} labelled answers of the reference are right"
        return f"; {share}, and `agreement` can be asked for no higher than both allow"

    def _rates(self) -> Iterator[Finding]:
        told = {
            "abstain": "the artifact abstained",
            "fallback": "the fallback answered",
            "errors": "an exception other than Abstain came",
            "broken": "the input is outside the input schema",
        }
        for name, text in told.items():
            rows, bar = self._rows(name), getattr(self.settings, name)
            if len(rows) > portion(bar, len(self.calls)):
                found = f"that in {len(rows)} of {len(self.calls)} calls {text}"
                yield _found(name, f"{self.production.where}: found {found} ({self._some(rows)}); "
                             f"expected at most {bar:g}")  # fmt: skip
        odd = [c.row for c in self.calls if c.is_answered and breaks(self.output, c.output)]
        if odd:
            text = f"{len(odd)} outputs outside the output schema ({self._some(odd)})"
            yield _found("output", f"{self.production.where}: found {text}; expected none")

    def _some(self, rows: Sequence[int]) -> str:
        few = ", ".join(str(row) for row in sorted(rows)[: self.rules.named])
        more = len(rows) - self.rules.named
        return f"rows {few} and {more} more" if more > 0 else f"rows {few}"

    def _rows(self, rate: str) -> list[int]:
        if rate == "broken":
            return [call.row for call in self.broken]
        if rate == "fallback":
            return [call.row for call in self.calls if call.fallback]
        outcome = {"abstain": "abstain", "errors": "error"}[rate]
        return [call.row for call in self.calls if call.outcome == outcome]

    def _shifted(self, shift: Shift) -> Iterator[Finding]:
        for name in self.against(shift):
            yield _found(name, f"{shift.field.path}: {getattr(self, f'_say_{name}')(shift)}")

    def against(self, shift: Shift) -> Iterator[str]:
        """Yield the rules that a field breaks."""
        settings, confidence = self.settings, self.rules.interval
        if shift.psi is not None and shift.psi > max(settings.psi, shift.critical):
            yield "shift"
        if wilson(shift.fresh_calls, len(self.sound), confidence).low > self._news(shift):
            yield "new"
        golden, calls = (round(count) for count in shift.nulls())
        rows, total = round(shift.rows), round(shift.calls)
        rise = calls / total - golden / rows if total and rows else 0.0
        apart = wilson(calls, total, confidence).low > wilson(golden, rows, confidence).high
        if rise > settings.nulls and apart:
            yield "nulls"

    def _news(self, shift: Shift) -> float:
        """Return the share of calls up to which new categories are no news.

        Golden rows are a sample as well: calls have what golden rows missed in about the share of
        categories that one row alone has (I. J. Good, "The population frequencies of species",
        Biometrika 40 (1953) 237-264), of which this is the interval's upper end.
        """
        rows = round(shift.rows)
        return max(self.settings.new, wilson(shift.field.once, rows, self.rules.interval).high)

    def _say_shift(self, shift: Shift) -> str:
        risen = shift.risen()
        index = f"a population stability index of {shift.psi:.2f}, most of it in `{risen}`"
        bar = f"at most {self.settings.psi:g}"
        if shift.critical > self.settings.psi:
            bar = f"at most {shift.critical:.2f}, what so few rows give by chance"
        return f"found {index}; expected {bar}"

    def _say_new(self, shift: Shift) -> str:
        names = ", ".join(shift.fresh)
        text = f"{shift.fresh_calls} of {len(self.sound)} calls with what no golden row has"
        bar = self._news(shift)
        why = ", which so few rows may have missed" if bar > self.settings.new else ""
        return f"found {text}: {names}; expected at most {bar:.2g}{why}"

    def _say_nulls(self, shift: Shift) -> str:
        golden, calls = shift.nulls()
        text = f"null or nothing in {calls:.0f} of {shift.calls:.0f} calls and in "
        text += f"{golden:.0f} of {shift.rows:.0f} golden rows"
        return f"found {text}; expected a rise of at most {self.settings.nulls:g}"

    def _others(self) -> Counter[str]:
        mine = self.production.sha256
        return Counter(c.sha256 for c in self.production.calls if c.sha256 != mine)

    def _answered(self) -> int:
        return sum(call.is_answered for call in self.calls)

    def figures(self) -> dict[str, Any]:
        """Return the figures; shares are rounded to six digits."""
        pairs, total = self.production.compared, len(self.calls)
        right = _right(pairs)
        span = wilson(right, len(pairs), self.settings.confidence or self.rules.interval)
        others = sorted(self._others().items(), key=lambda pair: (-pair[1], pair[0]))
        shown = {
            name: len(self._rows(name)) for name in ("abstain", "fallback", "errors", "broken")
        }
        return {
            "calls": total,
            "needed": self.settings.calls,
            "other_calls": sum(count for _, count in others),
            "other_versions": {sha[:12]: count for sha, count in others[: self.rules.named]},
            "compared": len(pairs),
            "right": right,
            "accuracy": round(right / len(pairs), 6) if pairs else 0.0,
            "interval": {"low": round(span.low, 6), "high": round(span.high, 6)},
            "basis": dict(sorted(Counter(pair.basis for pair in pairs).items())),
            "recorded": _counts(self.production.apart),
            "reference": {
                **_counts(self.production.agreed),
                "labelled": self.production.reference_right[1],
                "labelled_right": self.production.reference_right[0],
            },
            **shown,
            "rates": {n: round(count / total, 6) if total else 0.0 for n, count in shown.items()},
            "redacted": sum(is_redacted(call.input) for call in self.calls),
            "fields": {shift.field.path: shift.figures() for shift in self.shifts},
        }


def breaks(schema: Schema, value: Any) -> bool:
    """Return whether a value breaks the schema elsewhere than where something was taken out."""
    problems = schema.problems(value)
    if not problems or not is_redacted(value) or len(problems) >= PROBLEM_CAP:
        return bool(problems)
    hidden = set(_hidden(value, None))
    return any(problem.path not in hidden for problem in problems)


def _hidden(value: Any, way: Way) -> Iterator[str]:
    """Yield the paths of redacted texts, as problems name them."""
    if isinstance(value, str) and is_redacted(value):
        yield render_path(way)
    elif isinstance(value, dict | list):
        steps = value.items() if isinstance(value, dict) else enumerate(value)
        for step, item in steps:
            yield from _hidden(item, (way, step))


def _right(pairs: Sequence[Compared]) -> int:
    return sum(not pair.differs for pair in pairs)


def _counts(pairs: Sequence[Compared]) -> dict[str, int]:
    return {"compared": len(pairs), "right": _right(pairs)}


def _found(name: str, message: str) -> Finding:
    # Never quotable: what production sees goes into no prompt.
    return Finding(rule=f"{GATE}.{name}", message=message, quotable=False)
