"""What a run leaves for the steps after it: results, what changed in the lock, its part.

Other jobs read it to merge reports and to comment. It carries no verdict into a run: whoever
freezes or judges asks every gate again.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_compiledai.ci.shard import Shard
from pytest_compiledai.core.errors import ArtifactError
from pytest_compiledai.core.errors import CompiledAIError
from pytest_compiledai.core.paths import NAME
from pytest_compiledai.core.paths import path_fault
from pytest_compiledai.core.paths import read_plain
from pytest_compiledai.core.result import Result
from pytest_compiledai.core.strictjson import read_json
from pytest_compiledai.llm.redact import redact_values
from pytest_compiledai.report.facts import Facts
from pytest_compiledai.report.places import Places
from pytest_compiledai.report.reading import check
from pytest_compiledai.summary import LockDiff

FILE = "record.json"
FROZEN = "compiledai-frozen"  # the folder of what was frozen, beside the record
RECORDINGS = "compiledai-recordings"  # the folder of what was recorded, beside the record
VERSION = 1
MOST_BYTES = 32 << 20
_MOST_PULLS = 10**9
_WORD = re.compile(r"[a-z][a-z0-9_-]{0,63}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One run, or several merged into one."""

    mode: str
    live: bool
    out: str  # POSIX, relative to the root
    collected: tuple[str, ...]  # units of all parts, sorted
    results: tuple[Result, ...]
    sandboxes: tuple[Mapping[str, str], ...] = ()  # as `summary.sandbox_lines` shows them
    outside: tuple[str, ...] = ()
    diff: LockDiff | None = None
    shard: Shard | None = None
    pull_request: int = 0  # its number; 0 for none

    def facts(self, root: Path) -> Facts:
        """Return what reports are made from, in the project at ``root``."""
        return Facts(
            results=self.results,
            mode=self.mode,
            places=Places(root, root / self.out),
            live=self.live,
            diff=self.diff,
            sandboxes=self.sandboxes,
            outside=self.outside,
        )

    @property
    def good(self) -> bool:
        """Whether every unit passed and nothing failed outside them."""
        return not self.outside and all(result.accepted for result in self.results)

    def changed(self) -> Iterator[Result]:
        """Yield the results whose entries the run added to the lock or changed in it."""
        names = {*self.diff.added, *self.diff.changed} if self.diff else set()
        return (result for result in self.results if result.unit in names)

    def render(self) -> bytes:
        """Return the record as JSON; whatever looks like a key is taken out."""
        values = {
            "version": VERSION,
            "mode": self.mode,
            "live": self.live,
            "out": self.out,
            "pull_request": self.pull_request,
            "shard": str(self.shard) if self.shard else "",
            "collected": list(self.collected),
            "results": [result.as_json() for result in self.results],
            "sandboxes": [dict(sandbox) for sandbox in self.sandboxes],
            "outside": list(self.outside),
            "diff": _diff_as_json(self.diff),
        }
        return f"{json.dumps(redact_values(values), indent=1, ensure_ascii=False)}\n".encode()


def read_record(folder: Path) -> Record:
    """Return the record in ``folder``, which may come from a job that runs anybody's code.

    Raises ``ArtifactError`` for anything that is not as ``render`` writes it.
    """
    try:
        values = read_json(read_plain(folder, FILE, cap=MOST_BYTES).decode("utf-8"))
        return _record(values)
    except FileNotFoundError:
        raise _fault(folder, "no record of a run") from None
    except (OSError, ValueError, TypeError, KeyError, IndexError, AttributeError) as error:
        raise _fault(folder, f"no record that can be read: {error!r:.200}") from None
    except CompiledAIError as error:
        raise _fault(folder, error.found) from None


def _record(values: Mapping[str, Any]) -> Record:
    if values["version"] != VERSION:
        raise ValueError(f"version {values['version']!r:.20}")
    results = tuple(Result.from_json(value) for value in values["results"])
    names = [result.unit for result in results]
    collected = tuple(values["collected"])
    check(len(set(names)) == len(names), "a unit twice")
    check(all(map(_is_name, (*names, *collected))), "a name")
    check(set(names) <= set(collected), "a unit that was not collected")
    for result in results:
        _check_result(result)
    check(isinstance(values["live"], bool) and _is_word(values["mode"]), "a mode")
    check(not path_fault(values["out"]), "a folder")
    number = values["pull_request"]
    check(type(number) is int and 0 <= number < _MOST_PULLS, "a pull request")
    check(all(isinstance(text, str) for text in values["outside"]), "a message")
    sandboxes = tuple(dict(value) for value in values["sandboxes"])
    for sandbox in sandboxes:
        texts = [sandbox[key] for key in ("name", "wall", "reason")]
        check(all(isinstance(text, str) for text in texts), "a sandbox")
    return Record(
        mode=values["mode"],
        live=values["live"],
        out=values["out"],
        collected=collected,
        results=results,
        sandboxes=sandboxes,
        outside=tuple(values["outside"]),
        diff=_diff(values["diff"]),
        pull_request=number,
        shard=Shard.parse(values["shard"]) if values["shard"] else None,
    )


def _check_result(result: Result) -> None:
    gates = [*result.gates, *result.off, *(verdict.gate for verdict in result.verdicts)]
    check(all(map(_is_word, (result.kind, *gates))), "a gate or kind")
    check(not path_fault(result.spec), "a spec")
    numbers = (result.line, result.attempts, result.cost.tokens_in, result.cost.tokens_out)
    check(all(type(number) is int and number >= 0 for number in numbers), "a number")
    entry = {} if result.entry is None else result.entry
    tables = [result.files, entry, *(verdict.figures for verdict in result.verdicts)]
    check(all(isinstance(table, dict) for table in tables), "a table")
    check(all(isinstance(digest, str) for digest in result.files.values()), "a file")
    findings = [finding for verdict in result.verdicts for finding in verdict.findings]
    for finding in findings:
        texts = (finding.rule, finding.message, finding.path)
        check(all(isinstance(text, str) for text in texts), "a finding")
        check(type(finding.line) is int, "a line")


def _is_name(value: object) -> bool:
    return isinstance(value, str) and NAME.fullmatch(value) is not None


def _is_word(value: object) -> bool:
    return isinstance(value, str) and _WORD.fullmatch(value) is not None


def _diff_as_json(diff: LockDiff | None) -> dict[str, Any] | None:
    if diff is None:
        return None
    return {
        "path": diff.path,
        "added": dict(diff.added),
        "changed": {name: list(pair) for name, pair in diff.changed.items()},
        "dropped": list(diff.dropped),
    }


def _diff(value: Mapping[str, Any] | None) -> LockDiff | None:
    if value is None:
        return None
    names = [*value["added"], *value["changed"], *value["dropped"]]
    digests = [*value["added"].values(), *(d for pair in value["changed"].values() for d in pair)]
    check(all(map(_is_name, names)) and not path_fault(value["path"]), "an entry")
    check(all(isinstance(digest, str) for digest in digests), "a digest")
    return LockDiff(
        path=value["path"],
        added=dict(value["added"]),
        changed={name: (old, new) for name, (old, new) in value["changed"].items()},
        dropped=tuple(value["dropped"]),
    )


def _fault(folder: Path, found: str) -> ArtifactError:
    return ArtifactError(
        where=f"{folder.name}/{FILE}",
        found=found,
        expected="what `python -m pytest_compiledai.ci run` leaves in its report folder",
        next="look at the log of the job that ran the gates",
    )
