"""All pages together: links lead somewhere, the index is whole, options and settings exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pytest_compiledai.options import DOCKER_IMAGE_SETTING
from pytest_compiledai.options import GRANTS_SETTING
from pytest_compiledai.options import KEYS_SETTING
from pytest_compiledai.options import OPTIONS
from pytest_compiledai.options import REVISION_SETTING
from pytest_compiledai.options import SIGNATURE_SETTING

DOCS = Path(__file__).parents[2] / "docs"
OTHER = {GRANTS_SETTING, KEYS_SETTING, REVISION_SETTING, SIGNATURE_SETTING, DOCKER_IMAGE_SETTING}
PAGES = sorted(path.name for path in DOCS.glob("*.md"))


def anchors(path: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("name", PAGES)
def test_every_link_leads_somewhere(page, name):
    """A relative link names a file of the repository, and its anchor a heading of that file."""
    links = re.findall(r"\]\((?!https?:)([^)#]*)#?([^)]*)\)", page(name).text)
    targets = [((DOCS / path).resolve() if path else DOCS / name, anchor) for path, anchor in links]

    assert [str(path) for path, _ in targets if not path.exists()] == []
    assert [anchor for path, anchor in targets if anchor and anchor not in anchors(path)] == []


def test_the_index_names_every_page(page):
    """No page is left out of the index."""
    index = page("README.md").text

    assert [name for name in PAGES if name != "README.md" and f"]({name})" not in index] == []


@pytest.mark.parametrize("name", PAGES)
def test_every_option_and_setting_exists(page, name):
    """A page names no option and no setting that the plugin does not have."""
    text = page(name).text
    flags = {option.flag for option in OPTIONS}
    settings = {option.setting for option in OPTIONS} | OTHER

    assert set(re.findall(r"--compile[a-z-]*", text)) - flags == set()
    assert set(re.findall(r"\bcompiledai_[a-z_]+", text)) - settings == set()


@pytest.mark.parametrize("name", PAGES)
def test_a_page_fits_a_page(page, name):
    """Lines are sentences and a page stays short enough to be read in one go."""
    lines = page(name).text.splitlines()

    assert len(lines) <= 250
    assert [line for line in lines if line != line.rstrip()] == []
