"""The module library as an artifact would hold it: every public name copied into one namespace."""

from __future__ import annotations

import sys
import types

import pytest

from pytest_compiledai.functions.imports import render
from pytest_compiledai.functions.library import Library


class Abstain(Exception):
    """What an artifact raises instead of answering."""


@pytest.fixture(scope="session")
def lib():
    """Return a module of all public functions of the library, copied as an artifact copies them."""
    library = Library.shipped()
    names = [name for name in library.definitions if not name.startswith("_")]
    parts = library.needed("\n".join(names))
    imports = render(item for part in parts for item in part.imports)
    module = types.ModuleType("compiledai_library_copy")
    sys.modules[module.__name__] = module  # named tuples look their module up
    text = f"from __future__ import annotations\n{imports}\n" + "".join(p.text for p in parts)
    exec(compile(text, "<library>", "exec", dont_inherit=True), module.__dict__)  # ours, reviewed
    yield module
    del sys.modules[module.__name__]


@pytest.fixture(scope="session")
def run_artifact():
    """Return a function that executes an artifact made of our own text and gives its namespace."""

    def run(text: str) -> dict[str, object]:
        module = types.ModuleType("compiledai_artifact_copy")
        module.__dict__["Abstain"] = Abstain
        sys.modules[module.__name__] = module
        try:
            exec(compile(text, "<artifact>", "exec", dont_inherit=True), module.__dict__)
        finally:
            del sys.modules[module.__name__]
        return module.__dict__

    return run
