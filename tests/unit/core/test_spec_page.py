"""The page on specs says what the reader does."""

from __future__ import annotations

import json
import re
from pathlib import Path

from pytest_compiledai.core.document import read_documents
from pytest_compiledai.core.golden import Shares
from pytest_compiledai.core.golden import read_golden
from pytest_compiledai.core.keywords import KEYWORDS
from pytest_compiledai.core.schema import Schema

PAGE = (Path(__file__).parents[3] / "docs" / "spec.md").read_text(encoding="utf-8")


def block(language: str) -> str:
    """Return the page's one block in a language."""
    (text,) = re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    return str(text)


def test_the_spec_and_its_row_are_read() -> None:
    """The example spec's schemas accept the example row."""
    document = read_documents(block("yaml").encode(), "docs/spec.md")[0]
    schemas = {
        name: Schema.parse(document.data[name], document.place) for name in ("input", "output")
    }

    rows = read_golden(block("json").encode(), "g", shares=Shares(), **schemas)

    assert json.loads(block("json"))["id"] == rows[0].id


def test_the_python_block_runs() -> None:
    """What the page asserts holds."""
    exec(block("python"), {})


def test_every_keyword_is_named() -> None:
    """The page leaves no keyword of the subset out."""
    assert [word for word in sorted(KEYWORDS) if f"`{word}`" not in PAGE] == []
