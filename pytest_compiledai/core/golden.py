"""Golden rows: the inputs whose right outputs are known, one JSON object a line."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from typing import Final

from pytest_compiledai.core.canonical import canonical_json
from pytest_compiledai.core.errors import SpecError
from pytest_compiledai.core.place import Place
from pytest_compiledai.core.schema import Schema
from pytest_compiledai.core.split import Shares
from pytest_compiledai.core.split import Split
from pytest_compiledai.core.strictjson import StrictJSONError
from pytest_compiledai.core.strictjson import read_json
from pytest_compiledai.core.words import shown

__all__ = ["Row", "Shares", "Split", "read_golden"]

FILE_CAP: Final = 64_000_000  # bytes
LINE_CAP: Final = 256_000  # bytes
ID_CAP: Final = 200  # characters of an id or a group
PROBLEM_CAP: Final = 20  # problems told of one file

_NEEDED: Final = ("id", "input", "output")
_KEYS: Final = (*_NEEDED, "group", "split")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One golden row."""

    id: str  # unique in its file
    input: Any
    output: Any  # None in a row of a function: no answer is right, the input has to be refused
    group: str | None = None  # rows of one group share a split
    split: Split
    place: Place
    key: bytes  # canonical JSON of the input

    @property
    def demands_abstention(self) -> bool:
        """Whether the right answer is none."""
        return self.output is None

    @property
    def line(self) -> int:
        """The 1-based line in the file."""
        return self.place.line


class _Faults:
    """What is amiss in one file: all of it counted, the first of it kept."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.kept: list[SpecError] = []
        self.count = 0

    def tell(self, line: int, field: str = "", *, found: str, expected: str) -> None:
        """Count one fault at a line, and a field where there is one."""
        self.count += 1
        if len(self.kept) < PROBLEM_CAP:
            where = f"{Place(path=self.path, line=line)} {field}".rstrip()
            self.kept.append(SpecError(where=where, found=found, expected=expected))

    def error(self) -> SpecError:
        """Return the one error: the first fault, the others listed after it."""
        first, rest = self.kept[0], self.kept[1:]
        if not rest:
            return first
        told = "".join(f"\n  {fault}" for fault in rest)
        more = f"\n  and {self.count - PROBLEM_CAP} more" if self.count > PROBLEM_CAP else ""
        following = f"mend this and what follows{told}{more}"
        return SpecError(
            where=first.where, found=first.found, expected=first.expected, next=following
        )


Tell = Callable[..., None]  # _Faults.tell


def read_golden(
    data: bytes,
    path: str,
    *,
    input: Schema,  # noqa: A002 - the word of a row
    output: Schema,
    shares: Shares,
    abstentions: bool = False,
) -> tuple[Row, ...]:
    """Return the rows of a golden file, in order.

    With ``abstentions`` the output of a row may be null, whatever the schema: that input has to be
    refused. Raises one ``SpecError`` that tells up to 20 problems, each led by its line and field.
    """
    if len(data) > FILE_CAP:
        found = f"a file of {len(data)} bytes"
        raise SpecError(where=path, found=found, expected=f"at most {FILE_CAP} bytes")
    faults = _Faults(path)
    schemas = {"input": input, "output": output}
    rows = []
    for line, text in _lines(data, faults.tell):
        record = _record(line, text, faults.tell)
        if record is None:
            continue
        asked = ["input"] if abstentions and record["output"] is None else list(schemas)
        if _fits(line, record, {key: schemas[key] for key in asked}, faults.tell):
            rows.append(_row(record, Place(path=path, line=line), shares))
    _check_together(rows, faults.tell)
    if not rows and not faults.count:
        faults.tell(0, found="no rows", expected="one JSON object a line")
    if faults.count:
        raise faults.error()
    return tuple(rows)


def _lines(data: bytes, tell: Tell) -> Iterator[tuple[int, str]]:
    """Yield the lines with content and their numbers; only the end may be blank."""
    lines = data.rstrip(b" \t\r\n").split(b"\n") if data.strip() else []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            tell(number, found="a blank line", expected="one JSON object a line")
        elif len(line) > LINE_CAP:
            tell(number, found=f"a line of {len(line)} bytes", expected=f"at most {LINE_CAP}")
        else:
            try:
                yield number, line.decode("utf-8")
            except UnicodeDecodeError as error:
                tell(number, found=f"bytes that are not UTF-8 ({error.reason})", expected="UTF-8")


def _record(line: int, text: str, tell: Tell) -> Mapping[str, Any] | None:
    """Return a row's record if its own keys are in order."""
    try:
        record = read_json(text)
    except StrictJSONError as error:
        tell(line, found=str(error), expected="one JSON object a line")
        return None
    if not isinstance(record, dict):
        tell(line, found=shown(record), expected="an object")
        return None
    missing = [key for key in _NEEDED if key not in record]
    unknown = [key for key in record if key not in _KEYS]
    for key in missing:
        tell(line, key, found="nothing", expected=f"the keys {', '.join(_NEEDED)}")
    for key in unknown:
        tell(line, found=f"the key {shown(key)}", expected=f"one of {', '.join(_KEYS)}")
    names = [key for key in ("id", "group") if key in record and not _is_name(record[key])]
    for key in names:
        expected = f"a printable text of 1 to {ID_CAP} characters"
        tell(line, key, found=shown(record[key]), expected=expected)
    bad_split = "split" in record and record["split"] not in list(Split)
    if bad_split:
        expected = f"one of {', '.join(Split)}"
        tell(line, "split", found=shown(record["split"]), expected=expected)
    return None if missing or unknown or names or bad_split else record


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= ID_CAP and value.isprintable()


def _fits(line: int, record: Mapping[str, Any], schemas: Mapping[str, Schema], tell: Tell) -> bool:
    """Return whether input and output conform, after telling where they do not."""
    good = True
    for key, schema in schemas.items():
        for problem in schema.problems(record[key]):
            good = False
            dot = "." if problem.path and not problem.path.startswith("[") else ""
            field = f"{key}{dot}{problem.path}"
            tell(line, field, found=problem.found, expected=problem.expected)
    return good


def _row(record: Mapping[str, Any], place: Place, shares: Shares) -> Row:
    key = canonical_json(record["input"])
    group = record.get("group")
    hashed = key if group is None else group.encode("utf-8")
    split = Split(record["split"]) if "split" in record else shares.assign(hashed)
    return Row(
        id=record["id"],
        input=record["input"],
        output=record["output"],
        group=group,
        split=split,
        place=place,
        key=key,
    )


def _check_together(rows: list[Row], tell: Tell) -> None:
    """Tell where a row contradicts an earlier one, naming both lines."""
    ids: dict[str, Row] = {}
    inputs: dict[bytes, Row] = {}
    groups: dict[str, Row] = {}
    for row in rows:
        if (other := ids.setdefault(row.id, row)) is not row:
            found = f"{shown(row.id)}, also the id of line {other.line}"
            tell(row.line, "id", found=found, expected="an id of its own")
        if (other := inputs.setdefault(row.key, row)) is not row:
            _check_twins(row, other, tell)
        if row.group is None:
            continue
        if (other := groups.setdefault(row.group, row)).split != row.split:
            found = f"{row.split}, but its group is {other.split} since line {other.line}"
            tell(row.line, "split", found=found, expected="one split for a whole group")


def _check_twins(row: Row, other: Row, tell: Tell) -> None:
    if canonical_json(row.output) != canonical_json(other.output):
        found = f"another output than line {other.line} has for the same input"
        tell(row.line, "output", found=found, expected="one output for an input")
    elif row.split != other.split:
        found = f"{row.split}, but line {other.line} has the same input and is {other.split}"
        tell(row.line, "split", found=found, expected="one split for equal inputs")
