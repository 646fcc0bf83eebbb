"""What a spec of kind `function` says, read and checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any

from pytest_compiledai.core import fields
from pytest_compiledai.core.beside import beside
from pytest_compiledai.core.beside import read_beside
from pytest_compiledai.core.errors import SpecError
from pytest_compiledai.core.gate import DRIFT
from pytest_compiledai.core.gate import GATES
from pytest_compiledai.core.golden import Row
from pytest_compiledai.core.golden import Shares
from pytest_compiledai.core.golden import read_golden
from pytest_compiledai.core.schema import Schema
from pytest_compiledai.core.split import Split
from pytest_compiledai.functions.capabilities import Table
from pytest_compiledai.functions.capabilities import call_names
from pytest_compiledai.functions.capabilities import check_capability
from pytest_compiledai.functions.capabilities import read_table
from pytest_compiledai.functions.declaring import Proposing
from pytest_compiledai.functions.declaring import read_proposing
from pytest_compiledai.functions.guard import UnguardablePattern
from pytest_compiledai.functions.guard import guard_text
from pytest_compiledai.functions.linear.declared import Declared
from pytest_compiledai.functions.linear.declared import read_declared
from pytest_compiledai.functions.types import TypedDicts
from pytest_compiledai.functions.types import typed_dict_module
from pytest_compiledai.gates import settings as reading
from pytest_compiledai.gates.accuracy import AccuracySettings
from pytest_compiledai.gates.drift import DriftSettings
from pytest_compiledai.gates.fuzz import FuzzSettings
from pytest_compiledai.gates.latency import LatencySettings
from pytest_compiledai.gates.syntax import SyntaxSettings

if TYPE_CHECKING:
    from pytest_compiledai.core.document import Document
    from pytest_compiledai.core.kind import Project

KEYS = (
    "compiledai",
    "kind",
    "name",
    "description",
    "input",
    "output",
    "golden",
    "capabilities",
    "candidate",
    "gates",
    "attempts",
    "candidates",
    "proposing",
    "timeout",
    "fallback",
    "linear",
)
MOST_ATTEMPTS = 20
MOST_CANDIDATES = 16
DEFAULT_TIMEOUT_S = 600


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionSpec:
    """A spec of kind `function`."""

    name: str
    description: str
    path: str  # of the spec, POSIX, relative to the root
    input: Schema
    output: Schema
    types: TypedDicts
    golden: str  # path of the golden rows, POSIX, relative to the root
    rows: tuple[Row, ...]
    capabilities: tuple[str, ...]
    candidate: str | None  # path of the user's own file, relative to the root
    candidate_text: str | None
    syntax: SyntaxSettings
    accuracy: AccuracySettings
    latency: LatencySettings
    fuzz: FuzzSettings
    drift: DriftSettings
    off: tuple[str, ...]
    attempts: int | None
    candidates: int
    proposing: Proposing
    timeout_s: float
    fallback: str
    linear: Declared | None
    user_files: Mapping[str, str]  # path as written -> text of comparators and references
    call_tables: Mapping[str, Table]  # name of a `call:` capability -> its recorded calls
    settings: Mapping[str, Any]  # the `gates:` block without `drift`: part of the evidence

    def rows_in(self, *splits: Split) -> tuple[Row, ...]:
        """Return the golden rows of the given splits, in file order."""
        return tuple(row for row in self.rows if row.split in splits)

    def answers_in(self, *splits: Split) -> tuple[Row, ...]:
        """Return those rows of the given splits that have an answer."""
        return tuple(row for row in self.rows_in(*splits) if not row.demands_abstention)


def read_function_spec(document: Document, project: Project) -> FunctionSpec:
    """Return the spec in ``document``. Raises ``SpecError``."""
    fields.known_keys(document, KEYS)
    name = fields.unit_name(document)
    blocks, off = fields.gate_blocks(document, (*GATES, DRIFT))
    if DRIFT in off:
        expected = "a mapping of settings: only --compile-drift asks that gate"
        raise SpecError(where=document.at("gates", DRIFT)(), found="drift: off", expected=expected)
    input_schema = fields.schema(document, "input")
    output_schema = fields.schema(document, "output", closed=True)
    accuracy = AccuracySettings.parse(blocks.get("accuracy", {}), document.at("gates", "accuracy"))
    accuracy.check(output_schema)
    _check_guard(document, input_schema)
    fuzz = FuzzSettings.parse(blocks.get("fuzz", {}), document.at("gates", "fuzz"))
    for gate in ("security", "execution"):
        reading.known_keys(blocks.get(gate, {}), (), document.at("gates", gate))
    golden = beside(document, project, "golden", fields.text(document, "golden"))
    candidate_key = fields.optional_text(document, "candidate")
    candidate = beside(document, project, "candidate", candidate_key) if candidate_key else None
    candidate_text = _text(document, project, "candidate", candidate) if candidate else None
    user_files = _user_files(document, project, accuracy, fuzz)
    _check_independent(document, candidate_text, user_files, fuzz)
    return FunctionSpec(
        name=name,
        description=fields.text(document, "description").strip(),
        path=document.path,
        input=input_schema,
        output=output_schema,
        types=typed_dict_module(name, input_schema, output_schema),
        golden=golden,
        rows=read_golden(
            read_beside(document, project, "golden", golden),
            golden,
            input=input_schema,
            output=output_schema,
            shares=Shares(**accuracy.split),
            abstentions=True,
        ),
        capabilities=_capabilities(document, project, name),
        candidate=candidate,
        candidate_text=candidate_text,
        syntax=_syntax(blocks.get("syntax", {}), document.at("gates", "syntax")),
        accuracy=accuracy,
        latency=LatencySettings.parse(blocks.get("latency", {}), document.at("gates", "latency")),
        fuzz=fuzz,
        drift=DriftSettings.parse(
            blocks.get(DRIFT, {}), accuracy, document.at("gates", DRIFT), agreement=fuzz.agreement
        ),
        off=off,
        attempts=fields.whole(document, "attempts", None, most=MOST_ATTEMPTS),
        candidates=fields.whole(document, "candidates", 1, most=MOST_CANDIDATES) or 1,
        proposing=read_proposing(document),
        timeout_s=float(
            fields.whole(document, "timeout", DEFAULT_TIMEOUT_S, most=86_400) or DEFAULT_TIMEOUT_S
        ),
        fallback=fields.choice(document, "fallback", ("model", "none"), "model"),
        linear=read_declared(document, input_schema, output_schema),
        user_files=user_files,
        call_tables=_call_tables(document, project, name),
        settings={k: v for k, v in document.data.get("gates", {}).items() if k != DRIFT},
    )


def _check_guard(document: Document, schema: Schema) -> None:
    """Raise ``SpecError`` for an input schema that the generated guard cannot check in time."""
    try:
        guard_text(schema.node)
    except UnguardablePattern as error:
        raise SpecError(
            where=document.place("input"),
            found=f"the pattern {str(error)!r}, which can take exponential time",
            expected="a pattern without a repeat inside a repeat",
        ) from None


def _text(document: Document, project: Project, key: str, path: str) -> str:
    try:
        return read_beside(document, project, key, path).decode("utf-8").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise SpecError(
            where=document.place(key), found=f"{path}: not UTF-8", expected="UTF-8 text"
        ) from error


def _capabilities(document: Document, project: Project, name: str) -> tuple[str, ...]:
    asked = fields.words(document, "capabilities")
    for word in asked:
        check_capability(word, document.place("capabilities"))
    refused = [word for word in asked if word not in project.granted(name)]
    if refused:
        raise SpecError(
            where=document.place("capabilities"),
            found=f"{', '.join(refused)} asked for and not granted",
            expected=f"a line `{name}: {', '.join(refused)}` in the setting compiledai_grants",
            next="have the grant reviewed, then run again",
        )
    return asked


def _syntax(block: Mapping[str, Any], place: reading.At) -> SyntaxSettings:
    reading.known_keys(block, ("mypy", "complexity"), place)
    mypy = block.get("mypy", "strict")
    if mypy not in ("strict", "basic", "off"):
        expected = "strict, basic or off"
        raise SpecError(where=place("mypy"), found=f"mypy: {mypy!r}", expected=expected)
    cap = reading.whole(block, "complexity", 15, place, least=1, most=50)
    return SyntaxSettings(mypy=mypy, complexity=cap)


def _user_files(
    document: Document, project: Project, accuracy: AccuracySettings, fuzz: FuzzSettings
) -> dict[str, str]:
    """Return the texts of the files whose functions the spec names as comparator or reference."""
    named = {own.path for own in accuracy.user_comparators}
    if fuzz.user_reference is not None:
        named.add(fuzz.user_reference[0])
    found: dict[str, str] = {}
    for written in sorted(named):
        path = beside(document, project, "gates", written)
        found[written] = _text(document, project, "gates", path)
    return found


def _check_independent(
    document: Document, candidate: str | None, user_files: Mapping[str, str], fuzz: FuzzSettings
) -> None:
    """Raise ``SpecError`` for a reference that is the candidate: it agrees with all it says."""
    named = fuzz.user_reference
    if candidate is not None and named is not None and user_files[named[0]] == candidate:
        raise SpecError(
            where=document.place("gates", "fuzz", "reference"),
            found=f"reference: {fuzz.reference!r}, whose text is the candidate's",
            expected="a program of its own, model, or none",
        )


def _call_tables(document: Document, project: Project, name: str) -> dict[str, Table]:
    """Return the recorded calls, from `<unit>.<call>.jsonl` beside the golden rows."""
    folder = Path(fields.text(document, "golden")).parent
    tables: dict[str, Table] = {}
    for call in call_names(fields.words(document, "capabilities")):
        relative = (folder / f"{name}.{call}.jsonl").as_posix()
        path = beside(document, project, "capabilities", relative)
        tables[call] = read_table(read_beside(document, project, "capabilities", path), path)
    return tables
