"""What each gate asks of a skill; its tools pass the gates of functions, in the sandbox.

Until a candidate is accepted, gates see validation rows; then the test rows are opened, once.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from functools import cached_property
from statistics import NormalDist
from statistics import fmean
from statistics import quantiles
from statistics import stdev
from typing import TYPE_CHECKING
from typing import Any
from typing import Final
from typing import NamedTuple

from pytest_compiledai.core.calls import Answer
from pytest_compiledai.core.calls import Program
from pytest_compiledai.core.calls import Status
from pytest_compiledai.core.canonical import canonical_json
from pytest_compiledai.core.gate import Phase
from pytest_compiledai.core.source import Source
from pytest_compiledai.core.split import Split
from pytest_compiledai.core.verdict import Finding
from pytest_compiledai.core.verdict import Verdict
from pytest_compiledai.core.verdict import found_by
from pytest_compiledai.core.verdict import verdict_of
from pytest_compiledai.distill import skill
from pytest_compiledai.distill.demos import expected
from pytest_compiledai.distill.metrics import METRICS
from pytest_compiledai.distill.metrics import words
from pytest_compiledai.distill.paired import break_even
from pytest_compiledai.distill.scan import scan
from pytest_compiledai.gates import security
from pytest_compiledai.gates import syntax
from pytest_compiledai.gates.tools import ScanRequest

if TYPE_CHECKING:
    from pytest_compiledai.core.candidate import Candidate
    from pytest_compiledai.core.kind import Answered
    from pytest_compiledai.core.kind import Bench
    from pytest_compiledai.distill.skillspec import Run
    from pytest_compiledai.distill.skillspec import SkillSpec

VERSIONS: Final = dict.fromkeys(
    ("security", "syntax", "execution", "accuracy", "latency", "cost"), 1
)
#: Words in a row that a skill may not share with a test row.
GRAM: Final = 8
_MILLION: Final = 1_000_000
_HEADINGS: Final = ("## Knowledge", "## Answer")

Found = tuple[str, str]  # rule, message


class Lift(NamedTuple):
    """A mean of paired differences, and its interval."""

    mean: float
    low: float
    high: float


def judge(
    gate: str, spec: SkillSpec, candidate: Candidate, *, phase: Phase, bench: Bench
) -> Verdict:
    """Return the verdict of one gate; what goes wrong in asking is a finding."""
    figures: dict[str, Any] = {}
    found = found_by(Judging(spec, candidate, phase, bench).questions[gate], figures)
    return verdict_of(gate, found, figures, spec.path)


def sources(spec: SkillSpec, candidate: Candidate) -> tuple[ScanRequest, ...]:
    """Return what the analysers have to scan: the tools."""
    del spec
    return tuple(
        ScanRequest(source=Source(data=data, path=path))
        for path, data in sorted(candidate.files.items())
        if path.endswith(".py")
    )


class Judging:
    """One candidate before one gate."""

    def __init__(self, spec: SkillSpec, candidate: Candidate, phase: Phase, bench: Bench) -> None:
        self.spec = spec
        self.candidate = candidate
        self.bench = bench
        split = Split.VALIDATION if phase is Phase.SELECT else Split.TEST
        self.rows = spec.rows_in(split)
        self.questions: Mapping[
            str, Callable[[dict[str, Any]], Iterator[Found] | Iterator[Found | Finding]]
        ] = {
            "security": self._security,
            "syntax": self._syntax,
            "execution": self._execution,
            "accuracy": self._accuracy,
            "latency": self._latency,
            "cost": self._cost,
        }

    @cached_property
    def skill(self) -> skill.Skill:
        """The artifact. Raises ``ValueError``."""
        return skill.read_skill(self.candidate.files)

    @cached_property
    def answers(self) -> list[Answered]:
        """What the model answers to the rows. Raises ``ModelError``, ``ValueError`` for no rows."""
        if not self.rows:
            raise ValueError("no row of this split; expected some")
        asking = self.bench.asking()
        return [asking.ask(self.skill.asked(row.input), sample=0) for row in self.rows]

    @cached_property
    def runs(self) -> list[tuple[Run, ...]]:
        """The agents' runs on the rows. Raises ``ValueError`` for a row without one."""
        found = [self.spec.runs_of(row) for row in self.rows]
        for row, runs in zip(self.rows, found, strict=True):
            if not runs:
                raise ValueError(f"no run of the agents on row {row.id} in {self.spec.runs_path}")
        return found

    def _security(self, figures: dict[str, Any]) -> Iterator[Found | Finding]:
        """Ask for secrets, orders and people in the text, and of every tool what functions are."""
        figures |= {"bytes": len(self.skill.text.encode()), "tools": len(self.skill.tools)}
        for seen in scan([("SKILL.md", self.skill.text), ("description", self.spec.description)]):
            yield seen.rule, f"{seen.where}: found {seen.found}; expected none in a skill"
        requests = sources(self.spec, self.candidate)
        scans = self.bench.scans(requests) if requests else {}
        for request in requests:
            yield from security.judge(
                request.source, capabilities=frozenset(), scans=scans
            ).findings

    def _syntax(self, figures: dict[str, Any]) -> Iterator[Found | Finding]:
        """Ask for the front matter, the headings, the spec's own tools, and their syntax."""
        text, spec = self.skill.text, self.spec
        figures["lines"] = text.count("\n")
        if _front_matter(text).get("name") != spec.name or not _front_matter(text).get(
            "description"
        ):
            yield (
                "front_matter",
                f"found other front matter; expected name: {spec.name}, description",
            )
        for heading in _HEADINGS:
            if heading not in text.splitlines():
                yield "heading", f"found no line {heading!r}; expected it"
        own = {tool.name: tool.source for tool in spec.tools}
        if dict(self.skill.tools) != own or self.skill.settings["name"] != spec.name:
            yield "tools", "found other tools than the spec's; expected its files"
        requests = sources(spec, self.candidate)
        scans = self.bench.scans(requests) if requests else {}
        for request in requests:
            yield from syntax.judge_file(
                request.source, settings=syntax.SyntaxSettings(), scans=scans
            ).findings

    def _execution(self, figures: dict[str, Any]) -> Iterator[Found]:
        """Ask whether the skill can be made again, and every tool gives what its examples say."""
        policy = self.skill.settings["policy"]
        if policy not in skill.POLICIES:
            yield "policy", f"found {policy!r}; expected {', '.join(skill.POLICIES)}"
            return
        again, _ = skill.made(self.spec, policy, self.bench.asking())
        for path in sorted(set(again) ^ set(self.candidate.files)) or [
            path for path, data in again.items() if self.candidate.files[path] != data
        ]:
            yield "remade", f"{path}: found other bytes than the spec makes; expected the same"
        called = 0
        for tool in self.spec.tools:
            program = Program(source=self.skill.tools[tool.name], function=tool.name)
            with self.bench.sandbox().open(program) as session:
                answers = session.call([canonical_json(given) for given, _ in tool.examples])
            for (given, wanted), answer in zip(tool.examples, answers, strict=True):
                called += 1
                value = _value(answer)
                if value == canonical_json(wanted).decode():
                    continue
                shown = canonical_json(given).decode()[:120]
                message = f"{tool.path}: found {value} for {shown}; expected {wanted!r}"
                yield "tool", message[:600]
        figures |= {"policy": policy, "tool calls": called}

    def _accuracy(self, figures: dict[str, Any]) -> Iterator[Found]:
        """Ask whether no metric is worse than with the agents, and named ones are better."""
        yield from self._leaks()
        figures |= {"rows": len(self.rows), "classes": dict(self.skill.settings["classes"])}
        means = []
        for metric in self.spec.metrics:
            found = lift(self._differences(metric), self.spec.confidence)
            mine = fmean(self._scores(metric))
            means.append(mine)
            figures |= {metric: mine, f"{metric}: lift": list(found)}
            if found.mean < -self.spec.worse - 1e-9:
                yield (
                    "worse",
                    (
                        f"{metric}: found {found.mean:+.3f} against the agents "
                        f"({found.low:+.3f} to {found.high:+.3f}); "
                        f"expected -{self.spec.worse:g} or better"
                    ),
                )
            least = self.spec.lift.get(metric)
            if least is not None and found.low < least:
                yield (
                    "lift",
                    (
                        f"{metric}: found at least {found.low:+.3f} at {self.spec.confidence:.0%}; "
                        f"expected {least:+.3f}"
                    ),
                )
        figures["mean"] = fmean(means)

    def _scores(self, metric: str) -> list[float]:
        return [
            METRICS[metric](answer.text, expected(row.output))
            for row, answer in zip(self.rows, self.answers, strict=True)
        ]

    def _differences(self, metric: str) -> list[float]:
        """Return the skill's score less the agents' mean, row by row."""
        return [
            mine - fmean(METRICS[metric](run.output, expected(row.output)) for run in runs)
            for row, mine, runs in zip(self.rows, self._scores(metric), self.runs, strict=True)
        ]

    def _leaks(self) -> Iterator[Found]:
        """Yield rows of which a run of words stands in the skill and not in the agents' prompts."""
        given = [self.spec.description, *(agent.prompt for agent in self.spec.graph.agents)]
        known = set().union(*(_grams(text) for text in given))
        text = _grams(self.skill.text) - known
        for row in self.spec.rows_in(Split.VALIDATION, Split.TEST):
            if any(_grams(part) & text for part in _texts([row.input, row.output])):
                yield (
                    "leak",
                    (
                        f"row {row.id}: found {GRAM} words in a row of it in SKILL.md; "
                        "expected rules and no rows"
                    ),
                )

    def _latency(self, figures: dict[str, Any]) -> Iterator[Found]:
        """Ask for the seconds of an answer, where they were measured."""
        bound = self.spec.p95_seconds
        known = [answer.seconds for answer in self.answers if answer.seconds is not None]
        agents = [run.seconds for runs in self.runs for run in runs if run.seconds is not None]
        if agents:
            figures["agents s"] = fmean(agents)
        if len(known) < len(self.answers):
            if bound is not None:
                yield "unmeasured", "found rows without seconds; expected measured ones"
            return
        p95 = quantiles(known * 2, n=20, method="inclusive")[-1]
        figures |= {"mean s": fmean(known), "p95 s": p95}
        if bound is not None and p95 > bound:
            yield "p95", f"found a p95 of {p95:.4g} s; expected at most {bound:g} s"

    def _cost(self, figures: dict[str, Any]) -> Iterator[Found]:
        """Ask how many times cheaper the skill is, and after how many calls it has paid."""
        price = self._price()
        mine = fmean(_usd(price, answer) for answer in self.answers)
        agents = fmean(_usd(price, run) for runs in self.runs for run in runs)
        ratio = agents / mine if mine else 0.0
        figures |= {"USD a call": mine, "agents USD a call": agents, "ratio": ratio}
        figures["break-even calls"] = break_even(
            demonstrations=len(self.spec.runs), teacher=agents, call=mine
        )
        if ratio < self.spec.ratio:
            yield "ratio", f"found {ratio:.3g} times cheaper; expected {self.spec.ratio:g}"

    def _price(self) -> tuple[float, float]:
        """Return USD a million tokens. Raises ``ValueError`` where nobody knows them."""
        from pytest_compiledai.llm.price import price

        if self.spec.prices is not None:
            return self.spec.prices
        known = price(self.answers[0].model)
        if known is None:
            raise ValueError(f"no known price of {self.answers[0].model}; next: write `prices:`")
        return (
            float(known.usd_per_token_in) * _MILLION,
            float(known.usd_per_token_out) * _MILLION,
        )


def lift(differences: Sequence[float], confidence: float) -> Lift:
    """Return the mean of paired differences with Student's interval.

    The quantile of t is Cornish and Fisher's expansion (within 1 % from 4 degrees on). Where all
    differences are equal the spread says nothing; then the interval is widened by what a row that
    was never seen could still hold: 1 - (1 - confidence)^(1/n).
    """
    count = len(differences)
    mean = fmean(differences)
    if count < 2:  # noqa: PLR2004 - one row has no spread
        return Lift(mean, -1.0, 1.0)
    z, freedom = NormalDist().inv_cdf((1 + confidence) / 2), count - 1
    t = z + (z**3 + z) / (4 * freedom) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * freedom**2)
    half = t * stdev(differences) / math.sqrt(count) or 1 - (1 - confidence) ** (1 / count)
    return Lift(mean, max(-1.0, mean - half), min(1.0, mean + half))


def rank(verdicts: Sequence[Verdict]) -> float:
    """Return the mean of all metrics on validation rows."""
    figures = next((v.figures for v in verdicts if v.gate == "accuracy"), {})
    return float(figures.get("mean", 0.0))


def _value(answer: Answer) -> str:
    """Return a call's value as canonical JSON, or how it ended."""
    if answer.status is not Status.VALUE:
        return f"{answer.status} {answer.detail}".strip()
    return canonical_json(json.loads(answer.value)).decode()


def _usd(price: tuple[float, float], spent: Any) -> float:
    return float(price[0] * spent.tokens_in + price[1] * spent.tokens_out) / _MILLION


def _front_matter(text: str) -> dict[str, str]:
    """Return the lines of `key: value` between the first two lines of three dashes."""
    lines = text.split("\n")
    if lines[0] != "---" or "---" not in lines[1:]:
        return {}
    inside = lines[1 : lines.index("---", 1)]
    pairs = (line.partition(":") for line in inside)
    return {key.strip(): value.strip() for key, _, value in pairs}


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)


def _grams(text: str) -> set[tuple[str, ...]]:
    found = words(text.casefold())
    return {tuple(found[at : at + GRAM]) for at in range(len(found) - GRAM + 1)}
