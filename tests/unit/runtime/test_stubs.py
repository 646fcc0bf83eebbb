"""Types of what was frozen: exact for each function, and true of the loader."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys

import pytest

from pytest_compiledai.core.artifact import Artifact
from pytest_compiledai.core.freeze import Freeze
from pytest_compiledai.core.lock import read_lock
from pytest_compiledai.runtime import loader
from pytest_compiledai.runtime import stubs

ROUTE = '''from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from typing import Any, Literal, NotRequired, TypedDict


class RouteInput(TypedDict):
    text: str
    parts: NotRequired[list[RouteInputPartsItem]]


class RouteInputPartsItem(TypedDict):
    date: str


RouteOutputQueue = Literal["tech", "sales"]


class RouteOutput(TypedDict):
    queue: RouteOutputQueue


TABLE: dict[str, str] = {}
PATTERN = re.compile("x")


class Helper:
    at: date


def route(data: RouteInput) -> RouteOutput:
    """Choose."""
    if not data["text"]:
        raise Abstain("empty")
    return {"queue": "tech"}
'''


def frozen(package, name: str = "route", text: str = ROUTE, **facts: object) -> None:
    """Freeze one function with everything that a run writes beside it, and drop the fixture's."""
    package.freeze(name, text, **facts)
    reading = read_lock(package.lock.read_bytes(), "compiledai.lock")
    freeze = Freeze(package.out, package.lock, index=stubs.beside)
    artifact = Artifact(name=name, files={f"{name}.py": text.encode()})
    entry = reading.lock.entries[name]
    freeze.stage([artifact], [entry], ["route_ticket"], beside=stubs.stubs_of([artifact]))
    freeze.commit()


def checked(package, user: str) -> str:
    """Return what `mypy --strict` says of a user's file and of the package beside it."""
    (package.root / "user.py").write_text(user)
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", "user.py", package.name],
        cwd=package.root,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    return done.stdout + done.stderr


def test_a_stub_holds_the_signature_and_what_it_needs():
    """Nested types and aliases come along, helpers and constants stay."""
    text = stubs.function_stub("route", ROUTE).decode()

    names = {node.name for node in ast.parse(text).body if isinstance(node, ast.ClassDef)}
    assert names == {"RouteInput", "RouteInputPartsItem", "RouteOutput"}
    assert 'RouteOutputQueue = Literal["tech", "sales"]' in text
    assert "def route(data: RouteInput) -> RouteOutput:\n    ..." in text
    imported = {node.names[0].name for node in ast.parse(text).body if hasattr(node, "module")}
    assert imported == {"Literal", "NotRequired", "TypedDict"}


def test_a_type_checker_knows_the_function(package):
    """Right use passes `mypy --strict`, and so does the folder itself."""
    frozen(package)
    user = (
        f"import {package.name} as compiled\n"
        f"from {package.name} import Abstain, route\n\n"
        "queue: str = route({'text': 'a', 'parts': [{'date': 'x'}]})['queue']\n"
        "try:\n    route({'text': ''})\nexcept Abstain as refusal:\n    reason: str = refusal.reason\n"
        "compiled.fallback('route', model='some/model', temperature=0)\n"
        "compiled.sample('calls.sqlite', rate=0.5, redact=['email'])\n"
    )

    assert checked(package, user) == ""


def test_a_type_checker_refuses_wrong_use(package):
    """A misspelt field, a field that is missing, an answer of another type."""
    frozen(package)
    user = (
        f"from {package.name} import route\n\n"
        "route({'txt': 'a'})\n"
        "number: int = route({'text': 'a'})['queue']\n"
        f"from {package.name} import nothing\n"
    )

    said = checked(package, user)

    assert said.count("error:") >= 3
    assert "txt" in said
    assert '"int"' in said
    assert "nothing" in said


def test_a_unit_that_is_handed_something_is_loaded(package):
    """What no import gives is not promised."""
    text = (
        "from collections.abc import Callable\nfrom datetime import datetime\n\n\n"
        "def tick(data: str, *, clock: Callable[[], datetime]) -> str:\n    return data\n"
    )
    frozen(package, "tick", text, capabilities=("clock",))

    assert "tick" not in (package.out / "__init__.pyi").read_text()
    assert "*, clock: Callable[[], datetime]" in (package.out / "tick.pyi").read_text()
    assert "Module not callable" in checked(
        package, f"from {package.name} import tick\ntick('a')\n"
    )


def test_the_index_follows_the_lock(package):
    """Every function is in it, whichever run froze it; what is dropped is gone with its stub."""
    frozen(package)
    frozen(package, "other", "def other(data: int) -> int:\n    return data\n")
    index = (package.out / "__init__.pyi").read_text()
    assert "from .other import other as other\nfrom .route import route as route\n" in index

    drop = Freeze(package.out, package.lock, index=stubs.beside)
    drop.stage(removed=("other",))
    drop.commit()

    assert "other" not in (package.out / "__init__.pyi").read_text()
    assert not (package.out / "other.pyi").exists()
    assert (package.out / "route.pyi").exists()


@pytest.mark.parametrize("name", [n for n in loader.__all__ if inspect.isfunction(vars(loader)[n])])
def test_the_index_is_true_of_the_loader(name):
    """Parameters and defaults of every public function are those of the text."""
    tree = ast.parse(stubs.package_stub([]))
    (stub,) = [
        node
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == name
    ]
    own = inspect.signature(vars(loader)[name])
    namespace = dict.fromkeys(("PathLike", "Callable", "Iterable", "Any"), dict)
    stub.returns = None
    for argument in (*stub.args.posonlyargs, *stub.args.args, *stub.args.kwonlyargs):
        argument.annotation = None
    for argument in (stub.args.vararg, stub.args.kwarg):
        if argument is not None:
            argument.annotation = None
    exec(compile(ast.Module(body=[stub], type_ignores=[]), "stub", "exec"), namespace)
    bare = [item.replace(annotation=inspect.Parameter.empty) for item in own.parameters.values()]

    assert list(inspect.signature(namespace[name]).parameters.values()) == bare
    assert isinstance(stub, ast.AsyncFunctionDef) is inspect.iscoroutinefunction(vars(loader)[name])


def test_the_index_names_all_that_is_public():
    """Nothing that `__all__` offers is missing from the types."""
    tree = ast.parse(stubs.package_stub([]))
    named = {getattr(node, "name", "") for node in tree.body}

    assert set(loader.__all__) <= named


def test_equal_artifacts_have_equal_stubs():
    """Their bytes depend on nothing else."""
    assert stubs.function_stub("route", ROUTE) == stubs.function_stub("route", ROUTE)
    assert stubs.function_stub("missing", ROUTE) == b""
