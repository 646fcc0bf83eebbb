"""Reads a JSON report back, for other forms of it.

It holds less than the run knew: no lock diff, no sandbox, no price of a direct call. What is read
may have been edited by anybody; it carries no verdict into a run.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from typing import Final

from pytest_compiledai.core.errors import ArtifactError
from pytest_compiledai.core.paths import NAME
from pytest_compiledai.core.result import Cost
from pytest_compiledai.core.result import Outcome
from pytest_compiledai.core.result import Result
from pytest_compiledai.core.result import Trouble
from pytest_compiledai.core.strictjson import read_json
from pytest_compiledai.core.verdict import Finding
from pytest_compiledai.core.verdict import Verdict
from pytest_compiledai.report.document import VERSION

_MOST_BYTES: Final = 32 << 20
_ERROR: Final = re.compile(
    r"(?P<where>.*?): found (?P<found>.*?); expected (?P<expected>.*?)(; next: (?P<next>.*))?",
    re.DOTALL,
)
_TEXTS: Final = ("rule", "message", "path")


def results_of(path: Path) -> tuple[Result, ...]:
    """Return the results that a JSON report tells. Raises ``ArtifactError`` for any other file."""
    try:
        with path.open("rb") as file:
            data = file.read(_MOST_BYTES + 1)
        if len(data) > _MOST_BYTES:
            raise _fault(path, f"more than {_MOST_BYTES >> 20} MiB")
        document = read_json(data.decode("utf-8"))
        check(document["version"] == VERSION, "a version")
        return tuple(map(_result, document["units"]))
    except OSError as error:
        raise _fault(path, error.strerror or str(error)) from None
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise _fault(path, f"no report that can be read: {error!r:.200}") from None


def _result(unit: Mapping[str, Any]) -> Result:
    spec, _, name = unit["id"].rpartition("::")
    check(spec and NAME.fullmatch(name), "a unit's id")
    gates = {gate: _verdict(gate, told) for gate, told in unit["gates"].items()}
    asked = {gate: told for gate, told in unit["gates"].items() if told["outcome"] != "off"}
    counts = (unit["attempts"], unit["tokens"]["in"], unit["tokens"]["out"])
    check(all(type(count) is int and count >= 0 for count in counts), "a number")
    result = Result(
        unit=name,
        kind=_text(unit["kind"]),
        spec=spec,
        line=0,
        outcome=Outcome(unit["outcome"]),
        attempts=counts[0],
        cost=Cost(tokens_in=counts[1], tokens_out=counts[2]),
        verdicts=tuple(verdict for verdict in gates.values() if verdict is not None),
        off=tuple(gate for gate in gates if gate not in asked),
        gates=tuple(asked),
        files={_text(file["path"]): _text(file["sha256"]) for file in unit["artifact"]["files"]},
        trouble=_trouble(unit["error"]) if "error" in unit else None,
    )
    check(not result.accepted or result.failed_gate() is None, "an accepted unit with a fault")
    return result


def _verdict(gate: str, told: Mapping[str, Any]) -> Verdict | None:
    """Return a gate's verdict; None where it was not asked."""
    check(told["outcome"] in ("passed", "failed", "skipped", "off"), "an outcome")
    findings = tuple(map(_finding, told["findings"]))
    check(bool(findings) == (told["outcome"] == "failed"), "an outcome other than its findings")
    check(isinstance(told["figures"], dict), "a table")
    if told["outcome"] in ("skipped", "off"):
        return None
    return Verdict(gate=gate, findings=findings, figures=told["figures"])


def _finding(told: Mapping[str, Any]) -> Finding:
    check(type(told["line"]) is int, "a line")
    rule, message, path = (_text(told[key]) for key in _TEXTS)
    return Finding(rule=rule, message=message, path=path, line=told["line"])


def _trouble(text: str) -> Trouble:
    parts = _ERROR.fullmatch(text)
    if parts is None:
        raise ValueError("an error that is none")
    return Trouble(
        where=parts["where"],
        found=parts["found"],
        expected=parts["expected"],
        next=parts["next"] or "",
    )


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("a text that is none")
    return value


def check(holds: object, what: str) -> None:
    """Raise ``ValueError`` where a claim about what was read does not hold."""
    if not holds:
        raise ValueError(f"{what} that is none")


def _fault(path: Path, found: str) -> ArtifactError:
    return ArtifactError(
        where=path.as_posix(),
        found=found,
        expected="what `--compile-report FILE.json` writes",
        next="pytest --compile-locked specs/ --compile-report report.json",
    )
