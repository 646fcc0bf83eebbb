"""The pages on workflows: the spec compiles from its profile, and its set can be used."""

from __future__ import annotations

import pytest

pytest.importorskip("polars", reason="the extra `workflows` is not installed")


def test_the_pages_hold_from_top_to_bottom(page, reader):
    """The generated profile is written, compiled, judged again in locked mode, and picked from."""
    reader.follow(page("workflows.md"))
    reader.follow(page("tradeoffs.md"))

    assert 'kind = "workflow"' in reader.read("compiledai.lock")
