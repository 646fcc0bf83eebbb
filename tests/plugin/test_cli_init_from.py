"""`compiledai init --from`: a draft that needs only its rows."""

from __future__ import annotations

from pytest_compiledai.cli import main

SOURCE = 'def double(n: int) -> int:\n    """Return twice the number n."""\n'


def test_a_draft_becomes_a_spec_that_compiles_up_to_its_rows(tmp_path, capsys):
    """The spec stands under its name, and the message says what it still needs."""
    (tmp_path / "f.py").write_text(SOURCE, encoding="utf-8")

    code = main(["--root", str(tmp_path), "init", "--from", "f.py#double"])

    assert 0 == code
    said = capsys.readouterr().out
    assert "wrote specs/double.yaml" in said
    assert "next: write golden rows into specs/double.jsonl" in said
    assert "merge=union" in (tmp_path / ".gitattributes").read_text(encoding="utf-8")


def test_nothing_is_written_over(tmp_path, capsys):
    """A spec that stands there stays as it is."""
    (tmp_path / "f.py").write_text(SOURCE, encoding="utf-8")
    (tmp_path / "specs").mkdir()
    (tmp_path / "specs" / "double.jsonl").write_text("mine", encoding="utf-8")

    code = main(["--root", str(tmp_path), "init", "--from", "f.py"])

    assert 2 == code
    assert "stands there already" in capsys.readouterr().err
    assert ["double.jsonl"] == [path.name for path in (tmp_path / "specs").iterdir()]


def test_a_name_after_a_colon_is_told_its_form(tmp_path, capsys):
    """Who writes the function as a reference's is told how to write it here."""
    (tmp_path / "f.py").write_text(SOURCE, encoding="utf-8")

    code = main(["--root", str(tmp_path), "init", "--from", "f.py:double"])

    assert 2 == code
    assert "next: compiledai init --from f.py#double" in capsys.readouterr().err


def test_several_functions_without_a_name_are_listed(tmp_path, capsys):
    """The message names them and the command for one."""
    (tmp_path / "f.py").write_text(SOURCE + SOURCE.replace("double", "twice"), encoding="utf-8")

    main(["--root", str(tmp_path), "init", "--from", "f.py"])

    said = capsys.readouterr().err
    assert "found several functions: double, twice" in said
    assert "next: compiledai init --from f.py#double" in said
