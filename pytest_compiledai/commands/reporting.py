"""`compiledai report`: shows a JSON report, or writes it in other forms; nothing is run again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pytest_compiledai.core.errors import SettingsError
from pytest_compiledai.report.facts import Facts
from pytest_compiledai.report.places import Places
from pytest_compiledai.report.reading import results_of
from pytest_compiledai.report.write import FORMS
from pytest_compiledai.report.write import write_foreign
from pytest_compiledai.summary import unit_lines


def report(root: Path, out: Path, source: Path, paths: Sequence[Path]) -> int:
    """Show the report, or write ``paths``; return 1 where a unit was not accepted.

    Raises ``ArtifactError`` for a file that is no report, ``SettingsError`` for a form there is
    not.
    """
    for path in paths:
        if path.suffix not in FORMS:
            raise SettingsError(
                where=path.as_posix(),
                found=f"the suffix {path.suffix!r}",
                expected=f"one of {', '.join(FORMS)}",
                next="compiledai report --help",
            )
    facts = Facts(
        results=results_of(source), mode="report", places=Places(root, root / out), live=None
    )
    if paths:
        write_foreign(paths, facts, where=source.as_posix())
    else:
        for line in (*unit_lines(facts.results, verbose=True), *facts.head()):
            print(line.text)  # noqa: T201 - a command speaks
    return int(any(not result.accepted for result in facts.results))
