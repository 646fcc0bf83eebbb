"""Which text of a reply is the candidate."""

from __future__ import annotations

import pytest

from pytest_compiledai.functions.reply import extract
from pytest_compiledai.functions.template import TemplateError

CODE = "x = 1\n"


@pytest.mark.parametrize(
    "reply",
    [
        f"```python\n{CODE}```",
        f"Here you are:\n\n```python\n{CODE}```\n\nIt works.",
        f"```py\n{CODE}```\n",
        f"```Python title=x\n{CODE}```\n",
        f"```\n{CODE}```\n",
        f"~~~python\n{CODE}~~~\n",
        f"````python\n{CODE}````\n",
        f"```json\n{{}}\n```\n```python\n{CODE}```\n",
        f"```python\r\n{CODE.rstrip()}\r\n```\r\n",
        CODE,
    ],
)
def test_one_block_is_the_candidate(reply) -> None:
    """One block of Python, or a reply that is Python, is the candidate's text."""
    assert extract(reply) == CODE


def test_a_fence_inside_a_longer_fence_is_text() -> None:
    """A block ends only with as many marks as it began with."""
    assert extract('````python\nx = """\n```\n"""\n````') == 'x = """\n```\n"""\n'


@pytest.mark.parametrize(
    ("reply", "found"),
    [
        ("", "no block of Python"),
        ("I cannot do that.", "no block of Python"),
        ("```json\n{}\n```", "no block of Python"),
        (f"```python\n{CODE}```\n```python\n{CODE}```", "2 blocks of Python"),
        (f"```python\n{CODE}", "a block that does not end"),
    ],
)
def test_no_block_or_several_is_a_finding(reply, found) -> None:
    """A reply without exactly one block goes back with what was found."""
    with pytest.raises(TemplateError, match=found) as caught:
        extract(reply)

    assert caught.value.finding.rule == "syntax.reply"
    assert caught.value.finding.quotable
