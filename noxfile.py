"""One way to run it all: `nox -s check`."""

from __future__ import annotations

import nox

nox.options.default_venv_backend = "none"
nox.options.sessions = ["check"]

PACKAGE = "pytest_compiledai"
CHECKED = (PACKAGE, "tests", "bench", "noxfile.py")
AUDITED = (".github/workflows", "action.yml", "templates/compile.yml", "templates/comment.yml")

#: Hundreds of tests start a pytest; without kept bytecode each of them compiles this package again.
KEPT = {"PYTHONDONTWRITEBYTECODE": ""}


@nox.session
def check(session: nox.Session) -> None:
    """Format, lint, types, tests, workflow audit."""
    lint(session)
    types(session)
    tests(session)
    workflows(session)


@nox.session
def lint(session: nox.Session) -> None:
    """Check format and lint."""
    session.run("ruff", "format", "--check", *CHECKED)
    session.run("ruff", "check", *CHECKED)


@nox.session
def types(session: nox.Session) -> None:
    """Check types."""
    session.run("mypy", PACKAGE)


@nox.session
def tests(session: nox.Session) -> None:
    """Run the test suite; a worker that is done takes over what waits for the other."""
    session.run(
        "python", "-m", "pytest", "-n", "2", "--dist", "worksteal", *session.posargs, env=KEPT
    )


@nox.session
def workflows(session: nox.Session) -> None:
    """Audit the workflows, the action and the templates."""
    session.run("zizmor", "--offline", "--quiet", *AUDITED)
