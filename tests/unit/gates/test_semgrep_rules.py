"""Rules that cannot match a text are not run on it, and nothing is missed by that."""

from __future__ import annotations

import json

import pytest

from pytest_compiledai.assets import asset
from pytest_compiledai.gates.corpus import samples
from pytest_compiledai.gates.scanners import semgrep_scan
from pytest_compiledai.gates.scanners.copies import scratch
from pytest_compiledai.gates.scanners.semgrep_rules import scoped

RULES = asset("gates", "security", "semgrep.yaml")


def scanned(chosen, sources):
    """What Semgrep says of the sources, as tuples."""
    with scratch(sources) as folder, pytest.MonkeyPatch.context() as patch:
        if not chosen:
            patch.setattr(semgrep_scan, "scoped", lambda rules, _: rules.read_bytes())
            patch.setattr(semgrep_scan, "RULES_NAME", "rules.yaml")
        found = semgrep_scan.run(folder, rules=RULES, timeout_s=120)
        return sorted((item.path, item.line, item.code) for item in found)


def test_scoping_loses_no_finding_on_the_corpus():
    """All rules on all samples and the scoped rules find the very same things."""
    sources = list({s.source.address: s.source for s in samples("security")}.values())
    sources = [source for source in sources if source.data.isascii()]

    everything = scanned(False, sources)

    assert len(everything) > len(sources)
    assert everything == scanned(True, sources)


def test_a_rule_without_its_words_is_dropped():
    """A text that names no tree is not searched for queries."""
    rules = json.loads(scoped(RULES, {"a.py": "x = 1\n", "b.py": "c.xpath(q)\n"}))["rules"]
    by_id = {rule["id"]: rule["paths"]["include"] for rule in rules}

    assert ["b.py"] == by_id["query-text"]
    assert all("a.py" not in names for names in by_id.values())


def test_the_canary_is_always_looked_for():
    """The lines that prove a file was read are in every copy, and so is their rule."""
    source = samples("syntax")[0].source

    assert any(code == "canary" or "canary" in code for _, _, code in scanned(True, [source]))
