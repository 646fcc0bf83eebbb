"""The command `compiledai audit`: text, JSON and drafts."""

from __future__ import annotations

import json
import random

import pytest

from pytest_compiledai.cli import main


@pytest.fixture
def log(tmp_path):
    """Write a log with one site, a broken line and an answer that plays with the terminal."""
    rng = random.Random(17)
    lines = ["{broken"]
    for number in range(80):
        queue = rng.choice(("loans", "cards"))
        text = f"case {number} about {'mortgage' if queue == 'loans' else 'plastic'}"
        record = {"site": "app.\x1b[31mroute", "input": text, "output": {"queue": queue}}
        lines.append(json.dumps(record))
    path = tmp_path / "calls.jsonl"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def test_the_text_has_a_table_and_a_paragraph(log, capsys):
    """Each site is decided with its reason; what was left out is said; nothing drives the terminal."""
    assert 0 == main(["audit", str(log)])

    said = capsys.readouterr().out
    assert "80 calls in 81 lines of 1 files (plain 80), 1 sites" in said
    assert "left out: 1 lines unreadable, the first" in said
    assert "calls.jsonl:1: no JSON" in said
    assert "app. [31mroute: code" in said
    assert "because  a short rule gives the logged answer for" in said
    assert "\x1b" not in said


def test_the_json_has_stable_keys(log, capsys):
    """The JSON is a document of its own, with the keys that the page on audits lists."""
    assert 0 == main(["audit", str(log), "--json"])

    data = json.loads(capsys.readouterr().out)
    assert ["version", "log", "sites", "drafts"] == list(data)
    (site,) = data["sites"]
    assert ("code", 80) == (site["decision"], site["calls"])
    assert {"right", "total", "share", "interval"} == set(site["rule_right"])


def test_two_audits_of_one_log_are_the_same(log, capsys):
    """Nothing in an audit depends on chance."""
    main(["audit", str(log), "--json"])
    first = capsys.readouterr().out
    main(["audit", str(log), "--json"])

    assert first == capsys.readouterr().out


def test_a_draft_is_written_below_the_root(log, tmp_path, capsys):
    """The draft's path and the next command are said."""
    assert 0 == main(["--root", str(tmp_path), "audit", str(log), "--draft", "specs"])

    assert (tmp_path / "specs/app_31mroute.yaml").exists()
    assert "next: pytest --compile specs/app_31mroute.yaml" in capsys.readouterr().out


def test_an_unknown_format_is_an_error(tmp_path, capsys):
    """The error names the line, what it holds and which formats are known."""
    path = tmp_path / "other.jsonl"
    path.write_text('{"level": "info"}\n', encoding="utf-8")

    assert 2 == main(["audit", str(path)])

    assert "other.jsonl:1: no known format (keys: level)" in capsys.readouterr().err
