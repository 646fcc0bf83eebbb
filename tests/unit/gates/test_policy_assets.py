"""The data folders and what keeps them complete."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
import yaml

from pytest_compiledai.assets import asset
from pytest_compiledai.assets import assets_digest
from pytest_compiledai.core.errors import ToolError
from pytest_compiledai.gates.corpus import samples
from pytest_compiledai.gates.policy.rulebook import policy
from pytest_compiledai.gates.tools import policy_digest

SECTIONS = ("What it does", "Why", "Example", "Use instead")


def pages(gate: str) -> dict[str, str]:
    folder = asset("gates", gate, "rules")
    return {path.stem: path.read_text(encoding="utf-8") for path in folder.glob("*.md")}


@pytest.mark.parametrize("gate", ["security", "syntax"])
def test_every_rule_has_a_page_and_samples(gate: str) -> None:
    """Each rule has a page, a bad sample and a good one; no page or sample is without its rule."""
    bad = {item.rule.partition(".")[2] for item in samples(gate) if not item.is_good}
    good = {item.rule.partition(".")[2] for item in samples(gate) if item.is_good}

    # A tool that gives no answer cannot be put into a file.
    assert set(pages(gate)) == good | {"tool"} == bad | {"tool"}


@pytest.mark.parametrize("gate", ["security", "syntax"])
def test_every_page_has_its_four_sections(gate: str) -> None:
    """A page says what a rule does, why, shows an example and what to write instead."""
    for name, text in pages(gate).items():
        found = [line[3:] for line in text.splitlines() if line.startswith("## ")]

        assert text.startswith(f"# {gate}.{name}\n")
        assert tuple(found) == SECTIONS


def rule_names() -> set[str]:
    folder = Path(asset("gates", "security")).parent.parent / "pytest_compiledai" / "gates"
    found = set()
    for path in [*folder.glob("policy/*.py"), folder / "security.py"]:
        text = path.read_text(encoding="utf-8")
        found |= {name for name in pages("security") if f'"{name}"' in text}
    return found


def test_every_page_is_of_a_rule_that_exists() -> None:
    """The code names every rule that has a page, except those named after their tool."""
    named_by_tool = {"bandit", "ruff", "semgrep", "tool"}
    dangers = {danger.rule for danger in policy().dangers}

    assert set(pages("security")) == rule_names() | named_by_tool | dangers


def test_semgrep_rules_are_many_unique_and_plain() -> None:
    """There are at least 25 own rules, each with its own id, in YAML without anchors."""
    text = asset("gates", "security", "semgrep.yaml").read_text(encoding="utf-8")
    ids = [rule["id"] for rule in yaml.safe_load(text)["rules"]]

    assert len(ids) == len(set(ids)) > 25
    assert not any(
        isinstance(token, yaml.AliasToken | yaml.AnchorToken) for token in yaml.scan(text)
    )


def test_every_silenced_report_has_a_reason() -> None:
    """An identifier of another analyser is off only with a reason beside it."""
    data = tomllib.loads(asset("gates", "security", "policy.toml").read_text(encoding="utf-8"))

    reasons = {**data["bandit"]["off"], **data["ruff"]["off"]}

    assert all(len(reason) > 4 for reason in reasons.values())


def test_missing_asset_names_the_next_command() -> None:
    """A data file that no install has is an error with what to run."""
    with pytest.raises(ToolError) as caught:
        asset("gates", "nothing")

    assert caught.value.next == "pip install --force-reinstall pytest-compiledai"


def test_digest_ignores_line_ends_and_caches(tmp_path: Path) -> None:
    """A CRLF checkout and a cache folder change no digest; a byte of content does."""
    (tmp_path / "a.txt").write_bytes(b"one\ntwo\n")
    before = assets_digest(tmp_path)
    (tmp_path / "a.txt").write_bytes(b"one\r\ntwo\r\n")
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__" / "a.pyc").write_bytes(b"x")
    same = assets_digest(tmp_path)
    (tmp_path / "a.txt").write_bytes(b"one\ntwo!\n")

    assert before == same
    assert assets_digest(tmp_path) != before


def test_gates_have_their_own_digests() -> None:
    """Each gate's policy has a digest of its own."""
    assert policy_digest("security") != policy_digest("syntax")
