"""What two revisions of a unit promise differently: settings, files and golden rows.

A promise is `looser` where it lets more through than before by its own direction: a lower
threshold, a larger budget, a gate that is off, a row that is gone. Whether another change, of a
description or of a schema, asks for less is for its reader to say.
"""

from __future__ import annotations

import dataclasses
import json
import posixpath
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from typing import Any
from typing import Final

from pytest_compiledai.core.canonical import canonical_json
from pytest_compiledai.core.canonical import digest
from pytest_compiledai.core.document import read_documents
from pytest_compiledai.core.errors import SpecError
from pytest_compiledai.core.fields import gate_blocks
from pytest_compiledai.core.fields import mapping
from pytest_compiledai.core.fields import schema
from pytest_compiledai.core.fields import shares
from pytest_compiledai.core.fields import text
from pytest_compiledai.core.fields import words
from pytest_compiledai.core.gate import DRIFT
from pytest_compiledai.core.gate import GATES
from pytest_compiledai.core.golden import read_golden
from pytest_compiledai.functions.capabilities import call_names
from pytest_compiledai.gates.accuracy import AccuracySettings
from pytest_compiledai.gates.comparators import USER
from pytest_compiledai.gates.fuzz import FuzzSettings
from pytest_compiledai.gates.latency import LatencySettings
from pytest_compiledai.gates.syntax import SyntaxSettings

if TYPE_CHECKING:
    from pytest_compiledai.commands.revision import Revision
    from pytest_compiledai.core.document import Document
    from pytest_compiledai.core.entry import Entry
    from pytest_compiledai.core.golden import Row

OFF: Final = "off"
_CUT: Final = 60  # characters of one value


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """One promise with what it was before and after; "" where there was or is none."""

    what: str
    before: str
    after: str
    looser: bool

    def __str__(self) -> str:
        mark = "looser" if self.looser else "other"
        return f"  {mark:<6} {self.what}: {self.before or 'nothing'} -> {self.after or 'nothing'}"


def changed_promises(
    before: Revision, old: Entry, after: Revision, new: Entry
) -> tuple[Promise, ...]:
    """Return what changed, the looser first. Raises ``SpecError`` for a spec now unreadable."""
    now = _Stated(after, new)
    try:
        was = _Stated(before, old)
    except SpecError as error:
        told = f"unreadable, {error.where}: found {error.found}"
        return (Promise(what="spec", before=told, after="read", looser=False),)
    found = [*_settings(was.settings, now.settings), *_rows(was.rows, now.rows)]
    return tuple(sorted(found, key=lambda promise: not promise.looser))


class _Stated:
    """What one revision states of a unit."""

    def __init__(self, revision: Revision, entry: Entry) -> None:
        self._revision = revision
        self._folder = posixpath.dirname(entry.spec)
        document = self._document(entry)
        self.settings = {**_plain(document), **_of_entry(entry)}
        self.rows: tuple[Row, ...] = ()
        if entry.kind == "function":
            blocks, off = gate_blocks(document, (*GATES, DRIFT))
            self.settings |= _of_gates(document, blocks, off)
            self.settings |= dict(self._texts(document, blocks))
            self.rows = self._golden(document, blocks)

    def _document(self, entry: Entry) -> Document:
        data = self._revision.read(entry.spec)
        documents = read_documents(data, entry.spec) if data is not None else ()
        for document in documents:
            if document.data.get("name") == entry.name.partition(".")[0]:
                return document
        where, found = f"{entry.spec} of {self._revision.shown}", f"no spec of {entry.name}"
        raise SpecError(where=where, found=found, expected="one")

    def _texts(
        self, document: Document, blocks: Mapping[str, Mapping[str, Any]]
    ) -> Iterator[tuple[str, str]]:
        """Yield the digests of the files whose functions compare or answer, and of told calls."""
        stated = [*_leaves(blocks.get("accuracy", {}).get("metric", {}))]
        stated.append(blocks.get("fuzz", {}).get("reference"))
        for value in stated:
            named = USER.fullmatch(value) if isinstance(value, str) else None
            if named:
                yield self._text(named["path"])
        golden = posixpath.dirname(text(document, "golden"))
        for call in call_names(words(document, "capabilities")):
            name = text(document, "name")
            yield self._text(posixpath.join(golden, f"{name}.{call}.jsonl"))

    def _text(self, path: str) -> tuple[str, str]:
        data = self._revision.read(self._beside(path))
        return f"text of {path}", digest(data or b"")[:12]

    def _golden(
        self, document: Document, blocks: Mapping[str, Mapping[str, Any]]
    ) -> tuple[Row, ...]:
        path = self._beside(text(document, "golden"))
        data = self._revision.read(path)
        if data is None:
            where = f"{path} of {self._revision.shown}"
            raise SpecError(where=where, found="no file", expected="golden rows")
        return read_golden(
            data,
            path,
            input=schema(document, "input"),
            output=schema(document, "output", closed=True),
            shares=shares(document, blocks),
            abstentions=True,
        )

    def _beside(self, path: str) -> str:
        return posixpath.normpath(posixpath.join(self._folder, path))


def _of_entry(entry: Entry) -> dict[str, Any]:
    """Return what the lock says beside the spec.

    The evidence moves with rows, policies and tools, and where nothing else changed it tells of
    the recordings that a verdict rests on.
    """
    return {
        "kind": entry.kind,
        "spec": entry.spec,
        "gates and versions": list(entry.gates),
        "proposer": entry.proposer,
        "evidence": entry.evidence[:12],
    }


def _leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, Mapping):
        for item in value.values():
            yield from _leaves(item)
    else:
        yield value


def _plain(document: Document) -> dict[str, Any]:
    """Return the keys of a spec as they stand, each key of a gate by itself."""
    data = {key: value for key, value in document.data.items() if key not in ("gates", "kind")}
    for gate, block in mapping(document, "gates").items():
        known = block if isinstance(block, Mapping) else {"": block}
        data |= {f"gates.{gate}.{key}".rstrip("."): value for key, value in known.items()}
    return data


def _of_gates(
    document: Document, blocks: Mapping[str, Mapping[str, Any]], off: tuple[str, ...]
) -> dict[str, Any]:
    """Return what holds for each gate of a function, defaults included."""
    known: dict[str, Any] = {
        "syntax": SyntaxSettings(**blocks.get("syntax", {})),
        "accuracy": AccuracySettings.parse(
            blocks.get("accuracy", {}), document.at("gates", "accuracy")
        ),
        "latency": LatencySettings.parse(
            blocks.get("latency", {}), document.at("gates", "latency")
        ),
        "fuzz": FuzzSettings.parse(blocks.get("fuzz", {}), document.at("gates", "fuzz")),
    }
    found: dict[str, Any] = {f"gates.{gate}": OFF if gate in off else "on" for gate in known}
    for gate, settings in known.items():
        stated = blocks.get(gate, {})
        names = [each.name for each in dataclasses.fields(settings) if each.name != "places"]
        if gate not in off:
            values = {name: stated.get(name, getattr(settings, name)) for name in names}
            found |= {f"gates.{gate}.{name}": value for name, value in values.items()}
    return found


def _settings(was: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[Promise]:
    for key in sorted({*was, *now}):
        old, new = was.get(key), now.get(key)
        gate = ".".join(key.split(".")[:2])
        if canonical_json(old) == canonical_json(new) or _is_told(key, gate, was, now):
            continue
        looser = key in _LOOSER and _LOOSER[key](old, new)
        what = _shown(key)
        yield Promise(what=what, before=_shown(old), after=_shown(new), looser=looser)


def _is_told(key: str, gate: str, was: Mapping[str, Any], now: Mapping[str, Any]) -> bool:
    """Return whether that the gate went on or off says it all."""
    return key != gate and was.get(gate, "on") != now.get(gate, "on")


def _is_less(old: Any, new: Any) -> bool:
    return bool((new or 0) < (old or 0))


def _is_more(old: Any, new: Any) -> bool:
    return bool(new > old)


def _is_off(old: Any, new: Any) -> bool:
    return bool(new == OFF != old)


def _before(*order: str) -> Callable[[Any, Any], bool]:
    """Return whether a word of ``order``, from the loosest on, became an earlier one.

    What is none of them, a project's own file, stands beside the strictest.
    """

    def rank(value: Any) -> int:
        return order.index(value) if value in order else len(order) - 1

    return lambda old, new: rank(new) < rank(old)


def _compares_less(old: Any, new: Any) -> bool:
    """Return whether a field that was compared exactly, or otherwise, has another comparator."""
    return any(old.get(path, "exact") != made != "exact" for path, made in new.items())


#: Whether a change is looser, by what changed; what is not listed has no direction of its own.
_LOOSER: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    **{f"gates.{gate}": _is_off for gate in ("accuracy", "latency", "fuzz")},
    **{f"gates.accuracy.{key}": _is_less for key in ("threshold", "coverage", "confidence")},
    **{f"gates.fuzz.{key}": _is_less for key in ("examples", "reference_examples", "agreement")},
    **{f"gates.latency.{key}": _is_more for key in ("p50_ms", "p99_ms")},
    "gates.syntax.complexity": _is_more,
    "gates.syntax.mypy": _before("off", "basic", "strict"),
    "gates.fuzz.reference": _before("none", "model"),
    "gates.accuracy.metric": _compares_less,
    "gates.accuracy.split": lambda old, new: bool(new["test"] < old["test"]),
    "capabilities": lambda old, new: not set(new or ()) <= set(old or ()),
}


def _rows(was: tuple[Row, ...], now: tuple[Row, ...]) -> Iterator[Promise]:
    """Yield what became of each golden row; rows are known by their input."""
    old, new = ({row.key: row for row in rows} for rows in (was, now))
    for key, row in old.items():
        what = f"golden row {row.id}"
        if key not in new:
            yield Promise(what=what, before=_row(row), after="", looser=True)
        elif _row(row) != _row(new[key]):
            yield Promise(what=what, before=_row(row), after=_row(new[key]), looser=False)
    added = len(new.keys() - old.keys())
    if added:
        what = "golden rows of other inputs"
        yield Promise(what=what, before="", after=f"{added} added", looser=False)


def _row(row: Row) -> str:
    return f"{row.split} {_shown(row.output) or 'an abstention'}"


def _shown(value: Any) -> str:
    """Return a value on one line; a long one ends in what tells it from another long one."""
    if value is None:
        return ""
    shown = value if isinstance(value, str) and value.isprintable() else json.dumps(value)
    return shown if len(shown) <= _CUT else f"{shown[:_CUT]}... ({digest(shown.encode())[:8]})"
