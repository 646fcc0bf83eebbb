"""The text of an artifact: what a candidate wrote, and what is ours around it."""

from __future__ import annotations

import ast
import itertools

import pytest
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st

from pytest_compiledai.core.place import Place
from pytest_compiledai.core.schema import Schema
from pytest_compiledai.core.source import Source
from pytest_compiledai.functions.docstring import docstring
from pytest_compiledai.functions.template import Facts
from pytest_compiledai.functions.template import TemplateError
from pytest_compiledai.functions.template import assemble
from pytest_compiledai.functions.template import candidate_of
from pytest_compiledai.functions.template import signature
from pytest_compiledai.functions.template import template_digest
from pytest_compiledai.functions.types import typed_dict_module
from pytest_compiledai.gates.security import inspect

INPUT = {
    "type": "object",
    "properties": {"subject": {"type": "string"}, "plan": {"enum": ["free", "pro"]}},
    "required": ["subject"],
}
OUTPUT = {"type": "object", "properties": {"queue": {"type": "string"}}, "required": ["queue"]}
HEAD = "def route_ticket(data: RouteTicketInput) -> RouteTicketOutput:\n"
CANDIDATE = f'''"""A module."""

import re
from decimal import Decimal

_WORD = re.compile("refund")


{HEAD}    """Route."""
    # why
    amount = parse_number(data["subject"]) or Decimal(0)
    return {{"queue": "billing" if _WORD.search(data["subject"]) else str(amount)}}
'''


def facts(description="Decide which queue answers.", capabilities=(), **changes) -> Facts:
    place = Place(path="specs/x.yaml", line=1)
    given, answered = (Schema.parse(data, lambda *_: place) for data in (INPUT, OUTPUT))
    name = changes.get("name", "route_ticket")
    return Facts(
        name=name,
        description=description,
        types=typed_dict_module(name, given, answered),
        input=given,
        capabilities=capabilities,
    )


def finding(candidate, **changes):
    with pytest.raises(TemplateError) as caught:
        assemble(facts(**changes), candidate)
    return caught.value.finding


def test_artifact_is_one_module_that_answers_and_refuses(run_artifact) -> None:
    """The function answers an input of its schema and abstains on any other."""
    space = run_artifact(assemble(facts(), CANDIDATE).text)
    route = space["route_ticket"]

    assert route({"subject": "A refund"}) == {"queue": "billing"}
    assert route({"subject": "1,234.5"}) == {"queue": "1234.5"}
    with pytest.raises(space["Abstain"], match=r"input\.subject: expected a string"):
        route({"subject": 1})


def test_artifact_passes_the_capability_policy() -> None:
    """What the template adds gives the policy no finding."""
    source = Source(data=assemble(facts(), CANDIDATE).text.encode(), path="a.py")

    assert inspect(source, capabilities=frozenset()) == ()


def test_imports_are_merged_sorted_and_stand_first() -> None:
    """Imports of candidate, library, types and guard are one block, each name once."""
    text = assemble(facts(), CANDIDATE).text
    tree = ast.parse(text)
    kinds = [isinstance(node, ast.Import | ast.ImportFrom) for node in tree.body]

    assert kinds == sorted(kinds, reverse=True)
    assert (
        "from __future__ import annotations\n\nimport re\nfrom decimal import Decimal\n"
        "from typing import Literal, NotRequired, TypedDict\n"
    ) in text


def test_only_what_is_used_is_copied() -> None:
    """An artifact holds the library's parts that the candidate uses, under their markers."""
    text = assemble(facts(), CANDIDATE).text

    assert "# compiledai module numbers@1: parse_number\n" in text
    assert "dates@1" not in text
    assert "find_numbers" not in text
    assert "numbers@1" in text.split("\n")[1]


def test_origins_lead_back_to_the_candidate() -> None:
    """Each line that came from the candidate knows its line there; ours say zero."""
    made = assemble(facts(), CANDIDATE)
    lines, wrote = made.text.split("\n"), CANDIDATE.split("\n")

    for number, line in enumerate(lines, start=1):
        if made.origin(number):
            assert wrote[made.origin(number) - 1] == line
    assert made.origin(lines.index("    # why") + 1) == wrote.index("    # why") + 1
    assert made.origin(1) == 0
    assert made.origin(10_000) == 0


def test_docstring_is_the_description_and_the_guard_comes_next() -> None:
    """The candidate's docstring gives way to the spec's description."""
    text = assemble(facts(), CANDIDATE).text

    told = '    """Decide which queue answers."""\n    _guard_input(data)\n    # why\n'
    assert f"{HEAD}{told}" in text
    assert "Route." not in text
    assert "A module." not in text


def test_equal_inputs_give_equal_bytes() -> None:
    """The text depends on the facts and the candidate alone, ends with one line feed, has no CR."""
    first, second = assemble(facts(), CANDIDATE), assemble(facts(), CANDIDATE.replace("\n", "\r\n"))

    assert first == second
    assert first.text.endswith("\n")
    assert not first.text.endswith("\n\n")
    assert "\r" not in first.text


PIECES = [
    *"ab \n\t\\\"'#{}%\r\x00\u202e\u200b\u2028\ud800é",
    '"""',
    "# noqa",
    "\\N{x}",
    "word " * 20,
    "\n" + " " * 120,
]
HOSTILE = st.lists(st.sampled_from(PIECES), max_size=30).map("".join)


@settings(max_examples=200, deadline=None, derandomize=True, database=None)
@given(description=HOSTILE)
def test_no_description_breaks_out_of_the_docstring(description) -> None:
    """Whatever a description holds, the function has one docstring and the same statements."""
    text = f"def f(data):\n{docstring(description, margin='    ')}    return data\n"
    (function,) = ast.parse(text).body

    assert [ast.Expr, ast.Return] == [type(node) for node in function.body]
    assert isinstance(function.body[0].value.value, str)
    assert all(char.isprintable() for line in text.split("\n") for char in line)
    source = Source(data=text.encode(), path="a.py")
    assert inspect(source, capabilities=frozenset()) == ()


def test_description_keeps_its_words_and_is_wrapped() -> None:
    """Wrapped lines are put together and wrapped anew; items stay items."""
    words = " ".join(f"word{n}" for n in range(40))
    text = docstring(f"First.\n\n{words[:90]}\n{words[90:]}\n- one\n- two \\d", margin="    ")

    (function,) = ast.parse(f"def f():\n{text}").body
    told = ast.get_docstring(function)
    assert told.split() == f"First. {words[:90]} {words[90:]} - one - two \\d".split()
    assert "\n- one\n- two" in told
    assert max(len(line) for line in text.split("\n")) <= 88


def test_blocks_in_a_description_stay_as_they_are_laid_out() -> None:
    """Lines with gaps, and lines that end like code, are neither joined nor wrapped."""
    block = f"Lines:\n    {'a' * 60};\n    b{' ' * 30}only if {'c ' * 30}d\n    e"

    told = docstring(block, margin="    ")

    for line in block.split("\n")[1:]:
        assert f"    {line}\n" in told


def test_a_deep_indent_of_a_description_is_kept_and_looks_like_no_code() -> None:
    """A document that a description quotes may have a column far to the right."""
    deep = f"Total:\n{' ' * 120}717,97"

    text = docstring(deep, margin="    ")

    (function,) = ast.parse(f"def f():\n{text}").body
    assert ast.get_docstring(function, clean=False).splitlines()[1] == f"    {' ' * 120}717,97"
    assert max(len(line) - len(line.lstrip()) for line in text.split("\n")) < 100


@pytest.mark.parametrize(
    ("candidate", "rule", "line", "told"),
    [
        ("def f(:\n", "parse", 1, "Python that parses"),
        ("x = 1\n", "function", 0, "no top-level function 'route_ticket'"),
        (f"{HEAD}    return 1\n\n\n{HEAD}    return 2\n", "function", 0, "two top-level functions"),
        (f"class Abstain(Exception): ...\n\n\n{HEAD}    return 1\n", "template", 1, "'Abstain'"),
        (f"def _guard_that(x): ...\n\n\n{HEAD}    return 1\n", "template", 1, "'_guard_that'"),
        (f"RouteTicketInput = dict\n\n\n{HEAD}    return 1\n", "template", 1, "'RouteTicketInput'"),
        (
            f"TypedDict = dict\n\n\n{HEAD}    return 1\n",
            "template",
            1,
            "another meaning of 'TypedDict'",
        ),
        (f"import regex as re\n\n\n{HEAD}    return 1\n", "template", 1, "another meaning of 're'"),
        (f"Decimal = 1\n\n\n{HEAD}    return parse_number('1')\n", "template", 1, "'Decimal'"),
        (
            f"_numbers_digits = 1\n{HEAD}    return parse_number('1')\n",
            "template",
            0,
            "_numbers_digits",
        ),
        (f"import json; x = 1\n{HEAD}    return 1\n", "template", 1, "two statements on one line"),
        (f"{HEAD[:-1]} return 1\n", "template", 1, "two statements on one line"),
        (f'{HEAD}    """Doc."""; return 1\n', "template", 2, "two statements on one line"),
        ("def route_ticket():\n    return 1\n", "signature", 1, "without a parameter"),
    ],
)
def test_what_no_artifact_can_be_made_of_is_a_finding(candidate, rule, line, told) -> None:
    """A reply that does not fit the template goes back with its line and what is expected."""
    found = finding(candidate)

    assert (found.rule, found.line) == (f"syntax.{rule}", line)
    assert told in found.message


@pytest.mark.parametrize(
    ("candidate", "rule"),
    [
        (f"x = {'(' * 100}1{')' * 100}\n", "security.nesting"),
        ("x = '\u202e'\n", "security.character"),
        ("#" * 70_000, "security.size"),
        ("x = '\ud800'\n", "syntax.reply"),
        (f"x = 0x{'f' * 3_900}\n{HEAD}    return 1\n", "syntax.size"),
        ("x = (\n" + "1 +\n" * 3_000 + f"1)\n{HEAD}    return 1\n", "syntax.nesting"),
    ],
)
def test_text_that_could_harm_a_parser_is_not_parsed(candidate, rule) -> None:
    """Size, depth and hidden characters are looked at before anything parses the text."""
    assert finding(candidate).rule in {rule, "syntax.parse"}


def test_types_written_again_as_they_are_cost_nothing() -> None:
    """A candidate that repeats our own types word for word gives the same artifact."""
    again = f"from typing import TypedDict\n\n{facts().types.text}\n\n"
    bare = CANDIDATE.removeprefix('"""A module."""\n')

    assert assemble(facts(), CANDIDATE).text == assemble(facts(), again + bare).text


def test_types_written_otherwise_are_refused() -> None:
    """A candidate's own version of our types never replaces them."""
    other = "class RouteTicketOutput(TypedDict):\n    queue: int\n\n\n"

    assert "'RouteTicketOutput'" in finding(other + CANDIDATE).message


def test_what_a_candidate_wrote_can_be_taken_out_again() -> None:
    """A frozen artifact gives back its candidate, of which the same artifact can be made."""
    text = assemble(facts(), CANDIDATE).text

    wrote = candidate_of(text)

    assert wrote.startswith("import re\nfrom decimal import Decimal\n\n\n_WORD")
    assert "_guard" not in wrote
    assert "TypedDict" not in wrote
    assert assemble(facts(), wrote).text == text
    assert candidate_of("x = 1\n") == "x = 1\n"


@pytest.mark.parametrize(
    "candidate",
    [
        f"{HEAD}\t# tab\n\treturn {{'queue': 'é'}}\n",
        "def route_ticket(\n    data: RouteTicketInput,\n) -> RouteTicketOutput:\n    return {'queue': 'é'}\n",
        "def route_ticket(\n    data: RouteTicketInput,\n) -> RouteTicketOutput:\n\n    '''Doc\n    é.'''\n\n    return {'queue': 'é'}\n",
        f"{HEAD}    def é() -> str:\n        return 'é'\n    return {{'queue': é()}}\n",
        f"from functools import cache\n{HEAD}    @cache\n    def inner() -> str:\n        return 'é'\n    return {{'queue': inner()}}\n",
        f"{HEAD}    if data['subject'] == 'x': return {{'queue': 'é'}}\n    return route_ticket({{'subject': 'x'}})\n",
        f"X = 'é'; {'Y'} = 2\n{HEAD}    return {{'queue': X}}\n",
    ],
)
def test_layouts_of_a_function(candidate, run_artifact) -> None:
    """Tabs, long heads, nested and decorated functions, text beyond ASCII keep their meaning."""
    text = assemble(facts(), candidate).text

    assert run_artifact(text)["route_ticket"]({"subject": "s"}) == {"queue": "é"}


def test_capabilities_are_keyword_only_parameters() -> None:
    """What is handed in follows the input, by name, with the types it has in production."""
    wanted = signature(facts(capabilities=("random", "clock", "call:api", "module:base64")))

    assert wanted.text == (
        "def route_ticket(data: RouteTicketInput, *, api: Callable[[Any], Any], "
        "clock: Callable[[], datetime], random: Random) -> RouteTicketOutput:"
    )


def test_a_name_from_its_old_home_is_the_same_name() -> None:
    """`typing.Callable` is `collections.abc.Callable`; the artifact imports it once."""
    head = "def route_ticket(data: RouteTicketInput, *, clock: Callable[[], datetime]) -> None:\n"
    text = f"from typing import Callable, Literal\n\n\n{head}    return None\n"

    made = assemble(facts(capabilities=("clock",)), text).text

    assert "from collections.abc import Callable\n" in made
    assert 1 == made.count("import Callable")
    assert "Literal" in made


def test_annotations_of_capabilities_are_imported() -> None:
    """The names in a capability's annotation come with the artifact."""
    wanted = facts(capabilities=("clock", "random", "call:rates"))
    text = assemble(wanted, f"{signature(wanted).text}\n    return {{'queue': 'x'}}\n").text

    for line in (
        "from collections.abc import Callable\n",
        "from datetime import datetime\n",
        "from random import Random\n",
        "from typing import Any, Literal, NotRequired, TypedDict\n",
    ):
        assert line in text


def test_a_unit_may_be_called_like_a_library_function(run_artifact) -> None:
    """The unit's own function wins over one of the same name in the library."""
    own = "def parse_date(data: ParseDateInput) -> ParseDateOutput:\n    return {'queue': 'own'}\n"
    text = assemble(facts(name="parse_date"), own).text

    assert run_artifact(text)["parse_date"]({"subject": "s"}) == {"queue": "own"}
    assert "module dates" not in text


def test_artifact_says_nothing_of_where_it_was_made() -> None:
    """The head names the unit and versions, and holds no date, host or model."""
    first, second, *_ = assemble(facts(), CANDIDATE).text.split("\n")

    assert (
        first
        == "# route_ticket: compiled, and frozen by its digest; change the spec, not this file."
    )
    assert second == "# compiledai spec@1, template function@2, guard@1, numbers@1"


def test_digest_is_stable_within_a_process() -> None:
    """The digest that goes into a unit's source does not depend on when it is asked."""
    assert len({template_digest() for _ in itertools.repeat(None, 3)}) == 1
