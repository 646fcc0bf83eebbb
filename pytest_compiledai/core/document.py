"""Strict YAML: the documents of a spec file, with the line of every key and item.

Works on parser events, so nothing is built before it was checked: no tag, anchor, alias, merge
key or directive, no key twice, no scalar that readers take for different things, bounded size and
depth.
"""

from __future__ import annotations

import pathlib
import re
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from pytest_compiledai.core.errors import SpecError
from pytest_compiledai.core.place import Place
from pytest_compiledai.core.scalar import SurprisingScalar
from pytest_compiledai.core.scalar import plain_scalar

HEADER = "compiledai"
VERSION = 1
SIZE_CAP = 256_000  # bytes of a spec file
DEPTH_CAP = 64  # mappings and lists inside one another
#: Keys, values, starts and ends in one file. The parser takes some 20 us an event, so that bytes
#: alone would allow seconds; a spec of the usual size has a hundred or two.
EVENTS_CAP = 30_000

Path = tuple[str | int, ...]

#: Where the plain word ``off`` is the surface itself (`accuracy: off`), read as the text "off".
_OFF_WAY = ("gates", "<gate>")
_OFF_TYPES = ("gates", "syntax", "mypy")

_BOM = b"\xef\xbb\xbf"
# Possessive throughout: a line of a thousand spaces took four seconds.
_HEADER_LINE = re.compile(rb"\s*+(?:---\s)?+\s*+(?:\?\s++)?+\{?+\s*+([\"']?)compiledai\1\s*+:")
_SKIPPED_LINE = re.compile(rb"\s*+(?:#.*|---(?:\s++(?:#.*)?)?|%.*)?", re.DOTALL)
#: Control characters, line ends that only some editors count, bidirectional controls (they make a
#: reviewer read something else than the parser), and what YAML itself forbids.
_REFUSED = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\ufffe\uffff]"
)
_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One spec: plain data, and where each part of it stands in its file."""

    path: str
    line: int  # of its first key
    data: Mapping[str, Any]
    lines: Mapping[Path, int]  # of every key and item, by the way from the root

    def place(self, *keys: str | int) -> Place:
        """Return the place of the key or item, or of the nearest one around it that stands."""
        for end in range(len(keys), 0, -1):
            if keys[:end] in self.lines:
                return Place(path=self.path, line=self.lines[keys[:end]])
        return Place(path=self.path, line=self.line)

    def at(self, *inside: str) -> Callable[..., Place]:
        """Return what gives the place of keys below ``inside``."""
        return lambda *keys: self.place(*inside, *keys)


def is_spec(data: bytes) -> bool:
    """Return whether the first document's first key is ``compiledai``; never raises.

    Looks no further than the first line with content, so it is cheap on any YAML.
    """
    start = len(_BOM) if data.startswith(_BOM) else 0
    while start < len(data):
        newline = data.find(b"\n", start)
        end = len(data) if newline < 0 else newline + 1
        line = data[start : min(end, start + 1000)]
        if _HEADER_LINE.match(line):
            return True
        if not _SKIPPED_LINE.fullmatch(line):
            return False
        start = end
    return False


def read_documents(data: bytes, path: str) -> tuple[Document, ...]:
    """Return the specs in ``data``, in order; raises ``SpecError`` at the first thing amiss."""
    documents = tuple(_Reader(_decode(data, path), path).documents())
    if not documents:
        raise SpecError(where=path, found="no document", expected=f"`{HEADER}: {VERSION}`")
    for document in documents:
        _check_header(document)
    return documents


def first_of_kind(path: pathlib.Path, root: pathlib.Path, kind: str) -> Document:
    """Return the first spec of ``kind`` in a file below ``root``. Raises ``SpecError`` for none."""
    relative = path.resolve().relative_to(root).as_posix()
    for document in read_documents(path.read_bytes(), relative):
        if document.data.get("kind") == kind:
            return document
    raise SpecError(where=relative, found=f"no {kind}", expected=f"`kind: {kind}`")


def _check_header(document: Document) -> None:
    first = next(iter(document.data), None)
    if first != HEADER:
        found = f"a document that begins with `{first}`" if document.data else "an empty document"
        raise SpecError(
            where=document.place(*([] if first is None else [first])),
            found=found,
            expected=f"`{HEADER}: {VERSION}` as the first key of every document in the file",
        )
    version = document.data[HEADER]
    if type(version) is not int or version != VERSION:
        newer = type(version) is int and version > VERSION
        raise SpecError(
            where=document.place(HEADER),
            found=f"`{HEADER}: {_shown(version)}`",
            expected=f"{VERSION}",
            next="upgrade pytest-compiledai" if newer else "",
        )


def _shown(value: object) -> str:
    return repr(value) if isinstance(value, str | int | float) else type(value).__name__


def _decode(data: bytes, path: str) -> str:
    """Return the text with LF line ends, or raise for bytes no spec may hold."""
    if len(data) > SIZE_CAP:
        found = f"a file of {len(data)} bytes"
        raise SpecError(where=path, found=found, expected=f"at most {SIZE_CAP} bytes")
    if data.startswith(_BOM):
        where = Place(path=path, line=1)
        raise SpecError(where=where, found="a byte order mark", expected="UTF-8 without one")
    try:
        text = data.decode("utf-8").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        where = Place(path=path, line=data.count(b"\n", 0, error.start) + 1)
        found = f"bytes that are not UTF-8 ({error.reason})"
        raise SpecError(where=where, found=found, expected="UTF-8 text") from None
    if hit := _REFUSED.search(text):
        raise _refused(text, hit.start(), path)
    return text


def _refused(text: str, at: int, path: str) -> SpecError:
    code = ord(text[at])
    tab = code == ord("\t")
    return SpecError(
        where=Place(path=path, line=text.count("\n", 0, at) + 1),
        found="a tab" if tab else f"the character U+{code:04X}",
        expected='spaces, or "\\t" in double quotes' if tab else "it as an escape in double quotes",
    )


class _Reader:
    """Builds plain data from the events of one file."""

    def __init__(self, text: str, path: str) -> None:
        self.path = path
        self.events = _events(text, path)
        self.count = 0
        self.line = 1
        self.lines: dict[Path, int] = {}

    def fault(self, line: int, *, found: str, expected: str) -> SpecError:
        """Return the error at a line of this file."""
        return SpecError(where=Place(path=self.path, line=line), found=found, expected=expected)

    def next(self) -> yaml.Event:
        """Return the next event, refused if it carries what a spec may not."""
        event = next(self.events)
        self.line = event.start_mark.line + 1 if event.start_mark else self.line
        self.count += 1
        if self.count > EVENTS_CAP:
            expected = f"at most {EVENTS_CAP} of them in a file: split it"
            raise self.fault(self.line, found="more keys and values", expected=expected)
        if isinstance(event, yaml.AliasEvent):
            raise self.fault(self.line, found="an alias", expected="the value written out")
        if (anchor := getattr(event, "anchor", None)) is not None:
            raise self.fault(self.line, found=f"the anchor &{_cut(anchor)}", expected="no anchor")
        if (tag := getattr(event, "tag", None)) is not None:
            raise self.fault(self.line, found=f"the tag {_cut(tag)}", expected="no tag")
        return event

    def documents(self) -> Iterator[Document]:
        """Yield the documents in order."""
        self.next()  # the start of the stream
        while isinstance(start := self.next(), yaml.DocumentStartEvent):
            if start.version or start.tags:
                raise self.fault(self.line, found="a directive", expected="none")
            yield self.document()
            self.next()  # the end of the document

    def document(self) -> Document:
        """Return the one document that begins here."""
        event = self.next()
        line = self.line
        if not isinstance(event, yaml.MappingStartEvent):
            expected = f"a mapping that begins with `{HEADER}: {VERSION}`"
            raise self.fault(line, found=_kind(event), expected=expected)
        self.lines = {(): line}
        data = self.mapping((), 1)
        return Document(path=self.path, line=line, data=data, lines=self.lines)

    def value(self, event: yaml.Event, way: Path, depth: int) -> Any:
        """Return the value that ``event`` begins."""
        if isinstance(event, yaml.ScalarEvent):
            return self.scalar(event, way)
        if depth >= DEPTH_CAP:
            expected = f"at most {DEPTH_CAP} mappings and lists inside one another"
            raise self.fault(self.line, found="deeper nesting", expected=expected)
        if isinstance(event, yaml.MappingStartEvent):
            return self.mapping(way, depth + 1)
        return self.sequence(way, depth + 1)

    def mapping(self, way: Path, depth: int) -> dict[str, Any]:
        """Return the mapping whose start was just read."""
        found: dict[str, Any] = {}
        while not isinstance(event := self.next(), yaml.MappingEndEvent):
            line = self.line
            key = self.key(event)
            if key in found:
                first = self.lines[(*way, key)]
                twice = f"the key `{key}` twice (lines {first} and {line})"
                raise self.fault(line, found=twice, expected="each key once")
            self.lines[(*way, key)] = line
            found[key] = self.value(self.next(), (*way, key), depth)
        return found

    def sequence(self, way: Path, depth: int) -> list[Any]:
        """Return the list whose start was just read."""
        found: list[Any] = []
        while not isinstance(event := self.next(), yaml.SequenceEndEvent):
            item = (*way, len(found))
            self.lines[item] = self.line
            found.append(self.value(event, item, depth))
        return found

    def key(self, event: yaml.Event) -> str:
        """Return a mapping's key, which must be a string."""
        if not isinstance(event, yaml.ScalarEvent):
            raise self.fault(self.line, found=f"{_kind(event)} as a key", expected="a word")
        key = self.scalar(event, ())
        if not isinstance(key, str):
            found = f"the key {_cut(event.value)}, which is not a string"
            raise self.fault(self.line, found=found, expected="it in quotes")
        return key

    def scalar(self, event: yaml.ScalarEvent, way: Path) -> str | float | bool | None:
        """Return the value of a scalar, plain or quoted."""
        text: str = event.value
        if event.style is not None:
            if _SURROGATE.search(text):
                raise self.fault(self.line, found="half a surrogate pair", expected="a character")
            return text
        if not text:
            name = f" for `{way[-1]}`" if way else ""
            expected = 'a value (null and "" are written out)'
            raise self.fault(self.line, found=f"nothing{name}", expected=expected)
        if text == "off" and _is_switch(way):
            return text
        try:
            return plain_scalar(text)
        except SurprisingScalar as error:
            found = f"the surprising scalar {_cut(text)}"
            raise self.fault(self.line, found=found, expected=str(error)) from None


def _is_switch(way: Path) -> bool:
    """Return whether `off` at a place switches a gate off, or the types of one."""
    is_gate = len(way) == len(_OFF_WAY) and way[0] == _OFF_WAY[0]
    return is_gate or way == _OFF_TYPES


def _events(text: str, path: str) -> Iterator[yaml.Event]:
    """Yield parser events; every complaint of the parser becomes a ``SpecError`` with its line."""
    try:
        # The pure parser: the C one ends the process on deep nesting.
        yield from yaml.parse(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = Place(path=path, line=mark.line + 1 if mark else 0)
        reasons = ", ".join(part for part in (error.problem, error.context) if part)
        raise SpecError(
            where=where, found=f"broken YAML ({_cut(reasons, 200)})", expected="YAML that parses"
        ) from None
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        # ValueError and OverflowError: an escape such as "\UFFFFFFFF" beyond Unicode.
        found = f"broken YAML ({_cut(str(error), 200)})"
        raise SpecError(where=path, found=found, expected="YAML that parses") from None


def _kind(event: yaml.Event) -> str:
    if isinstance(event, yaml.MappingStartEvent):
        return "a mapping"
    if isinstance(event, yaml.SequenceStartEvent):
        return "a list"
    text = getattr(event, "value", "")
    return f"the scalar {_cut(text)}" if text else "nothing"


def _cut(text: str, most: int = 60) -> str:
    return text if len(text) <= most else f"{text[:most]}..."
