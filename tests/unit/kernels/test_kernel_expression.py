"""Expressions over dimensions compute whole numbers and nothing else."""

from __future__ import annotations

import pytest

from pytest_compiledai.kernels.expression import ExpressionError
from pytest_compiledai.kernels.expression import value


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("cdiv(N, 16)", 7),
        ("next_pow2(N)", 128),
        ("N % 10 == 0 and N >= 100", 1),
        ("2 * N // 3", 66),
    ],
)
def test_an_expression_has_the_value_of_its_dimensions(text, right):
    """Arithmetic, comparison and the listed functions are computed."""
    assert value(text, {"N": 100}) == right


@pytest.mark.parametrize(
    "text",
    ["__import__('os')", "N.real", "[N]", "M", "2 ** 9", "N if N else 1", "N //", "1 // 0"],
)
def test_an_expression_of_another_form_is_refused(text):
    """A name, a call or a form that is not listed is an error."""
    with pytest.raises(ExpressionError):
        value(text, {"N": 100})
