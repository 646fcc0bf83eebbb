"""The module library: what of it a text needs, and that it would pass our own gates."""

from __future__ import annotations

import ast

import pytest

from pytest_compiledai.core.source import Source
from pytest_compiledai.functions.imports import render
from pytest_compiledai.functions.library import HIDDEN
from pytest_compiledai.functions.library import MODULES
from pytest_compiledai.functions.library import Library
from pytest_compiledai.functions.library import NameClash
from pytest_compiledai.gates.complexity import complexities
from pytest_compiledai.gates.security import inspect

ONE = '''# compiledai module one@3
"""One."""

from __future__ import annotations

import re
from decimal import Decimal

_ONE_SHAPE = re.compile("a")
_ONE_REST = 2


class Thing:
    """A thing."""


def used(text: str, low: int = 0) -> Thing | None:
    """Return a thing.

    Or nothing.
    """
    return _one_inner(text) if _ONE_SHAPE.match(text) else None


def _one_inner(text: str) -> Thing:
    return Thing()


def unused() -> Decimal:
    """Return a number."""
    return Decimal(_ONE_REST)
'''
TWO = '''# compiledai module two@1
"""Two."""


def across(text: str) -> int:
    """Return a number."""
    return 1 if used(text) else 0
'''


@pytest.fixture
def small() -> Library:
    return Library([ONE, TWO])


def names(parts):
    return [item.name for part in parts for item in part.definitions]


def test_what_is_used_comes_with_all_it_needs(small) -> None:
    """A used function brings its helpers, constants and classes, in the order of the library."""
    parts = small.needed("def f(x: str) -> object:\n    return used(x)\n")

    assert names(parts) == ["_ONE_SHAPE", "Thing", "used", "_one_inner"]
    assert [render(part.imports) for part in parts] == ["import re\n"]


def test_marker_names_module_version_and_public_names(small) -> None:
    """Copied text begins with a comment that says where it is from."""
    (part,) = small.needed("x = used")

    assert part.text.startswith("# compiledai module one@3: Thing, used\n_ONE_SHAPE = ")
    assert part.text.endswith("    return Thing()\n")


def test_modules_use_each_other(small) -> None:
    """A definition of another module is copied as well, under a marker of its own."""
    parts = small.needed("x = across")

    assert [part.label for part in parts] == ["one@3", "two@1"]


@pytest.mark.parametrize(
    "text",
    [
        "x = 1",
        "def used(text): ...\nx = used('a')",
        "from mine import used\nx = used('a')",
        "used = len\nx = used('a')",
        "def f(used):\n    return used('a')",
        "def f():\n    used = 1\n    return used",
        "x = thing.used",
        "x = 'used'",
        "x = [used for used in ()]",
        "def f():\n    return {used: 1 for used in ()}",
        "class A:\n    used = 1\n    x = used",
    ],
)
def test_a_name_of_the_candidates_own_copies_nothing(small, text) -> None:
    """A name that the candidate binds, or that is no name at all, brings nothing."""
    assert small.needed(text) == ()


@pytest.mark.parametrize(
    "text",
    [
        "def f(x: Thing) -> None: ...",
        "def f() -> 'Thing | None': ...",
        "x: Thing",
        "from __future__ import annotations\ndef f() -> list[Thing]: ...",
        "def f():\n    def g():\n        return Thing()\n    return g",
        "x = [Thing() for _ in ()]",
        "x = lambda: Thing()",
        "class A(Thing): ...",
        "class A:\n    Thing = 1\n    def f(self):\n        return Thing",
        "x = [Thing for _ in [Thing for Thing in ()]]",
    ],
)
def test_names_in_annotations_and_inner_scopes_count(small, text) -> None:
    """Annotations, text annotations and nested functions use the library as well."""
    assert names(small.needed(text)) == ["Thing"]


@pytest.mark.parametrize("name", ["Thing", "_ONE_SHAPE", "_one_inner"])
def test_a_name_that_a_copy_needs_may_not_be_taken(small, name) -> None:
    """A candidate that defines what a copied definition needs is told the name."""
    with pytest.raises(NameClash, match=name):
        small.needed(f"{name} = 1\nx = used")


def test_signatures_show_public_names_with_their_docstrings(small) -> None:
    """A model is shown one line for each function and class, and no private name."""
    assert small.signatures() == (
        "class Thing(): ...  # A thing.\n"
        "def used(text: str, low: int = 0) -> Thing | None  # Return a thing. Or nothing.\n"
        "def unused() -> Decimal  # Return a number.\n"
        "def across(text: str) -> int  # Return a number.\n"
    )


def test_digest_changes_with_any_text(small) -> None:
    """A changed module gives another digest."""
    assert small.digest() != Library([ONE, TWO.replace("1 if", "2 if")]).digest()


def test_a_name_twice_is_no_library() -> None:
    """Modules share one namespace."""
    with pytest.raises(ValueError, match="used twice"):
        Library([ONE, TWO.replace("across", "used")])


def test_a_module_without_label_is_no_library() -> None:
    """Every module says its name and version first."""
    with pytest.raises(ValueError, match="label"):
        Library(["x = 1\n"])


def test_the_shipped_library_passes_the_capability_policy() -> None:
    """The policy finds nothing in the whole library, copied into one module."""
    library = Library.shipped()
    public = "\n".join(name for name in library.definitions if not name.startswith("_"))
    parts = [*library.needed(public), *library.needed("\n".join(library.definitions), hidden=True)]
    text = render(item for part in parts for item in part.imports)
    text += "".join(part.text for part in parts)

    found = inspect(Source(data=text.encode(), path="library.py"), capabilities=frozenset())

    assert [item.message for item in found] == []
    assert set(MODULES) == {part.module for part in parts}


def test_functions_of_the_library_are_small_and_documented() -> None:
    """No function has more than ten paths, each public one a docstring of a sentence."""
    for text in Library.shipped().texts:
        tree = ast.parse(text)
        assert all(item.paths <= 10 for item in complexities(tree))
        for node in tree.body:
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
                assert (ast.get_docstring(node) or "").startswith("Return "), node.name


def test_private_names_carry_their_module() -> None:
    """No private name of the library can be one that a candidate would choose by chance."""
    for item in Library.shipped().definitions.values():
        prefixes = (f"_{item.module}_", f"_{item.module.upper()}_", f"_{item.module.title()}")
        assert item.module not in HIDDEN or item.name.startswith(prefixes)
        assert not item.name.startswith("_") or item.name.startswith(prefixes), item.name


def test_lines_of_the_library_fit_the_page() -> None:
    """The text that lands in artifacts keeps to 100 columns."""
    assert [
        line for text in Library.shipped().texts for line in text.split("\n") if len(line) > 100
    ] == []
