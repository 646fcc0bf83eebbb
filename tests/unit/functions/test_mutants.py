"""Mutants of an artifact: one mistake each, in what the model wrote, each meaning something else."""

from __future__ import annotations

import ast

import pytest

from pytest_compiledai.functions.mutants.change import meaning
from pytest_compiledai.functions.mutants.mutant import mutants

HEAD = "LIMIT = 7\n\n\n# compiledai candidate\n"


def made(body: str, kind: str) -> list[str]:
    """Return what the mutants of a kind make of a function's body."""
    text = f"{HEAD}def f(a: int, b: str) -> int:\n" + "".join(
        f"    {b}\n" for b in body.split("\n")
    )
    found = mutants(text, most=1_000, seed=1)
    return sorted(
        m.text.partition("-> int:\n")[2].replace("    ", "", 1).rstrip()
        for m in found
        if m.kind == kind
    )


@pytest.mark.parametrize(
    ("body", "kind", "expected"),
    [
        ("return a < 3", "comparison", ["return a <= 3", "return a >= 3"]),
        ("return g[3]", "index", ["return g[2]", "return g[4]"]),
        ("return a * 3", "number", ["return a * 2", "return a * 4"]),
        ("return a + b * 2", "arithmetic", ["return a + b // 2", "return a - b * 2"]),
        ("return a and b", "boolean", ["return a or b"]),
        ("return a and b", "operand", ["return a", "return b"]),
        ("return not a", "negation", ["return a"]),
        ("return True", "constant", ["return False"]),
        ("return b.strip().lower()", "call", ["return b.lower()", "return b.strip()"]),
        ("return sorted(b)", "call", ["return list(b)"]),
        ("return g(a, b)", "arguments", ["return g(b, a)"]),
        ("return b.find(c)", "method", ["return b.rfind(c)"]),
        ("return b[1:2]", "slice", ["return b[1:]", "return b[:2]"]),
        ("return {'x': a, 'y': b}", "swap", ["return {'x': b, 'y': a}"]),
        ("return [1, 2]", "entry", ["return [1]", "return [2]"]),
        ("return a if b else c", "branch", ["return a", "return c"]),
        ("return b == 'key'", "text", ["return b == 'Key'", "return b == 'ky'"]),
        (
            "return re.match(r'[0-9]+$', b)",
            "pattern",
            [
                "return re.match(r'[0-9]*$', b)",
                "return re.match(r'[0-9]+', b)",
                "return re.match(r'[1-9]+$', b)",
            ],
        ),
    ],
)
def test_a_mistake_of_each_kind_is_made(body, kind, expected):
    """Each kind of mistake changes exactly the place that it is about."""
    assert expected == made(body, kind)


def test_a_refusal_can_be_missing():
    """A refusal is left out together with the condition it hangs on, or alone."""
    body = "if a:\n    raise Abstain('x')\nreturn a"

    assert ["if a:\n        pass\n    return a", "return a"] == made(body, "abstain")


def test_parentheses_keep_what_a_mistake_means():
    """An expression that binds less than the one it replaces is put in parentheses."""
    assert "return not (a or b)" in made("return not (a and b)", "boolean")
    assert ["return a + (b + c)", "return a - (b - c)"] == made("return a - (b + c)", "arithmetic")


def test_what_the_template_brought_is_left_alone():
    """Lines above the candidate's mark, the guard's call and docstrings are not mutated."""
    text = f'{HEAD}def f(a: int) -> int:\n    """Say 1."""\n    _guard_input(a)\n    return a + 1\n'

    for mutant in mutants(text, most=1_000, seed=1):
        assert mutant.text.startswith(
            f'{HEAD}def f(a: int) -> int:\n    """Say 1."""\n    _guard_input(a)\n'
        )


def test_mutants_are_distinct_and_python():
    """No two mutants mean the same, none means what the artifact means, all of them parse."""
    text = f"{HEAD}def f(a: int) -> int:\n    if a < 3 and a > 1:\n        return a + 1\n    return -a\n"
    found = mutants(text, most=1_000, seed=1)

    told = [ast.dump(ast.parse(m.text)) for m in found]
    assert len(told) == len(set(told))
    assert meaning(text) not in told


def test_a_seed_decides_the_sample():
    """Equal arguments give equal mutants, and a bound is kept with the kinds taking turns."""
    text = f"{HEAD}def f(a: int) -> int:\n    if a < 3 and a > 1:\n        return a + 1\n    return -a\n"

    few = mutants(text, most=4, seed=5)
    assert few == mutants(text, most=4, seed=5)
    assert 4 == len(few) == len({m.kind for m in few})
