"""The report as Markdown: a table of units, what failed, what changed in the lock."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from collections.abc import Sequence

from pytest_compiledai.core.hidden import HIDDEN
from pytest_compiledai.core.result import Result
from pytest_compiledai.failure import finding_line
from pytest_compiledai.llm.redact import redact
from pytest_compiledai.report.facts import Facts
from pytest_compiledai.report.facts import gate_outcome
from pytest_compiledai.summary import accuracy_limits
from pytest_compiledai.summary import lock_lines
from pytest_compiledai.summary import pays_after

#: What a service shows of a summary; a longer one is cut at a whole section.
MOST_BYTES = 900_000
SHOWN_FINDINGS = 5
_MARKS = {"passed": "✅", "failed": "❌", "skipped": "·", "off": "off"}
_SPECIAL = re.compile(r"[\\`*_\[\]<>|~]")
#: What becomes a link to a person, an issue or an address. GitHub looks for the first two when
#: characters written as numbers are characters again, so one of no width stands between.
_CALLING = {"#": "&#35;&#8203;", "@": "&#64;&#8203;", "://": ":&#47;&#47;"}
_CALLED = re.compile(r"(?i)\b(www|gh|mailto|xmpp)(?=[.:-])")
_CONTROL = re.compile(rf"(?:[\x00-\x1f]|{HIDDEN.pattern})+")


def render(facts: Facts, *, most_bytes: int = MOST_BYTES) -> bytes:
    """Return the summary, cut at a whole section where it would be longer than ``most_bytes``."""
    text, left_out = "", 0
    for section in _sections(facts):
        if left_out or len((text + section).encode()) > most_bytes:
            left_out += 1
            continue
        text += section
    if left_out:
        text += f"\n{left_out} more sections are in the JSON report.\n"
    return text.encode()


def _sections(facts: Facts) -> Iterator[str]:
    yield ("## compiledai\n\n" + "  \n".join(_text(line.text) for line in facts.head()) + "\n")
    yield _table(facts)
    if facts.outside:
        yield "\n### Outside any unit\n\n" + "".join(f"- {_text(t)}\n" for t in facts.outside)
    for result in facts.results:
        if not result.accepted:
            yield _failed(result)
    if facts.diff is not None:
        lines = [line.text for line in lock_lines(facts.diff)]
        yield "\n```text\n" + "\n".join(_plain(line) for line in lines) + "\n```\n"


def _table(facts: Facts) -> str:
    gates = facts.gates()
    if not facts.results:
        return ""
    head = ["unit", "outcome", *gates, "accuracy", "tokens", "pays after"]
    lines = [_row(head), _row(["---"] * len(head))]
    lines += [_row(_cells(result, gates)) for result in facts.results]
    return "\n" + "\n".join(lines) + "\n"


def _cells(result: Result, gates: list[str]) -> list[str]:
    known = {*result.gates, *result.off}
    marks = [_MARKS[gate_outcome(result, gate)] if gate in known else "" for gate in gates]
    tokens = result.cost.tokens_in + result.cost.tokens_out
    return [
        _code(result.unit),
        str(result.outcome),
        *marks,
        _accuracy(result),
        f"{tokens:,}" if tokens else "",
        pays_after(result),
    ]


def _accuracy(result: Result) -> str:
    verdict = result.verdict("accuracy")
    figures = verdict.figures if verdict is not None else {}
    interval = figures.get("interval")
    if interval is None:
        return ""
    span = f"({interval['low']:.2f} to {interval['high']:.2f})"
    return f"{figures['accuracy']:.3f} {span}{accuracy_limits(figures)}"


def _failed(result: Result) -> str:
    lines = [f"\n### {_code(result.unit)} {result.outcome}\n"]
    if result.trouble is not None:
        lines.append(f"- {_text(str(result.trouble.error()))}")
    for verdict in result.verdicts:
        findings = verdict.findings[:SHOWN_FINDINGS]
        lines += [f"- {_text(finding_line(finding))}" for finding in findings]
        if len(verdict.findings) > SHOWN_FINDINGS:
            lines.append(f"- {len(verdict.findings) - SHOWN_FINDINGS} more of {verdict.gate}")
    lines.append(f"\nNext: {_code(compile_command([result]))}\n")
    return "\n".join(lines)


def compile_command(results: Sequence[Result]) -> str:
    """Return the one command that compiles these units again, safe to paste into a shell."""
    # Plain first: a backtick taken out of a quoted word could end its quotation.
    ids = [shlex.quote(_plain(f"{result.spec}::{result.unit}")) for result in results]
    return f"pytest --compile {' '.join(ids)}"


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _text(text: str) -> str:
    """Return text that Markdown shows as it is: no person, issue or address becomes a link."""
    plain = _CONTROL.sub(" ", redact(text)).replace("&", "&amp;")
    for sign, code in _CALLING.items():
        plain = plain.replace(sign, code)
    plain = _CALLED.sub(r"\1&#8203;", plain)
    return _SPECIAL.sub(r"\\\g<0>", plain)


def _code(text: str) -> str:
    """Return text as a code span of one line that nothing in it can end."""
    return f"`{_plain(text).replace('|', '/')}`"


def _plain(text: str) -> str:
    return _CONTROL.sub(" ", redact(text)).replace("`", "'")
