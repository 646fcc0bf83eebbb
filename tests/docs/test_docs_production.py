"""The page on production: everything it shows is done, in one project, from top to bottom."""

from __future__ import annotations

import json
import tomllib

import pytest


@pytest.fixture
def project(reader):
    """Write the golden rows, which the page only names."""
    words = [f"word {number}" for number in range(60)]
    shout = [{"input": {"text": word}, "output": {"text": word.upper()}} for word in words]
    stamp = [
        {"input": {"amount": n, "currency": code}, "output": {"text": f"2026 {n * rate}"}}
        for code, rate in (("EUR", 1), ("USD", 3))
        for n in range(30)
    ]
    for name, rows in (("shout", shout), ("stamp", stamp)):
        lines = [json.dumps({"id": f"r{number}", **row}) for number, row in enumerate(rows)]
        reader.write(f"specs/{name}.jsonl", "".join(f"{line}\n" for line in lines))
    return reader


def test_the_page_holds_from_top_to_bottom(page, project):
    """Compile, call, abstain, fall back, hand in capabilities, ship, and find what was changed."""
    project.follow(page("production.md"), without=("dockerfile", "toml"))

    assert '[artifact."stamp"]' in project.read("compiledai.lock")


def test_the_image_copies_what_is_needed(page):
    """The image has the lock beside the folder, which is where the loader looks first."""
    lines = page("production.md").block("dockerfile").splitlines()

    assert "COPY compiledai.lock ./" in lines
    assert "COPY compiled/ compiled/" in lines


def test_the_wheel_has_the_lock_inside_the_folder(page):
    """The build configuration is TOML that puts the lock where the page ships it by hand."""
    wheel = tomllib.loads(page("production.md").block("toml"))["tool"]["hatch"]["build"]["targets"]

    assert wheel["wheel"]["force-include"] == {"compiledai.lock": "compiled/compiledai.lock"}
    assert wheel["wheel"]["packages"] == ["compiled"]


def test_the_page_on_serving_holds_from_top_to_bottom(page, project):
    """Fallbacks, a model as one, samples: each block runs in a process of its own."""
    project.follow(page("serving.md"))

    assert (project.folder / "calls.sqlite").is_file()
