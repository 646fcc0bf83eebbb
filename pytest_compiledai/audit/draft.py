"""Specs with golden rows, drafted from a log for the sites that could be code.

A draft is a beginning: the description is the prompt as it was logged, the rows are what a model
answered. Nothing here says that those answers are right.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from typing import Final

from pytest_compiledai.audit.audited import Audit
from pytest_compiledai.audit.audited import Audited
from pytest_compiledai.audit.call import number_of
from pytest_compiledai.audit.decision import Target
from pytest_compiledai.audit.example import Example
from pytest_compiledai.audit.infer import infer
from pytest_compiledai.audit.measures import wrapped
from pytest_compiledai.core.document import read_documents
from pytest_compiledai.core.errors import CompiledAIError
from pytest_compiledai.core.errors import SettingsError
from pytest_compiledai.core.errors import SpecError
from pytest_compiledai.core.files import atomic_write
from pytest_compiledai.core.kind import Project
from pytest_compiledai.core.place import Place
from pytest_compiledai.core.schema import Schema
from pytest_compiledai.functions.spec import read_function_spec
from pytest_compiledai.llm.redact import redact

ROWS: Final = 500  # golden rows of a draft, at most
_NAME = re.compile(r"[^a-z0-9]+")
_NAME_CAP: Final = 48
_DESCRIPTION_CAP: Final = 6_000  # characters of the prompt
_LOGGED: Final = "The prompt as it was logged, up to what varies:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What was written for a site, or why nothing was."""

    site: str
    is_code: bool = True  # whether the decision is code; of other sites nothing is drafted
    spec: str | None  # the path
    rows: int = 0
    conflicting: int = 0  # rows left out: their input got different answers
    unfit: int = 0  # rows left out: they do not fit the inferred schemas
    reason: str = ""  # why there is no spec

    def as_json(self) -> dict[str, Any]:
        """Return the draft as plain data."""
        return {
            "site": self.site,
            "spec": self.spec,
            "rows": self.rows,
            "conflicting_rows": self.conflicting,
            "unfit_rows": self.unfit,
            "reason": self.reason or None,
        }

    def as_text(self) -> str:
        """Return the draft in one line."""
        if self.spec is None:
            return f"no draft of {self.site}: {self.reason}"
        left = (
            f"left out: {self.conflicting} with conflicting answers, {self.unfit} that do not fit"
        )
        told = f"drafted {self.spec} with {self.rows} golden rows ({left})"
        return f"{told}; next: pytest --compile {self.spec}"


def draft_all(audit: Audit, root: Path, folder: Path) -> tuple[Draft, ...]:
    """Write the drafts into ``folder`` and return what was written, site by site.

    Raises ``SettingsError``, and writes nothing, when a file to be written stands there already or
    the folder is outside the project.
    """
    target = (root / folder).resolve()
    if not target.is_relative_to(root):
        raise SettingsError(
            where=str(folder),
            found="a folder outside the project",
            expected="one below the root",
            next="compiledai audit LOGS --draft specs",
        )
    drafts: list[Draft] = []
    wanted: dict[Path, bytes] = {}
    names: Counter[str] = Counter()
    for audited in audit.sites:
        draft, files = _draft(audited, root, target, names)
        drafts.append(draft)
        wanted |= files
    for path in sorted(wanted):
        if path.exists():
            raise SettingsError(
                where=path.relative_to(root).as_posix(),
                found="a file that stands there already",
                expected="none",
                next="choose another folder with --draft",
            )
    _write(wanted, drafts, root)
    return tuple(drafts)


def _draft(
    audited: Audited, root: Path, folder: Path, names: Counter[str]
) -> tuple[Draft, dict[Path, bytes]]:
    measures = audited.measures
    site = redact(measures.site.name)
    if audited.decision.target is not Target.CODE:
        reason = f"the decision is {audited.decision.target}"
        return Draft(site=site, is_code=False, spec=None, reason=reason), {}
    name = _unit_name(site, names)
    try:
        logged = [_pair(example) for example in measures.examples]
    except RecursionError:
        return Draft(site=site, spec=None, reason="values nested too deep for a spec"), {}
    pairs = _agreeing(logged, [example.row.conflicting for example in measures.examples])
    conflicting = len(logged) - len(pairs)
    schemas = _schemas(pairs)
    rows = _rows(pairs, schemas)
    if not rows:
        reason = "no row fits the schemas"
        return Draft(site=site, spec=None, conflicting=conflicting, reason=reason), {}
    spec = folder / f"{name}.yaml"
    text = _spec(name, _description(audited), schemas)
    golden = "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows[:ROWS])
    draft = Draft(
        site=site,
        spec=spec.relative_to(root).as_posix(),
        rows=min(len(rows), ROWS),
        conflicting=conflicting,
        unfit=len({_text(given) for given, _ in pairs}) - len(rows),
    )
    return draft, {spec: text.encode(), folder / f"{name}.jsonl": golden.encode()}


def _unit_name(site: str, names: Counter[str]) -> str:
    """Return the name of a unit for a site, one that no other draft has."""
    plain = _NAME.sub("_", site.lower()).strip("_")[:_NAME_CAP].strip("_")
    plain = plain if plain[:1].isalpha() else f"site_{plain}".rstrip("_")
    names[plain] += 1
    return plain if names[plain] == 1 else f"{plain}_{names[plain]}"


def _pair(example: Example) -> tuple[Any, Any]:
    """Return the input and the output of a golden row, secrets redacted."""
    given = example.data if example.data is not None else {"text": example.text}
    value = example.value if isinstance(example.value, dict) else {"answer": example.value}
    return _redacted(given), _redacted(value)


def _redacted(value: Any) -> Any:
    if isinstance(value, str):
        return _clean(value)
    if isinstance(value, list):
        return [_redacted(item) for item in value]
    if isinstance(value, dict):
        return {_clean(name): _redacted(item) for name, item in value.items()}
    return value


def _clean(text: str) -> str:
    """Return a text without secrets and without halves of surrogate pairs."""
    return redact(text).encode("utf-8", "replace").decode()


def _schemas(pairs: Sequence[tuple[Any, Any]]) -> dict[str, dict[str, Any]]:
    return {
        "input": wrapped(infer([given for given, _ in pairs]), "text"),
        "output": wrapped(infer([value for _, value in pairs]), "answer"),
    }


def _rows(
    pairs: Sequence[tuple[Any, Any]], schemas: dict[str, dict[str, Any]]
) -> list[dict[str, Any]]:
    """Return the golden rows of pairs that fit the schemas, an input once."""
    try:
        judges = {
            key: Schema.parse(data, lambda *_: Place(path="draft", line=1), closed=key == "output")
            for key, data in schemas.items()
        }
    except SpecError:
        return []
    found: dict[str, dict[str, Any]] = {}
    for given, value in pairs:
        if not judges["input"].problems(given) and not judges["output"].problems(value):
            key = _text(given)
            found[key] = {"id": f"logged-{number_of(key):016x}", "input": given, "output": value}
    return list(found.values())


def _agreeing(
    pairs: Sequence[tuple[Any, Any]], conflicting: Sequence[bool]
) -> list[tuple[Any, Any]]:
    """Return the pairs whose input got one answer: each time, from each model."""
    answers: dict[str, set[str]] = {}
    for given, value in pairs:
        answers.setdefault(_text(given), set()).add(_text(value))
    refused = {_text(given) for (given, _), bad in zip(pairs, conflicting, strict=True) if bad}
    return [
        (given, value)
        for given, value in pairs
        if len(answers[_text(given)]) == 1 and _text(given) not in refused
    ]


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def _description(audited: Audited) -> str:
    """Return what the prompt says, as text: system prompt and the template round the input."""
    measures = audited.measures
    systems = sorted({example.row.system for example in measures.examples}, key=len)
    before, after = " ".join(measures.cut.before), " ".join(measures.cut.after)
    pieces = [
        systems[0] if len(systems) == 1 else "",
        before,
        f"[the input]{' ' if after else ''}{after}",
    ]
    prompt = "\n".join(piece for piece in pieces if piece)
    return f"{_LOGGED}\n{redact(prompt)[:_DESCRIPTION_CAP]}"


def _spec(name: str, description: str, schemas: dict[str, dict[str, Any]]) -> str:
    """Return the text of a spec; every value is JSON, which YAML reads as it is."""
    lines = [
        "compiledai: 1",
        "kind: function",
        f"name: {name}",
        f"description: {_quoted(description)}",
        f"input: {json.dumps(schemas['input'])}",
        f"output: {json.dumps(schemas['output'])}",
        f"golden: {name}.jsonl",
    ]
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    return json.dumps(text.encode("utf-8", "replace").decode())


def _write(wanted: dict[Path, bytes], drafts: list[Draft], root: Path) -> None:
    """Write the files; one that the strict reader refuses is taken back and its draft says why."""
    for path, data in sorted(wanted.items()):
        atomic_write(path, data)
    for number, draft in enumerate(drafts):
        if draft.spec is None:
            continue
        spec = root / draft.spec
        try:
            (document,) = read_documents(wanted[spec], draft.spec)
            read_function_spec(document, Project(root=root, grants={}))
        except CompiledAIError as error:
            spec.unlink()
            spec.with_suffix(".jsonl").unlink()
            drafts[number] = Draft(site=draft.site, spec=None, reason=str(error))
