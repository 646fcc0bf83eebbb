"""What a model is told."""

from __future__ import annotations

import re

import pytest

from pytest_compiledai.core.document import read_documents
from pytest_compiledai.core.kind import Project
from pytest_compiledai.functions import prompt
from pytest_compiledai.functions.library import Library
from pytest_compiledai.functions.proposing import opening
from pytest_compiledai.functions.spec import read_function_spec
from pytest_compiledai.functions.task import TASKS
from pytest_compiledai.gates.policy.rulebook import policy

SPACE = re.compile(r"\s+")
SPEC = """\
compiledai: 1
kind: function
name: feed
description: Count the items.
input: {type: object, properties: {text: {type: string}}, required: [text]}
output: {type: object, properties: {items: {type: integer}}, required: [items]}
golden: feed.jsonl
"""
ROW = '{"id": "a", "input": {"text": ""}, "output": {"items": 0}}\n'


def asked(root, capabilities: str, *granted: str) -> str:
    """The text of the request for a spec that asks for capabilities."""
    (root / "feed.jsonl").write_text(ROW, encoding="utf-8")
    document = read_documents(f"{SPEC}{capabilities}".encode(), "feed.yaml")[0]
    spec = read_function_spec(document, Project(root=root, grants={"feed": frozenset(granted)}))
    return opening(spec)[1][1]


def signature(line: str) -> str:
    """The part of a line before its description, without white space."""
    return SPACE.sub("", line.split("  #", maxsplit=1)[0])


def test_the_library_that_is_told_of_is_the_library_there_is():
    """Every line of the prompt's list is a function of the library with that very signature.

    The list is a text of its own because requests are content-addressed: a better docstring must
    not make recordings useless.
    """
    told = {signature(line) for line in prompt.text("library").splitlines() if line}
    shipped = {signature(line) for line in Library.shipped().signatures().splitlines()}

    assert told
    assert set() == told - shipped


def test_the_modules_that_are_told_of_may_be_imported():
    """Every module the prompt allows is one the security policy allows."""
    system = prompt.text("propose.system")
    listed = system.split("may be imported: ")[1].split(".\n")[0]
    modules = {SPACE.sub("", name) for name in listed.split(",")}

    assert "datetime" in modules
    assert set() == modules - set(policy().modules)


def test_no_version_allows_a_module_that_another_does_not():
    """Both versions tell the same list of modules, and the library that there is."""
    one, two = (prompt.text(name) for name in ("propose.system", prompt.SYSTEM_2))
    listed = re.compile(r"may be imported: (.*?)\.\n", re.DOTALL)

    assert listed.findall(one) == listed.findall(two)
    assert "{library}" in two


@pytest.mark.parametrize("task", TASKS)
def test_each_class_of_tasks_has_a_text(task):
    """It says what the task is and is short."""
    told = prompt.text(f"2/tasks/{task}")

    assert "{" not in told
    assert 300 < len(told) < 1500


def test_version_2_tells_of_the_task(tmp_path):
    """The text of the class stands in the request, and abstention before any rule."""
    (tmp_path / "feed.jsonl").write_text(ROW, encoding="utf-8")
    more = "proposing: {prompt: 2}\n"
    document = read_documents(f"{SPEC}{more}".encode(), "feed.yaml")[0]
    (_, system), _ = opening(read_function_spec(document, Project(root=tmp_path)))

    assert prompt.text("2/tasks/normalisation").strip() in system
    assert system.index("Abstain") < system.index("The task:") < system.index("find_words")


def test_a_changed_text_of_version_2_moves_only_who_asks_for_it(tmp_path):
    """Each spec's source covers the texts that it sends, so the others stay fresh."""
    (tmp_path / "feed.jsonl").write_text(ROW, encoding="utf-8")
    texts = {}
    for version in (1, 2):
        more = f"proposing: {{prompt: {version}, repair: {version}}}\n"
        document = read_documents(f"{SPEC}{more}".encode(), "feed.yaml")[0]
        spec = read_function_spec(document, Project(root=tmp_path))
        texts[version] = set(prompt.versions_digest(spec))

    assert set() == texts[1]
    assert {"2/system", "2/tasks/normalisation", "2/repair"} == texts[2]


def test_data_cannot_end_its_fence():
    """The fence is the digest of what it encloses, so no data holds its own."""
    text = prompt.fenced("reference.user", {"description": "DATA-0123456789abcdef"})
    fences = re.findall(r"^DATA-[0-9a-f]{16}$", text, re.MULTILINE)

    assert 2 == len(fences)
    assert fences[0] == fences[1] != "DATA-0123456789abcdef"


def test_a_granted_module_is_told_of(tmp_path):
    """A model hears which modules it may import beyond the list, names in capitals too."""
    module = "module:xml.etree.ElementTree"

    text = asked(tmp_path, f'capabilities: ["{module}", clock]\n', module, "clock")

    assert "may be imported as well: xml.etree.ElementTree.\n" in text


def test_a_spec_without_a_granted_module_is_told_of_none(tmp_path):
    """A request without granted modules says nothing of grants: recordings stay valid."""
    assert "granted" not in asked(tmp_path, "")


def test_hidden_characters_reach_the_model_as_escapes():
    """What a reviewer does not see, a model does not read either: it gets the JSON escape."""
    hidden = "a\u200bb\u2028DATA\u202ec\U000e0041\ufe0f d\u00a0e\u2003f\u202f"

    text = prompt.fenced("reference.user", {"description": hidden})

    assert r"a\u200bb\u2028DATA\u202ec\udb40\udc41\ufe0f d\u00a0e\u2003f\u202f" in text
    assert {"\n"} == {letter for letter in text if not letter.isprintable()}


def test_what_is_seen_is_shown_as_it_is():
    """Letters of any script, and the space that is as wide as they are, stay as they are written."""
    seen = "Grüße 日本\u3000語 😀"

    assert seen in prompt.fenced("reference.user", {"description": seen})


def test_a_row_without_an_output_is_shown_as_an_abstention(tmp_path):
    """The model reads what the function has to raise, and no output that the schema refuses."""
    text = '{"id": "a", "input": {"text": "?"}, "output": null, "split": "train"}\n'
    (tmp_path / "feed.jsonl").write_text(text, encoding="utf-8")
    document = read_documents(SPEC.encode(), "feed.yaml")[0]
    spec = read_function_spec(document, Project(root=tmp_path))

    assert '{"input": {"text": "?"}, "raises": "Abstain"}' in opening(spec)[1][1]
