"""Parsing beside other threads."""

from __future__ import annotations

import ast

import pytest

from pytest_compiledai.core.parsing import parse


def test_a_mismatch_of_depths_is_no_fault_of_the_text(monkeypatch: pytest.MonkeyPatch) -> None:
    """What another thread did to the parser's count is tried again."""
    real, faults = ast.parse, iter((True, True, False))

    def disturbed(code: str) -> ast.Module:
        if next(faults):
            raise SystemError("AST constructor recursion depth mismatch (before=186, after=75)")
        return real(code)

    monkeypatch.setattr(ast, "parse", disturbed)
    assert isinstance(parse("x = 1").body[0], ast.Assign)


def test_what_never_parses_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    """A parser that always fails is not asked for ever."""

    def broken(code: str) -> ast.Module:
        raise SystemError(code)

    monkeypatch.setattr(ast, "parse", broken)
    with pytest.raises(SystemError):
        parse("x = 1")


def test_a_text_that_does_not_parse_is_told() -> None:
    """Errors of the text are those of ``ast.parse``."""
    with pytest.raises(SyntaxError):
        parse("x = = 1")
