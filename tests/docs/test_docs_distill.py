"""The pages on demonstrations and skills."""

from __future__ import annotations

import pytest

from pytest_compiledai.core.document import read_documents
from pytest_compiledai.distill.demospec import _SPEC_KEYS as DEMOS_KEYS
from pytest_compiledai.distill.skillspec import _SPEC_KEYS as SKILL_KEYS


def test_the_page_on_demonstrations_holds(page, reader):
    """Its spec compiles from what two functions answer, runs, and abstains without its teacher."""
    reader.follow(page("demos.md"))

    assert 'kind = "demos"' in reader.read("compiledai.lock")


@pytest.mark.parametrize(("name", "keys"), [("demos", DEMOS_KEYS), ("skill", SKILL_KEYS)])
def test_the_keys_of_a_page_are_the_spec_s(page, name, keys):
    """A page shows no key that the kind does not read."""
    path = "specs/tickets.yaml" if name == "demos" else ""
    (document,) = read_documents(page(f"{name}.md").block("yaml", path).encode(), "x.yaml")

    assert set(document.data) <= set(keys)
