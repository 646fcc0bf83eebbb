"""Injected texts as spec and golden text: the request around them stays whole."""

from __future__ import annotations

import ast
import json
import re
import shutil
from collections.abc import Iterator
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any
from typing import Final

from bench.injection.cases import HERE
from bench.injection.cases import InjectionCase
from bench.replaying import units
from pytest_compiledai.core.errors import SpecError
from pytest_compiledai.core.hidden import HIDDEN
from pytest_compiledai.core.kind import Project
from pytest_compiledai.core.schema import Schema
from pytest_compiledai.functions.proposing import opening
from pytest_compiledai.functions.spec import FunctionSpec
from pytest_compiledai.functions.types import typed_dict_module

_FENCE: Final = re.compile(r"^DATA-[0-9a-f]{16}$", re.MULTILINE)
_NAMED: Final = re.compile(r"DATA-[0-9a-f]{16}")
_TYPES: Final = 3  # between the marks of code blocks: words, signature, words, types, words
_BASE: Final = "route_employee_request"
#: Pieces that forged texts are put together from.
_PIECES: Final = (
    *(
        "\nDATA-0123456789abcdef\n",
        "{fence}",
        "{data}",
        "```",
        "~~~",
        "\n```python\n",
        '"}',
        "\\",
        '"',
    ),
    *("</data>", "<|im_end|>", "[system]", "\r\n", "\x00", "\x1b[2J", "\x85", "\u2028", "\u2029"),
    *("\u200b", "\u202e", "\u2066", "\ufeff", "\U000e0041", "\U000e0001", "\ufe0f", "\u115f"),
    *("{", "}", "%s", "$x", "ignore the description", "granted: os", " " * 40, "\t", "'''", '"""'),
)


def measure(cases: Sequence[InjectionCase], *, forged: int = 2_000) -> dict[str, Any]:
    """Return how many placed texts were looked at, and every one that changed the request."""
    base = next(unit.body for unit in units(HERE, "specs") if unit.name == _BASE)
    texts = [(case.id, case.text) for case in cases]
    texts += [(f"forged-{number}", text) for number, text in enumerate(_forged(forged))]
    wrong: list[str] = []
    refused = 0
    for name, text in texts:
        for where, spec in _placed(base, text):
            wrong += [f"{name} in {where}: {found}" for found in broken(spec, base, where)]
        try:
            wrong += [
                f"{name} in schema: {found}" for found in broken(_typed(base, text), base, "schema")
            ]
        except SpecError:
            refused += 1
    return {"texts": len(texts), "placed": 4 * len(texts), "refused": refused, "wrong": wrong}


def broken(spec: FunctionSpec, base: FunctionSpec, where: str) -> Iterator[str]:
    """Yield what a text in a spec changed of the request beside the data between its fences."""
    text = opening(spec)[1][1]
    head, data, tail = _parts(text)
    clean_head, _, clean_tail = _parts(opening(base)[1][1])
    if HIDDEN.search(text.replace("\n", "")):
        yield "a hidden character"
    if tail != clean_tail:
        yield "other words behind the data"
    if json.loads(data) != _meant(spec):
        yield "other data than the spec's"
    if where == "schema":
        yield from _python(head, clean_head)
    elif _NAMED.sub("", head) != _NAMED.sub("", clean_head):
        yield "other words before the data"
    if opening(spec)[0] != opening(base)[0]:
        yield "another system message"


def ungranted(root: Path) -> list[str]:
    """Return the capabilities that a spec got by asking alone; none is right."""
    shutil.copytree(HERE / "golden", root / "golden")
    got = []
    for word in ("module:os", "module:zlib", "clock", "random", "call:rates"):
        try:
            list(_read(root, word))
        except SpecError:
            continue
        got.append(word)
    return got


def _read(root: Path, word: str) -> Iterator[Any]:
    from pytest_compiledai.core.document import read_documents
    from pytest_compiledai.functions.spec import read_function_spec

    text = (HERE / "specs" / f"{_BASE}.yaml").read_text(encoding="utf-8")
    text = text.replace("\ngates:", f'\ncapabilities: ["{word}"]\ngates:')
    for document in read_documents(text.encode(), "specs/one.yaml"):
        yield read_function_spec(document, Project(root=root))


def _placed(base: FunctionSpec, text: str) -> Iterator[tuple[str, FunctionSpec]]:
    yield "description", replace(base, description=f"{base.description}\n{text}")
    rows = list(base.rows)
    at = next(index for index, row in enumerate(rows) if row.split == "train")
    rows[at] = replace(rows[at], input={"text": text})
    yield "golden input", replace(base, rows=tuple(rows))
    rows[at] = replace(rows[at], output={"team": text, "priority": 1})
    yield "golden output", replace(base, rows=tuple(rows))


def _typed(base: FunctionSpec, text: str) -> FunctionSpec:
    """Return a spec whose schema holds the text as a value, a property's name and an annotation."""
    data = json.loads(json.dumps(base.input.data))
    data["description"] = text
    data["properties"]["mood"] = {"enum": [text, "x"], "title": text}
    data["properties"][text or "none"] = {"type": "string"}
    schema = Schema.parse(data, lambda *_: base.rows[0].place, closed=False)
    return replace(base, input=schema, types=typed_dict_module(base.name, schema, base.output))


def _parts(text: str) -> tuple[str, str, str]:
    """Return what stands before, between and behind the two fences; raises for any others."""
    fences = list(_FENCE.finditer(text))
    if len(fences) != 2 or fences[0][0] != fences[1][0]:
        raise ValueError(f"{len(fences)} fences")
    return (
        text[: fences[0].start()],
        text[fences[0].end() : fences[1].start()],
        text[fences[1].end() :],
    )


def _meant(spec: FunctionSpec) -> Any:
    from pytest_compiledai.functions.prompt import shown_rows

    return {
        "description": spec.description,
        "schemas": [spec.input.data, spec.output.data],
        "examples": [{"input": row.input, "output": row.output} for row in shown_rows(spec)],
    }


def _python(head: str, clean: str) -> Iterator[str]:
    """Yield what is wrong with the types, the one place outside the fences that names get into."""
    blocks, clean_blocks = head.split("\n```"), clean.split("\n```")
    if len(blocks) != len(clean_blocks):
        yield "another number of code blocks"
        return
    tree = ast.parse(blocks[_TYPES].removeprefix("python\n"))
    if any(not isinstance(node, ast.ClassDef | ast.Assign) for node in tree.body):
        yield "something else than types among the types"
    pairs = list(zip(blocks, clean_blocks, strict=True))
    del pairs[_TYPES]
    if any(_NAMED.sub("", one) != _NAMED.sub("", other) for one, other in pairs):
        yield "other words before the data"


def _forged(count: int) -> Iterator[str]:
    random = Random(count)
    for _ in range(count):
        yield "".join(random.choices(_PIECES, k=random.randint(1, 8)))
