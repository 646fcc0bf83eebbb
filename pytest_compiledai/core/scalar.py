"""Plain YAML scalars: only what every reader of YAML understands alike has a meaning here.

Readers of YAML 1.1 and 1.2 differ over ``no``, ``0123``, ``12:30``, ``1e3``, ``2020-01-01`` and
more, so such words are refused where they stand without quotes.
"""

from __future__ import annotations

import re

_WORDS = {"true": True, "false": False, "null": None}
_INTEGER = re.compile(r"-?(0|[1-9][0-9]*)")
# YAML 1.1 asks for the point and for the sign of the exponent, YAML 1.2 for neither.
_FLOAT = re.compile(r"-?(0|[1-9][0-9]*)\.[0-9]+([eE][-+][0-9]+)?")
_DIGITS_CAP = 300  # a float ends near 10**308; Python refuses to read more than 4300 digits

_SURPRISING = re.compile(
    r"""
      true | false | null | yes | no | on | off | ~ | = | <<  # booleans and nulls of some readers
    | [-+]? \.? (nan | inf)                                   # `.nan`, `.inf`, and bare ones
    | [-+]? [0-9][0-9_]* (:[0-9_]+)+ (\.[0-9_]*)?             # sexagesimal: 12:30
    | [-+]? 0b[01_]+ | [-+]? 0o[0-7_]+ | [-+]? 0x[0-9a-f_]+   # other bases
    | [-+]? [0-9][0-9_]* (\.[0-9_]*)? (e[-+]?[0-9_]+)?        # 0123, 1_000, 1., 1e3, +1
    | [-+]? \.[0-9_]+ (e[-+]?[0-9_]+)?                        # .5
    | [0-9]{4}-[0-9]{1,2}-[0-9]{1,2} ([t ].*)?                # dates
    """,
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)


class SurprisingScalar(ValueError):
    """A plain scalar that readers of YAML take for different things."""


def plain_scalar(text: str) -> str | float | bool | None:  # an int is a float to the type checker
    """Return the value of a scalar written without quotes.

    Raises ``SurprisingScalar`` with what was expected.
    """
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return int(_not_too_long(text))
    if _FLOAT.fullmatch(text):
        return _finite(text)
    if _SURPRISING.fullmatch(text):
        raise SurprisingScalar(_advice(text))
    return text


def _not_too_long(text: str) -> str:
    if len(text) > _DIGITS_CAP:
        raise SurprisingScalar(f"a number of at most {_DIGITS_CAP} digits")
    return text


def _finite(text: str) -> float:
    value = float(_not_too_long(text))
    if value in (float("inf"), float("-inf")):
        raise SurprisingScalar("a number that a double can hold")
    return value


def _advice(text: str) -> str:
    word = text.lower()
    if word in {"yes", "no", "on", "off", "true", "false"}:
        return "true or false, or the word in quotes"
    if word in {"null", "~"}:
        return "null, or the word in quotes"
    if word == "<<":
        return "no merge key; write the keys out"
    return "a plain number such as 12 or -0.5, or the text in quotes"
