"""The text that becomes `compiled/__init__.py`: standard library only, light, and told by digest."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

from pytest_compiledai.core import entry
from pytest_compiledai.core import paths
from pytest_compiledai.runtime import loader
from pytest_compiledai.runtime import locktext
from pytest_compiledai.runtime.emit import loader_bytes


def run(code: str, cwd: Path) -> str:
    """Return what ``code`` prints in a fresh interpreter without site packages."""
    command = [sys.executable, "-I", "-S", "-c", f"import sys; sys.path.insert(0, '.')\n{code}"]
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False, timeout=60)
    assert done.stderr == ""
    return done.stdout


OPTIONAL = {"opentelemetry"}  # within a `try`, and only where somebody asks for it


def test_only_the_standard_library_is_imported() -> None:
    """Production needs no package, ours included."""
    tree = ast.parse(loader_bytes())
    imported = {
        (node.module or "" if isinstance(node, ast.ImportFrom) else alias.name).partition(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }

    assert imported - OPTIONAL <= set(sys.stdlib_module_names)


def test_the_import_is_light(package) -> None:
    """Importing the package reads no lock and pulls in no parser, hash or typing machinery."""
    heavy = ["tomllib", "json", "hashlib", "typing", "inspect", "pathlib", "linecache", "ast"]
    # Some versions of Python begin with one of them.
    new = f"[m for m in {heavy} if m in sys.modules and m not in before]"
    code = f"before = set(sys.modules); import {package.name}; print({new})"

    assert run(code, package.root) == "[]\n"


def test_loads_without_site_packages(package) -> None:
    """A bare interpreter is enough."""
    code = f"from {package.name} import route_ticket; print(route_ticket(1)['queue'])"

    assert run(code, package.root) == "tech\n"


def test_importing_the_text_as_a_plain_module_installs_nothing() -> None:
    """Tools and tests may import it: without a package around it no finder is added."""
    assert not any(
        getattr(finder, "prefix", "") == f"{loader.__name__}." for finder in sys.meta_path
    )


def test_the_text_has_one_kind_of_line_ends(package) -> None:
    """Its digest is the same on every system."""
    assert b"\r" not in (package.out / "__init__.py").read_bytes()


def test_no_name_of_the_loader_hides_an_artifact(package) -> None:
    """Whatever an artifact may be called, only the reserved words are taken."""
    taken = {name for name in vars(package.load()) if paths.NAME.fullmatch(name)}

    assert taken == paths.RESERVED


def test_loader_and_lock_agree() -> None:
    """The loader cannot import the lock's reader, so what both must know is compared here."""
    assert set(entry.KEYS) == locktext._KEYS
    assert locktext._NAME.pattern == paths.NAME.pattern
    assert locktext._LOCK == "compiledai.lock"


def test_no_two_parts_of_the_text_give_one_name_two_meanings() -> None:
    """It is put together from several modules that share one namespace there."""
    bound: list[str] = []
    for node in ast.parse(loader_bytes()).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            bound.append(node.name)
        if isinstance(node, ast.Assign):
            targets = [item for target in node.targets for item in ast.walk(target)]
            bound += [item.id for item in targets if isinstance(item, ast.Name)]
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            bound.append(node.target.id)

    assert sorted(bound) == sorted(set(bound))
