"""What the hint for reviewers knows of injected texts, and what it takes for one."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from collections.abc import Sequence
from typing import Any

from bench.injection.cases import InjectionCase
from bench.injection.cases import cyberseceval
from bench.injection.cases import notinject
from bench.injection.cases import own
from bench.replaying import ROOT
from pytest_compiledai.core.interval import wilson
from pytest_compiledai.core.place import Place
from pytest_compiledai.core.suspicion import is_suspicious
from pytest_compiledai.core.suspicion import suspicious

_BENIGN = ("fixtures", "bench/artifacts/golden")


def measure() -> dict[str, Any]:
    """Return hits, counts and Wilson intervals for each set."""
    rows = [
        any(suspicious([(Place(path=path.name), json.loads(line))]))
        for folder in _BENIGN
        for path in sorted((ROOT / folder).glob("*.jsonl"))
        for line in path.read_text(encoding="utf-8").splitlines()
    ]
    cases = cyberseceval()
    found = {
        "cyberseceval": _rate(hits(cases)),
        "own cases": _rate(hits(own())),
        "NotInject (benign)": _rate(hits(notinject())),
        "golden rows (benign)": _rate(rows),
    }
    return {"sets": found, "kinds": _by_kind(cases)}


def hits(cases: Sequence[InjectionCase]) -> list[bool]:
    """Return for each case whether the hint knows it."""
    return [is_suspicious(case.text) for case in cases]


def _rate(found: Iterable[bool]) -> dict[str, Any]:
    known = list(found)
    interval = wilson(sum(known), len(known))
    return {
        "hits": sum(known),
        "of": len(known),
        "interval": [round(interval.low, 4), round(interval.high, 4)],
    }


def _by_kind(cases: Sequence[InjectionCase]) -> dict[str, str]:
    total = Counter(case.kind for case in cases)
    known = Counter(case.kind for case in cases if is_suspicious(case.text))
    return {kind: f"{known[kind]}/{count}" for kind, count in sorted(total.items())}
