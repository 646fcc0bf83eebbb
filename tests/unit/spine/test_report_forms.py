"""The forms of a report beside JSON: SARIF, Markdown, HTML, and where their findings point."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import jsonschema
import pytest

from pytest_compiledai.core.place import Place
from pytest_compiledai.core.result import Cost
from pytest_compiledai.core.result import Outcome
from pytest_compiledai.core.result import Trouble
from pytest_compiledai.core.verdict import Finding
from pytest_compiledai.core.verdict import Verdict
from pytest_compiledai.report import markdown
from pytest_compiledai.report import page
from pytest_compiledai.report import sarif
from pytest_compiledai.report.facts import Facts
from pytest_compiledai.report.places import Places
from pytest_compiledai.report.write import FORMS
from pytest_compiledai.report.write import write_reports
from pytest_compiledai.settings import REPORT_SUFFIXES
from pytest_compiledai.summary import LockDiff

SCHEMA = Path(__file__).parents[2] / "data" / "sarif-2.1.0.json"
HOSTILE = "<script>alert(1)</script> | `x` @team &amp; \u202e [a](http://x)"
ACCURACY = {
    "accuracy": 0.75,
    "answered": 8,
    "interval": {"low": 0.4, "high": 0.93},
}
LATENCY = {"quantiles_ms": {"p10": 0.01, "p25": 0.02, "p50": 0.02, "p75": 0.05, "p90": 1, "p99": 3}}


@pytest.fixture
def root(tmp_path):
    """Return a project with a spec, a row and an artifact that findings may name."""
    for name, text in {
        "specs/double.yaml": "compiledai: 1\n",
        "rows.jsonl": "one\ntwo\nthree\n",
        "compiled/double.py": "".join(f"line {n} <b>\n" for n in range(1, 12)),
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


@pytest.fixture
def facts_of(root, result_of):
    """Return a maker of facts about one result."""

    def make(*, findings: tuple[Finding, ...] = (), diff: LockDiff | None = None, **changes):
        verdicts = (
            Verdict(gate="security", findings=findings),
            Verdict(gate="accuracy", figures=ACCURACY),
            Verdict(gate="latency", figures=LATENCY),
        )
        outcome = Outcome.REJECTED if findings else Outcome.FROZEN
        gates = ("security", "accuracy", "latency", "fuzz")
        made = {"outcome": outcome, "verdicts": verdicts, "gates": gates} | changes
        places = Places(root, root / "compiled")
        return Facts(results=[result_of(**made)], mode="compile", places=places, diff=diff)

    return make


def finding(message: str = "no", *, path: str = "", line: int = 0) -> Finding:
    return Finding(rule="security.import", message=message, path=path, line=line)


def test_every_suffix_of_the_option_has_a_form():
    """The settings accept what can be written, and nothing else."""
    assert set(REPORT_SUFFIXES) == set(FORMS)


def test_every_report_that_was_asked_for_is_written(facts_of, tmp_path):
    """Folders are made, and each suffix gets its own form."""
    paths = [tmp_path / "deep" / f"r{suffix}" for suffix in FORMS]

    write_reports(paths, facts_of())

    assert [path.read_bytes()[:1] for path in paths] == [b"{", b"<", b"{", b"#"]


@pytest.mark.parametrize(
    ("path", "line", "expected"),
    [
        ("rows.jsonl", 2, Place(path="rows.jsonl", line=2)),
        ("double.py", 3, Place(path="compiled/double.py", line=3)),
        ("rows.jsonl", 0, Place(path="rows.jsonl", line=1)),
        ("", 7, Place(path="specs/double.yaml", line=1)),
        ("gone.py", 7, Place(path="specs/double.yaml", line=1)),
        ("../outside.py", 7, Place(path="specs/double.yaml", line=1)),
        ("x" * 5_000, 7, Place(path="specs/double.yaml", line=1)),
        ("a\0b", 7, Place(path="specs/double.yaml", line=1)),
    ],
)
def test_a_finding_points_at_a_file_of_the_repository(facts_of, root, path, line, expected):
    """What is not in the tree is told at the unit's line in its spec."""
    (root.parent / "outside.py").write_text("x\n" * 9, encoding="utf-8")
    facts = facts_of(findings=(finding(path=path, line=line),))

    (failure,) = facts.failures()

    assert expected == facts.place(failure)


def test_an_excerpt_shows_the_lines_around(root):
    """Code comes with its neighbours, cut at the ends of the file."""
    excerpt = Places(root, root / "compiled").excerpt(finding(path="double.py", line=2))

    assert (1, 2) == (excerpt.first, excerpt.marked)
    assert ("line 1 <b>", "line 5 <b>") == (excerpt.lines[0], excerpt.lines[-1])


def test_an_excerpt_of_rows_is_the_row(root):
    """The rows beside a golden row say nothing about it."""
    excerpt = Places(root, root / "compiled").excerpt(finding(path="rows.jsonl", line=2))

    assert ("two",) == excerpt.lines


def test_no_excerpt_of_a_line_that_is_not_there(root):
    """A file may have changed since it was judged."""
    assert Places(root, root / "compiled").excerpt(finding(path="rows.jsonl", line=99)) is None


def test_sarif_is_valid_by_its_schema(facts_of):
    """The log holds each finding once, at its place, under its rule."""
    facts = facts_of(findings=(finding(path="rows.jsonl", line=2), finding("other")))

    log = json.loads(sarif.render(facts))

    jsonschema.validate(log, json.loads(SCHEMA.read_text(encoding="utf-8")))
    first, second = log["runs"][0]["results"]
    location = first["locations"][0]["physicalLocation"]
    assert "rows.jsonl" == location["artifactLocation"]["uri"]
    assert 2 == location["region"]["startLine"]
    assert "double: other" == second["message"]["text"]
    assert first["partialFingerprints"] != second["partialFingerprints"]


def test_sarif_of_a_good_run_is_valid_and_empty(facts_of):
    """An empty log closes what code scanning has open."""
    log = json.loads(sarif.render(facts_of()))

    jsonschema.validate(log, json.loads(SCHEMA.read_text(encoding="utf-8")))
    assert [] == log["runs"][0]["results"]


def test_what_could_not_be_judged_is_a_failure_in_every_form(facts_of):
    """A unit without a verdict is told with its four parts."""
    trouble = Trouble(where="w", found="f", expected="e", next="n")
    facts = facts_of(outcome=Outcome.STALE, verdicts=(), trouble=trouble)

    texts = [form(facts).decode() for form in FORMS.values()]

    assert all("w: found f; expected e; next: n" in text for text in texts)
    assert "compile.stale" in sarif.render(facts).decode()


def test_markdown_shows_text_as_it_is(facts_of):
    """A message that quotes a row makes no table, no link, no tag and calls nobody."""
    text = markdown.render(facts_of(findings=(finding(HOSTILE),))).decode()

    assert (
        "\\<script\\>alert(1)\\</script\\> \\| \\`x\\` &#64;&#8203;team &amp;amp;   \\[a\\]" in text
    )


@pytest.mark.parametrize("text", ["www.evil.test", "GH-12", "mailto:a", "a\u200bb", "a\u2028b"])
def test_markdown_makes_no_link_of_plain_words(facts_of, text):
    """A service also links what has no sign of its own, and shows what a reader cannot see."""
    assert text not in markdown.render(facts_of(findings=(finding(text),))).decode()


def test_markdown_is_cut_at_a_whole_section(facts_of):
    """A summary that a service would refuse loses sections, never the end of one."""
    diff = LockDiff(path="compiledai.lock", added={"double": "e" * 64})

    facts = facts_of(findings=(finding("m" * 300),), diff=diff)
    text = markdown.render(facts, most_bytes=400).decode()

    assert "mmm" not in text
    assert text.endswith("\n2 more sections are in the JSON report.\n")


def test_markdown_caps_the_findings_of_a_gate(facts_of):
    """Five are shown, the rest is counted."""
    text = markdown.render(facts_of(findings=(finding(),) * 8)).decode()

    assert 5 == text.count("\\[security.import\\]")
    assert "- 3 more of security" in text


class Page(HTMLParser):
    """Collects tags, attributes and text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes.extend(attrs)

    def handle_data(self, data):
        self.text += data


def test_the_page_runs_and_loads_nothing(facts_of):
    """There is no script, no link and no source, and a policy that forbids them."""
    shown = Page(page.render(facts_of(findings=(finding(HOSTILE),))).decode())

    assert not {"script", "link", "img", "iframe"} & set(shown.tags)
    assert not {"src", "href", "onload", "onclick"} & {name for name, _ in shown.attributes}
    assert ("content", "default-src 'none'; style-src 'unsafe-inline'") in shown.attributes
    assert "<script>alert(1)</script>" in shown.text


def test_the_page_shows_the_gates_of_each_unit(facts_of):
    """A gate that was not asked is skipped, and one that is off says so."""
    text = page.render(facts_of(findings=(finding(),), off=("syntax",))).decode()

    cells = re.findall(r'<td class="(\w+)">\1</td>', text)
    assert ["rejected", "failed", "passed", "passed", "skipped", "off"] == cells


def test_the_page_shows_code_around_a_finding(facts_of):
    """The line is marked, and its text is text."""
    text = page.render(facts_of(findings=(finding(path="double.py", line=5),))).decode()

    assert '<span class="marked">5 line 5 &lt;b&gt;</span>' in text


def test_the_page_draws_what_was_measured(facts_of):
    """Accuracy has its interval, latency its quantiles, and break-even the calls."""
    facts = facts_of(cost=Cost(tokens_in=900, tokens_out=100), reference_tokens=30.0)

    text = page.render(facts).decode()

    assert "0.750 of 8 rows" in text
    assert "20 µs, p99 3 ms" in text
    assert "34 calls</text>" in text


def test_the_page_draws_nothing_that_is_not_there(facts_of):
    """A run without figures has no empty charts."""
    assert b"<svg" not in page.render(facts_of(verdicts=()))


@pytest.mark.parametrize("form", sorted(FORMS))
def test_secrets_are_taken_out_of_every_form(facts_of, monkeypatch, form):
    """A key with characters that a form escapes does not slip through."""
    monkeypatch.setenv("DEPLOY_TOKEN", 'canary"5531<&')

    text = FORMS[form](facts_of(findings=(finding('a canary"5531<& b'),))).decode()

    assert "canary" not in text
    assert "DEPLOY" in text


def test_an_open_key_swallows_no_more_than_its_text(facts_of):
    """A key whose end was cut off is taken out, and the files that scripts read stay JSON."""
    facts = facts_of(findings=(finding("-----BEGIN PRIVATE KEY----- MIIabc"), finding("after")))

    for form in (".json", ".sarif"):
        text = FORMS[form](facts).decode()
        assert "MIIabc" not in text
        assert "after" in json.dumps(json.loads(text))


def test_what_failed_outside_any_unit_is_told(facts_of, root):
    """A spec that cannot be read is no unit: every form for people and services tells of it."""
    message = "specs/double.yaml:1: found <b>; expected `spaces`"
    facts = replace(facts_of(), outside=(message,))

    (result,) = json.loads(sarif.render(facts))["runs"][0]["results"]

    place = result["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "specs/double.yaml"
    assert place["region"] == {"startLine": 1}
    assert message == result["message"]["text"]
    assert (
        "- specs/double.yaml:1: found \\<b\\>; expected \\`spaces\\`"
        in markdown.render(facts).decode()
    )
    assert "<li>specs/double.yaml:1: found &lt;b&gt;;" in page.render(facts).decode()


def test_a_name_cannot_end_its_code_span(facts_of):
    """A spec's path is anybody's: it closes no span and starts no second command."""
    facts = facts_of(findings=(finding(),), spec="a`;id;`b c.yaml", unit="double")

    text = markdown.render(facts).decode()

    assert "\nNext: `pytest --compile 'a'\"'\"';id;'\"'\"'b c.yaml::double'`\n" in text
