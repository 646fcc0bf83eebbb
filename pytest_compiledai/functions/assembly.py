"""From a reply to the artifact's text and back: this kind's facts, handed to the template."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

from pytest_compiledai.core.verdict import Finding
from pytest_compiledai.core.verdict import Verdict
from pytest_compiledai.functions import template
from pytest_compiledai.functions.template import Assembled
from pytest_compiledai.functions.template import Facts
from pytest_compiledai.functions.template import TemplateError
from pytest_compiledai.functions.weights import has_weights
from pytest_compiledai.gates.syntax import ExpectedSignature
from pytest_compiledai.gates.syntax import Parameter

if TYPE_CHECKING:
    from pytest_compiledai.core.candidate import Candidate
    from pytest_compiledai.functions.spec import FunctionSpec

_LINE = re.compile(r"^line \d+: ")
_LONGEST_EXCERPT = 80

__all__ = [
    "TemplateError",
    "assemble",
    "assembly_digest",
    "expected_signature",
    "relocate",
    "signature_text",
]


def assemble(spec: FunctionSpec, reply: str, *, fenced: bool, weights: bool = False) -> Assembled:
    """Return the artifact's text for a reply; ``fenced`` replies hold one block of Python.

    Raises ``TemplateError`` for a reply that no artifact can be made of.
    """
    return template.assemble(
        _facts(spec, weights=weights), template.extract(reply) if fenced else reply
    )


@cache
def assembly_digest() -> str:
    """Return the digest of all that turns a reply into an artifact, apart from the spec."""
    return template.template_digest()


def signature_text(spec: FunctionSpec) -> str:
    """Return the `def` line that is asked for."""
    return template.signature(_facts(spec)).text


def expected_signature(spec: FunctionSpec, *, weights: bool) -> ExpectedSignature:
    """Return the signature as the syntax gate compares it."""
    wanted = template.signature(_facts(spec, weights=weights))
    return ExpectedSignature(
        positional=tuple(Parameter(name=n, annotation=a) for n, a in wanted.positional),
        keyword_only=tuple(Parameter(name=n, annotation=a) for n, a in wanted.keyword_only),
        returns=wanted.returns,
    )


def relocate(spec: FunctionSpec, candidate: Candidate, verdict: Verdict) -> Verdict:
    """Return ``verdict`` with lines counted in what the proposer wrote, not in the artifact.

    A frozen artifact has no proposer at hand: its lines are its own.
    """
    if not candidate.reply or verdict.passed:
        return verdict
    assembled = assemble(
        spec,
        candidate.reply,
        fenced=spec.candidate is None,
        weights=has_weights(spec.name, candidate.files),
    )
    lines = assembled.text.split("\n")
    own = candidate.reply.splitlines() if spec.candidate else []
    path = spec.candidate or ""
    findings = tuple(_moved(f, assembled, lines, own, path) for f in verdict.findings)
    return replace(verdict, findings=findings)


def _moved(
    finding: Finding, assembled: Assembled, lines: list[str], own: list[str], path: str
) -> Finding:
    """Return a finding at the proposer's line; ``own`` are those of a file of the user's."""
    if not finding.line:
        return replace(finding, path=path)
    whole = lines[finding.line - 1].strip()
    # Imports are put together at the top, which loses where they stood.
    stood = next((n for n, text in enumerate(own, start=1) if text.strip() == whole), 0)
    line, code = assembled.origin(finding.line) or stood, whole[:_LONGEST_EXCERPT]
    if line:
        lead = f"line {line} `{code}`: "
    elif whole.startswith(("import ", "from ")):
        lead = f"`{code}`, one of the imports: "
    else:
        lead = f"`{code}`, which the template adds: "
    message = lead + _LINE.sub("", finding.message)
    return replace(finding, path=path, line=line, message=message)


def _facts(spec: FunctionSpec, *, weights: bool = False) -> Facts:
    return Facts(
        name=spec.name,
        description=spec.description,
        types=spec.types,
        input=spec.input,
        capabilities=spec.capabilities,
        fallback=spec.fallback,
        weights=weights,
    )
