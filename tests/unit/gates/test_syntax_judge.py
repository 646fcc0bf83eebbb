"""The function that was asked for, without visible mistakes."""

from __future__ import annotations

import pytest

from pytest_compiledai.core.source import Source
from pytest_compiledai.core.verdict import Verdict
from pytest_compiledai.gates import syntax
from pytest_compiledai.gates.tools import ToolFinding
from pytest_compiledai.gates.tools import ToolReport

SIGNATURE = syntax.ExpectedSignature(
    positional=(syntax.Parameter(name="data", annotation="In"),),
    keyword_only=(syntax.Parameter(name="clock"), syntax.Parameter(name="random")),
    returns="dict[str, int]",
)
RIGHT = "def f(data: In, *, random, clock) -> dict[str, int]:\n    return {}\n"


def judge(code: str, report: ToolReport | None = None, **settings: object) -> Verdict:
    source = Source(data=code.encode(), path="a.py")
    clean = ToolReport(scanned=frozenset({"ruff-syntax", "mypy-strict"}))
    return syntax.judge(
        source,
        function="f",
        signature=SIGNATURE,
        settings=syntax.SyntaxSettings(**settings),  # type: ignore[arg-type]
        scans={source.address: report or clean},
    )


def test_right_function_passes() -> None:
    """The name, the parameters in any keyword order and the result fit; figures are counted."""
    verdict = judge(RIGHT)

    assert verdict.findings == ()
    assert verdict.figures == {"lines": 2, "complexity": 1}


@pytest.mark.parametrize(
    "line",
    [
        "def f(data: In, *, random, clock):",
        "def f(data: Out, *, random, clock) -> dict[str, int]:",
        "def f(data, *, random, clock) -> dict[str, int]:",
        "def f(text: In, *, random, clock) -> dict[str, int]:",
        "def f(data: In, random, clock) -> dict[str, int]:",
        "def f(data: In, *, random) -> dict[str, int]:",
        "def f(data: In, *, random, clock, more) -> dict[str, int]:",
        "def f(data: In, *, random, clock=None) -> dict[str, int]:",
        "def f(data: In, *rest, random, clock) -> dict[str, int]:",
        "def f(data: In, *, random, clock, **rest) -> dict[str, int]:",
        "def f(data: In, *, random, clock) -> dict[str, str]:",
    ],
)
def test_other_signatures_are_refused(line: str) -> None:
    """A missing, added, renamed, defaulted or retyped parameter or result is a finding."""
    verdict = judge(f"{line}\n    return {{}}\n")

    assert [(item.rule, item.line) for item in verdict.findings] == [("syntax.signature", 1)]
    assert "expected `def f(data: In, *, clock, random) -> dict[str, int]`" in (
        verdict.findings[0].message
    )


def test_quoted_and_spaced_annotations_are_equal() -> None:
    """Annotations are compared by meaning, quoted or not."""
    assert judge("def f(data: 'In', *, clock, random) -> 'dict[str,int]':\n    return {}\n").passed


@pytest.mark.parametrize(
    "code",
    [
        "def g(data: In) -> int:\n    return 1\n",
        "async " + RIGHT,
        "@cache\n" + RIGHT,
        RIGHT + RIGHT,
        RIGHT.replace("return {}", "yield {}"),
        "class A:\n    pass\n",
    ],
)
def test_there_is_one_plain_function(code: str) -> None:
    """No function, two, an async, decorated or generating one is a finding."""
    assert "syntax.function" in {item.rule for item in judge(code).findings}


def test_inner_generators_are_allowed() -> None:
    """A generator inside the function does not make it one."""
    code = RIGHT.replace("return {}", "\n    def g():\n        yield 1\n    return dict(g())")

    assert judge(code).passed


def test_unparsable_text_is_one_finding() -> None:
    """Text that does not parse has that finding alone."""
    assert [item.rule for item in judge("def f(:\n").findings] == ["syntax.parse"]


def test_endless_branches_are_a_finding() -> None:
    """A chain of branches too long to walk is refused, not raised."""
    chain = "    if data:\n        pass\n" + "    elif data:\n        pass\n" * 2_000

    assert judge(RIGHT.replace("    return", f"{chain}    return")).findings


def test_long_signatures_are_quoted_in_part() -> None:
    """A finding quotes no more of a signature than a reader needs."""
    code = RIGHT.replace("clock", "clock='" + "a" * 2_000 + "'")

    assert len(judge(code).findings[0].message) < 400


def test_complexity_has_a_cap() -> None:
    """A function at the cap passes; one path more is a finding at its line."""
    code = "\n" + RIGHT.replace("return {}", "if data:\n        return {}\n    return {}")

    assert judge(code, complexity=2).passed
    found = judge(code, complexity=1).findings
    assert [(item.rule, item.line) for item in found] == [("syntax.complexity", 2)]


def test_reports_of_tools_become_findings() -> None:
    """What Ruff and mypy report is a finding with its line and identifier."""
    report = ToolReport(
        scanned=frozenset({"ruff-syntax", "mypy-strict"}),
        findings=(ToolFinding(tool="mypy-strict", code="arg-type", message="Bad.", line=2),),
    )

    found = judge(RIGHT, report).findings

    assert [(item.rule, item.line) for item in found] == [("syntax.mypy", 2)]
    assert found[0].message == "line 2: found bad (mypy arg-type); expected no such report"


@pytest.mark.parametrize(
    ("line", "rules"),
    [
        ("def f(data, *, random, clock):", []),
        ("def f(data: Out, *, random, clock) -> str:", []),
        ("def f(text, *, random, clock):", ["syntax.signature"]),
        ("def f(data, *, random):", ["syntax.signature"]),
    ],
)
def test_without_types_the_names_alone_are_the_signature(line: str, rules: list[str]) -> None:
    """A spec that switches mypy off takes programs without annotations; mypy is not asked."""
    ruff_alone = ToolReport(scanned=frozenset({"ruff-syntax"}))

    verdict = judge(f"{line}\n    return {{}}\n", ruff_alone, mypy="off")

    assert rules == [item.rule for item in verdict.findings]


def test_the_wanted_mode_of_mypy_must_have_answered() -> None:
    """An answer of the strict mode is none of the basic one."""
    assert [item.rule for item in judge(RIGHT, mypy="basic").findings] == ["syntax.tool"]


def test_files_without_a_known_signature_are_judged_for_the_rest() -> None:
    """A file of which nothing is asked needs no function, and has its other findings."""
    source = Source(data=b"X = 1\n", path="a.py")
    clean = ToolReport(scanned=frozenset({"ruff-syntax", "mypy-strict"}))
    settings = syntax.SyntaxSettings()

    assert syntax.judge_file(source, settings=settings, scans={source.address: clean}).passed
    assert not syntax.judge_file(source, settings=settings, scans={}).passed


def test_version_is_a_number() -> None:
    """The gate's version comes from its policy file."""
    assert syntax.version() >= 1
