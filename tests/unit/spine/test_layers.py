"""The house itself: which way imports point, what is public, and what no file may hold."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import pytest_compiledai
from pytest_compiledai.runtime.emit import loader_bytes

PACKAGE = Path(pytest_compiledai.__file__).parent
ROOT = PACKAGE.parent
KINDS = ("functions", "workflows", "kernels", "dialogues", "distill")
SPINE = (".collect", ".controller", ".github", ".run", ".session", ".summary")
#: What each folder may import of this package, beside itself; `.x` is the module x at the top.
ARROWS = {
    "core": set(),
    "sandbox": {"core"},
    "llm": {"core"},
    "gates": {"core", ".assets"},
    "runtime": {"core"},
    "report": {"core", "llm", ".failure", ".summary"},
    **{kind: {"core", "gates", "llm", "sandbox"} for kind in KINDS},
    # Live profiling is handed to other processes; the two modules know `core` and `llm` alone.
    "workflows": {"core", "gates", "llm", "sandbox", ".ahead", ".fanout"},
    "kernels": {"core", "gates", "llm", "sandbox", ".assets"},  # families of kernels are data
    "drafts": {"core"},
    "audit": {"core", "functions", "llm"},
    "commands": {
        *("audit", "core", "dialogues", "drafts", "functions", "gates", "llm", "sandbox"),
        "report",  # what `report` writes again
        *(".counterexamples", ".failure", ".settings", ".trust"),
        *(".rejudged", ".run", ".weakspots"),  # `explain` stands on a run in locked mode
        *(".spent", ".summary"),  # and reckons as the summary does
    },
    "ci": {"core", "gates", "llm", "report", "runtime", ".fanout", *SPINE},
}
HEAVY = {"bandit", "docker", "httpx", "hypothesis", "litellm", "mypy", "openai", "semgrep"}
#: What would tell where, or with whose help, a file was made; rows of data may hold any path.
TELLING = {
    "paths": re.compile(r"(?<![\w/.])(/(root|home|work|Users)/\w|[A-Z]:\\Users\\)"),
    "vendors": re.compile("(?i)" + "|".join(("cla" + "ude", "chat" + "gpt", "co" + "pilot"))),
}
DATA = ("fixtures", "corpus", "recordings", "golden", "data")


def modules(folder: Path = PACKAGE) -> list[Path]:
    return sorted(path for path in folder.rglob("*.py") if "_assets" not in path.parts)


def imported(tree: ast.AST) -> Iterator[str]:
    """Yield the full names of the modules that a tree imports, wherever in it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                continue  # from its own folder
            inside = node.module == PACKAGE.name
            yield from (
                f"{node.module}.{a.name}" if inside else f"{node.module}" for a in node.names
            )


def loaded_at_once(tree: ast.Module) -> Iterator[str]:
    """Yield what importing a module imports: nothing in a function or behind TYPE_CHECKING."""
    for node in tree.body:
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            bodies = [n for n in ast.walk(node) if isinstance(n, ast.FunctionDef)]
            local = {id(inner) for body in bodies for inner in ast.walk(body)}
            parts = [n for n in ast.walk(node) if id(n) not in local]
            yield from imported(
                ast.Module(body=[n for n in parts if is_import(n)], type_ignores=[])
            )


def is_import(node: ast.AST) -> bool:
    return isinstance(node, ast.Import | ast.ImportFrom)


def home(name: str) -> str | None:
    """Return the folder, or `.module`, of this package that a full name lies in."""
    parts = name.split(".")
    if parts[0] != PACKAGE.name or len(parts) == 1:
        return None
    return parts[1] if (PACKAGE / parts[1]).is_dir() else f".{parts[1]}"


def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def test_every_folder_has_its_arrows():
    """A folder that is added is given a place among the others."""
    folders = {
        path.parent.relative_to(PACKAGE).parts[0] for path in modules() if path.parent != PACKAGE
    }

    assert folders <= set(ARROWS)


@pytest.mark.parametrize("folder", sorted(ARROWS))
def test_arrows_of_import_point_one_way(folder):
    """A folder imports what lies below it, even behind TYPE_CHECKING, and no kind another."""
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in modules(PACKAGE / folder)
        for name in imported(parsed(path))
        if home(name) not in ARROWS[folder] | {folder, None}
    ]

    assert wrong == []


def test_assets_lie_below_everything():
    """What gates may import of the top folder imports core alone."""
    assert {home(name) for name in imported(parsed(PACKAGE / "assets.py"))} <= {"core", None}


@pytest.mark.parametrize("folder", ["core", "gates", "llm", "sandbox", "report", "runtime", *KINDS])
def test_pytest_is_known_to_the_spine_alone(folder):
    """Nothing below the spine imports pytest."""
    names = {
        name.split(".")[0] for path in modules(PACKAGE / folder) for name in imported(parsed(path))
    }

    assert not names & {"pytest", "_pytest", "xdist"}


def test_nothing_private_of_pytest_is_used():
    """Only pytest's public names are imported, anywhere."""
    names = {name.split(".")[0] for path in modules() for name in imported(parsed(path))}

    assert not names & {"_pytest", "pluggy", "xdist"}


def test_the_loader_needs_the_standard_library_alone():
    """What ships beside artifacts runs where nothing else is installed."""
    names = {name.split(".")[0] for name in imported(ast.parse(loader_bytes()))}

    assert names
    assert names - {"opentelemetry"} <= sys.stdlib_module_names  # a `try` that may fail


def test_heavy_packages_are_imported_where_they_are_needed():
    """No module of ours loads one of them when it is imported itself."""
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in modules()
        for name in loaded_at_once(parsed(path))
        if name.split(".")[0] in HEAVY
    ]

    assert wrong == []


def test_the_front_door_loads_pytest_and_options_alone():
    """Every plain run of pytest pays for this import."""
    for name in ("plugin", "options", "hooks"):
        found = {home(n) for n in loaded_at_once(parsed(PACKAGE / f"{name}.py"))}
        assert found <= {None, ".options"}


def test_the_public_names_are_these():
    """A name that is added or taken away is a decision, not an accident."""
    assert pytest_compiledai.__all__ == [
        "Candidate",
        "CompiledAIError",
        "Finding",
        "Gate",
        "Kind",
        "Unit",
        "Verdict",
    ]


@pytest.mark.parametrize("name", pytest_compiledai.__all__)
def test_every_public_name_is_there(name):
    """Names are imported at first use, from a home that has them."""
    assert getattr(pytest_compiledai, name).__name__ == name


def test_another_name_is_no_attribute():
    """A name that is not public is missing in the way of Python."""
    with pytest.raises(AttributeError, match="has no attribute 'Loop'"):
        pytest_compiledai.Loop  # noqa: B018 - the access is the question


@pytest.fixture(scope="module")
def tracked() -> list[Path]:
    """Return the files that git tracks; a copy without git has none to look at."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listed.returncode:
        pytest.skip("no git checkout")
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


@pytest.mark.parametrize("folder", ["gates", "kernels"])
def test_folders_of_data_are_no_packages(tracked, folder):
    """An importable top-level folder would shadow packages of that name."""
    found = [path for path in tracked if path.relative_to(ROOT).parts[0] == folder]

    assert [path for path in found if path.name == "__init__.py"] == []


@pytest.mark.parametrize("kind", TELLING)
def test_no_file_tells_where_it_was_made(tracked, kind):
    """No absolute path of a machine and no vendor's assistant stands in what we wrote."""
    ours = [path for path in tracked if not set(DATA) & set(path.relative_to(ROOT).parts)]

    told = [
        f"{path.relative_to(ROOT)}: {match[0]}"
        for path in ours
        if (match := TELLING[kind].search(path.read_bytes().decode("utf-8", "replace")))
    ]

    assert ours
    assert told == []
