"""`compiledai try`: call a frozen function once, through the loader that production uses."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from pytest_compiledai.core.errors import ArtifactError
from pytest_compiledai.core.errors import SettingsError

OUT = "compiled"


def attempt(out: Path, name: str, text: str) -> int:
    """Print the function's answer to the JSON ``text``; 1 when it abstains."""
    loader = load_loader(out.resolve())
    value = read_json(text, where="try")
    try:
        answer = loader.load(name)(value)
    except loader.Abstain as refusal:
        print(f"abstains: {refusal}", file=sys.stderr)  # noqa: T201 - a command speaks
        return 1
    except (loader.NotCompiled, loader.IntegrityError) as error:
        raise ArtifactError(
            where=f"{out.name}/{name}.py",
            found=str(error),
            expected="a frozen artifact that matches the lock",
            next="pytest --compile specs/",
        ) from error
    print(json.dumps(answer, ensure_ascii=False, indent=2))  # noqa: T201 - a command speaks
    return 0


def load_loader(out: Path) -> ModuleType:
    """Return the project's own ``compiled`` package, which checks what it loads."""
    path = out / "__init__.py"
    if not path.is_file():
        raise ArtifactError(
            where=str(path.name),
            found=f"no {out.name}/__init__.py",
            expected="a folder of frozen artifacts",
            next="pytest --compile specs/",
        )
    spec = importlib.util.spec_from_file_location(OUT, path, submodule_search_locations=[str(out)])
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[OUT] = module
    spec.loader.exec_module(module)
    return sys.modules[OUT]


def read_json(text: str, *, where: str) -> Any:
    """Return the value of ``text``. Raises ``SettingsError`` when it is not JSON."""
    try:
        return json.loads(text)
    except ValueError as error:
        raise SettingsError(where=where, found=f"{error}", expected="JSON in quotes") from error
