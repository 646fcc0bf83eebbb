"""The report as SARIF 2.1.0, for code scanning; only what failed is in it.

The format: OASIS, Static Analysis Results Interchange Format Version 2.1.0.
"""

from __future__ import annotations

import json
from importlib import metadata
from typing import Any
from urllib.parse import quote

from pytest_compiledai.core.canonical import digest_of
from pytest_compiledai.core.place import Place
from pytest_compiledai.llm.redact import redact_values
from pytest_compiledai.report.facts import Facts
from pytest_compiledai.report.facts import Failure

SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)
NAME = "pytest-compiledai"
#: Tells a failure from an earlier one at another line: code scanning keeps its history by it.
FINGERPRINT = "compiledai/v1"
#: The rule of what failed and belongs to no unit.
OUTSIDE = "compile.error"


def render(facts: Facts) -> bytes:
    """Return the SARIF log of a run, LF at the end."""
    failures = list(facts.failures())
    found = {failure.finding.rule for failure in failures}
    rules = sorted(found | ({OUTSIDE} if facts.outside else set()))
    driver = {
        "name": NAME,
        "version": metadata.version(NAME),
        "rules": [{"id": rule, "shortDescription": {"text": _title(rule)}} for rule in rules],
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": [
            *(_result(facts, failure, rules) for failure in failures),
            *(_outside(facts, message, rules) for message in facts.outside),
        ],
    }
    document = {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}
    return f"{json.dumps(redact_values(document), indent=2, ensure_ascii=False)}\n".encode()


def _result(facts: Facts, failure: Failure, rules: list[str]) -> dict[str, Any]:
    place = facts.place(failure)
    rule, message = failure.finding.rule, failure.finding.message
    unit = failure.result.unit
    return {
        "ruleId": rule,
        "ruleIndex": rules.index(rule),
        "level": "error",
        "message": {"text": f"{unit}: {message}"},
        "locations": [
            {
                "physicalLocation": _physical(place),
                "logicalLocations": [{"name": unit, "kind": "function"}],
            }
        ],
        "partialFingerprints": {FINGERPRINT: digest_of([unit, rule, place.path, message])},
    }


def _outside(facts: Facts, message: str, rules: list[str]) -> dict[str, Any]:
    place = facts.places.named(message)
    return {
        "ruleId": OUTSIDE,
        "ruleIndex": rules.index(OUTSIDE),
        "level": "error",
        "message": {"text": message},
        "locations": [{"physicalLocation": _physical(place)}] if place else [],
        "partialFingerprints": {FINGERPRINT: digest_of([OUTSIDE, message])},
    }


def _physical(place: Place) -> dict[str, Any]:
    return {
        "artifactLocation": {"uri": quote(place.path), "uriBaseId": "%SRCROOT%"},
        "region": {"startLine": place.line},
    }


def _title(rule: str) -> str:
    gate, _, name = rule.partition(".")
    return f"the {gate} gate: {name.replace('_', ' ')}" if name else f"the {gate} gate"
