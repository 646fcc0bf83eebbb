"""The text of a lock that is not, or not only, good TOML: whose table is what a message names."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from collections.abc import Sequence
from dataclasses import dataclass

from pytest_compiledai.core.errors import LockError
from pytest_compiledai.core.place import Place

_HEADER = re.compile(r'^\[artifact\."?([A-Za-z0-9_.-]+)"?\][ \t]*$')
_MARKER = re.compile(r"^(<{7}|={7}|>{7}|\|{7})( |$)")
_KEY = re.compile(r"^([A-Za-z0-9_-]+)[ \t]*=")
_STRING = re.compile(r'"(?:[^"\\]|\\.)*+"')
_MOST_DOTS = 3  # outside strings in one line; the writer needs one
_SHOWN = 8  # names in one message


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """The lines from one table's header to the next."""

    name: str
    line: int  # 1-based, of the header
    text: str  # with one final newline


def tables(text: str) -> tuple[Table, ...]:
    """Return the tables of ``text`` in its order, whether or not it is good TOML."""
    lines = text.split("\n")
    heads = [
        (number, match[1]) for number, line in enumerate(lines) if (match := _HEADER.match(line))
    ]
    ends = [number for number, _ in heads] + [len(lines)]
    return tuple(
        Table(name=name, line=start + 1, text="\n".join(lines[start:end]).rstrip("\n") + "\n")
        for (start, name), end in zip(heads, ends[1:], strict=True)
    )


def conflict_fault(text: str, path: str) -> LockError | None:
    """Return the error for the conflict markers that a merge left in ``text``, if there are any."""
    if "<<<<<<<" not in text and ">>>>>>>" not in text and "=======" not in text:
        return None
    lines = text.split("\n")
    marks = [number for number, line in enumerate(lines) if _MARKER.match(line)]
    if not marks:
        return None
    return LockError(
        where=Place(path=path, line=marks[0] + 1),
        found=f"conflict markers of a merge, in the tables of {_listed(_between(lines))}",
        expected="a merged lock",
        next=f"`git checkout --ours {path}` (or `--theirs`), then `pytest --compile specs/`",
    )


def has_dotted_keys(text: str) -> bool:
    """Return whether a line has a dotted key that the writer never writes.

    The standard library's parser takes quadratic time over the parts of such a key: more than a
    minute for 120 kB.
    """
    return any(
        line.count(".") > _MOST_DOTS and _STRING.sub("", line).count(".") > _MOST_DOTS
        for line in text.split("\n")
    )


def unreadable_fault(text: str, path: str, reason: str) -> LockError:
    """Return the error for ``text`` that is no TOML: a table twice, a key twice, or the reason."""
    found = tables(text)
    counts = Counter(table.name for table in found)
    twice = sorted(name for name, count in counts.items() if count > 1)
    if twice:
        second = [table.line for table in found if table.name == twice[0]][1]
        return LockError(
            where=Place(path=path, line=second),
            found=f"two tables of {_listed(twice)}, as a union merge leaves them",
            expected="one table an artifact",
            next=f"`git checkout --ours {path}` (or `--theirs`), then "
            f"`pytest --compile specs/ -k {twice[0]}`",
        )
    mixed = [table for table in found if _repeats_key(table)]
    if mixed:
        return LockError(
            where=Place(path=path, line=mixed[0].line),
            found=f"half-merged tables of {_listed([table.name for table in mixed])}: a key twice",
            expected="each key once",
            next=f"`git checkout --ours {path}` (or `--theirs`), then "
            f"`pytest --compile specs/ -k {mixed[0].name}`",
        )
    return LockError(
        where=path,
        found=f"no TOML: {reason[:200].lower()}",
        expected="a lock as it was written",
        next=f"`git checkout -- {path}`",
    )


def _between(lines: Sequence[str]) -> list[str]:
    """Return the names of the tables that have a line between conflict markers."""
    return sorted(set(_conflicting(lines)))


def _conflicting(lines: Sequence[str]) -> Iterator[str]:
    current, inside = "", False
    for line in lines:
        header = _HEADER.match(line)
        current = header[1] if header else current
        if line.startswith(">>>>>>>"):
            inside = False
        elif _MARKER.match(line):
            inside = True
        elif inside and current and line:
            yield current


def _repeats_key(table: Table) -> bool:
    keys = [match[1] for line in table.text.split("\n") if (match := _KEY.match(line))]
    return len(keys) != len(set(keys))


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(f"`{name[:64]}`" for name in names[:_SHOWN]) or "no artifact"
    return f"{shown} and {len(names) - _SHOWN} more" if len(names) > _SHOWN else shown
