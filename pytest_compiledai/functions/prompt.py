"""What a model is told: a proposal, a repair, and the reference's questions.

The texts are versioned data in ``prompts/``; their digest is part of a unit's source. Version 2, in
``prompts/2/``, has a text for each class of tasks; a text that a recording was made with is never
changed. Specs, rows and findings are data: JSON between two lines that cannot occur in it.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING
from typing import Any

from pytest_compiledai.core import hidden
from pytest_compiledai.core.canonical import digest
from pytest_compiledai.core.canonical import digest_of
from pytest_compiledai.core.split import Split
from pytest_compiledai.functions.capabilities import granted_modules
from pytest_compiledai.functions.task import task_of

if TYPE_CHECKING:
    from pytest_compiledai.core.golden import Row
    from pytest_compiledai.core.verdict import Finding
    from pytest_compiledai.core.verdict import Verdict
    from pytest_compiledai.functions.spec import FunctionSpec

NAMES = (
    "granted",
    "library",
    "propose.system",
    "propose.user",
    "reference.system",
    "reference.user",
    "repair.user",
)
#: The texts of version 2 that stand in place of those of version 1, one beside the task's own.
SYSTEM_2 = "2/system"
REPAIR_2 = "2/repair"
#: Findings shown in one repair; the first ones of a gate say most.
MOST_FINDINGS = 12
#: Of these about one field; a field that is often wrong must not hide another.
MOST_OF_FIELD = 3

Message = tuple[str, str]


@cache
def text(name: str) -> str:
    """Return the prompt text called ``name``."""
    return files(__package__).joinpath("prompts", f"{name}.txt").read_text(encoding="utf-8")


@cache
def prompts_digest() -> str:
    """Return the digest of every prompt text of version 1."""
    return digest_of({name: text(name) for name in NAMES})


def versions_digest(spec: FunctionSpec) -> dict[str, str]:
    """Return the digests of the later texts that a spec asks for; empty where it asks for none."""
    names = [SYSTEM_2, f"2/tasks/{task_of(spec)}"] if spec.proposing.prompt > 1 else []
    names += [REPAIR_2] if spec.proposing.repair > 1 else []
    return {name: digest(text(name).encode("utf-8")) for name in names}


def opening(spec: FunctionSpec, *, signature: str) -> tuple[Message, ...]:
    """Return the messages that ask for the first candidate of a chain."""
    facts = {
        "complexity": spec.syntax.complexity,
        "p50_ms": f"{spec.latency.p50_ms:g}",
        "p99_ms": f"{spec.latency.p99_ms:g}",
        "library": text("library"),
    }
    if spec.proposing.prompt > 1:
        task = text(f"2/tasks/{task_of(spec)}").strip()
        system = text(SYSTEM_2).format(**facts, task=task)
    else:
        system = text("propose.system").format(**facts)
    user = fenced(
        "propose.user",
        {
            "description": spec.description,
            "schemas": [spec.input.data, spec.output.data],
            "examples": [_example(row) for row in shown_rows(spec)],
        },
        signature=signature,
        types=spec.types.text.strip(),
        granted=_granted(spec),
    )
    return (("system", system), ("user", user))


def _example(row: Row) -> dict[str, Any]:
    if row.demands_abstention:
        return {"input": row.input, "raises": "Abstain"}
    return {"input": row.input, "output": row.output}


def _granted(spec: FunctionSpec) -> str:
    """Return the line on modules beyond the list that every request shows; empty without any."""
    modules = granted_modules(spec.capabilities)
    return text("granted").format(modules=", ".join(modules)) if modules else ""


def repair(verdicts: Sequence[Verdict], *, code: str | None = None, version: int = 1) -> Message:
    """Return the message that asks for a repair after ``verdicts``, of which the last failed.

    ``code`` is shown where no reply precedes it. Version 2 names the fields that are right, and of
    the findings about one field a few stand for all.
    """
    failed = verdicts[-1]
    findings = [finding for finding in failed.findings if finding.quotable]
    lead = f"The `{failed.gate}` gate refused it."
    if version > 1:
        lead = f"{lead}{_standing(verdicts, findings)}"
        findings = _few_of_each(findings)
    if code is not None:
        lead = f"This is the function as it stands:\n\n```python\n{code.strip()}\n```\n\n{lead}"
    facts = [{"rule": f.rule, "line": f.line, "message": f.message} for f in findings]
    name = REPAIR_2 if version > 1 else "repair.user"
    return ("user", fenced(name, facts[:MOST_FINDINGS], lead=lead))


def _standing(verdicts: Sequence[Verdict], findings: Sequence[Finding]) -> str:
    """Return what holds so far: gates that passed, fields that are right, fields that are not."""
    passed = [f"`{verdict.gate}`" for verdict in verdicts[:-1]]
    shares: Mapping[str, float] = verdicts[-1].figures.get("fields", {})
    wrong = {finding.field for finding in findings if finding.field}
    wrong |= {name for name, share in shares.items() if share < 1}
    right = [f"`{name}`" for name in shares if name not in wrong]
    told = f" It passed {', '.join(passed)} before." if passed else ""
    if right:
        told += f"\nRight on every row, and to stay just as they are: {', '.join(right)}."
    if wrong:
        told += f"\nWrong, and all that is to change: {', '.join(f'`{n}`' for n in sorted(wrong))}."
    return told


def _few_of_each(findings: Sequence[Finding]) -> list[Finding]:
    """Return the findings in their order, of those about one field the first few."""
    counts: Counter[str] = Counter()
    kept = []
    for finding in findings:
        counts[finding.field] += 1
        if not finding.field or counts[finding.field] <= MOST_OF_FIELD:
            kept.append(finding)
    return kept


def reference(spec: FunctionSpec, inputs: Sequence[Any]) -> tuple[Message, ...]:
    """Return the messages that ask a model to answer ``inputs`` directly."""
    data = {
        "description": spec.description,
        "schemas": [spec.input.data, spec.output.data],
        "inputs": list(inputs),
    }
    return (("system", text("reference.system").format()), ("user", fenced("reference.user", data)))


def shown_rows(spec: FunctionSpec) -> tuple[Row, ...]:
    """Return the train rows a prompt shows: at most `shown`, in an order that only ids decide."""
    train = sorted(spec.rows_in(Split.TRAIN), key=lambda row: digest(row.id.encode("utf-8")))
    return tuple(train[: spec.accuracy.shown])


def fenced(name: str, data: Any, **parts: str) -> str:
    """Return a prompt text with ``data`` as JSON between two lines that cannot occur in it."""
    body = _laid_out(data)
    fence = f"DATA-{digest(body.encode('utf-8'))[:16]}"
    return text(name).format(fence=fence, data=body, **parts)


def _laid_out(data: Any) -> str:
    """Return ``data`` as JSON, a line an item of a list: readable, and few tokens of space."""
    if isinstance(data, Mapping):
        parts = [f"{_compact(key)}: {_laid_out(value)}" for key, value in data.items()]
        return "{" + ",\n".join(parts) + "}"
    if isinstance(data, list):
        return "[\n" + ",\n".join(_compact(item) for item in data) + "\n]"
    return _compact(data)


def _compact(value: Any) -> str:
    return hidden.shown(json.dumps(value, ensure_ascii=False, separators=(", ", ": ")))
