"""Writes the reports that were asked for, each in the form that its suffix names."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Sequence
from pathlib import Path

from pytest_compiledai.core.errors import ArtifactError
from pytest_compiledai.core.files import atomic_write
from pytest_compiledai.report import document
from pytest_compiledai.report import markdown
from pytest_compiledai.report import page
from pytest_compiledai.report import sarif
from pytest_compiledai.report.facts import Facts

FORMS: dict[str, Callable[[Facts], bytes]] = {
    ".json": lambda facts: document.render(facts.results),
    ".html": page.render,
    ".sarif": sarif.render,
    ".md": markdown.render,
}


def write_reports(paths: Sequence[Path], facts: Facts) -> None:
    """Write every report that was asked for."""
    for path in paths:
        atomic_write(path, FORMS[path.suffix](facts))


def write_foreign(paths: Sequence[Path], facts: Facts, *, where: str) -> None:
    """Write reports of results that may have been edited.

    Raises ``ArtifactError`` for figures that no gate writes.
    """
    try:
        forms = [(path, FORMS[path.suffix](facts)) for path in paths]
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise ArtifactError(
            where=where,
            found=f"figures of a verdict that no report can tell ({error!r:.200})",
            expected="figures as a gate writes them",
            next="run the gates again",
        ) from None
    for path, data in forms:
        atomic_write(path, data)
