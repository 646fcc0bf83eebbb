"""The rules by which the Berkeley leaderboard's syntax-tree checker judges function calls.

A call is `{function: {parameter: value}}`, an answer `{function: {parameter: [allowed, ...]}}`; ""
among the allowed values says that the parameter may be left out. Written from the published rules;
their quirks are kept, since a kinder checker would measure something else.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any
from typing import Final

from bench.calls import java
from bench.calls import javascript

Call = Mapping[str, Mapping[str, Any]]

PYTHON: Final[Mapping[str, type]] = {
    "string": str,
    "integer": int,
    "float": float,
    "boolean": bool,
    "array": list,
    "tuple": list,
    "dict": dict,
    "any": str,
}
TYPES: Final[Mapping[str, Mapping[str, type]]] = {
    "python": PYTHON,
    "java": java.TYPES,
    "javascript": javascript.TYPES,
}
_NESTED: Final = {
    "python": ("array", "tuple"),
    "java": ("Array", "ArrayList", "array"),
    "javascript": ("Array", "ArrayList", "array"),
}
_IGNORED: Final = re.compile(r"[ ,./\-_*^]")


class Wrong(Exception):
    """Why a call is wrong, by the checker's name for it."""


def check(
    functions: Sequence[Mapping[str, Any]],
    calls: Sequence[Call],
    answers: Sequence[Call],
    *,
    category: str,
    language: str = "python",
) -> str:
    """Return "" for right calls, else the checker's name of what is wrong.

    ``category`` is the task's file name: `parallel` and `multiple` in it choose the rules.
    """
    try:
        if "irrelevance" in category:
            _require(not calls, "irrelevance:call")
        elif "parallel" in category:
            _parallel(functions, calls, answers, language)
        elif "multiple" in category:
            _require(len(calls) == len(answers), "multiple:wrong_count")
            _single(described(functions, answers[0]), calls[0], answers[0], language)
        else:
            _require(len(calls) == 1, "simple:wrong_count")
            _single(functions[0], calls[0], answers[0], language)
    except Wrong as wrong:
        return str(wrong)
    return ""


def described(functions: Sequence[Mapping[str, Any]], answer: Call) -> Mapping[str, Any]:
    """Return the description of the function that an answer names."""
    name = next(iter(answer))
    return next(function for function in functions if function["name"] == name)


def standardised(text: str) -> str:
    """Return a text without case and without the marks that do not count."""
    return _IGNORED.sub("", text).lower().replace("'", '"')


def _require(holds: object, name: str) -> None:
    if not holds:
        raise Wrong(name)


def _parallel(
    functions: Sequence[Mapping[str, Any]],
    calls: Sequence[Call],
    answers: Sequence[Call],
    language: str,
) -> None:
    """Give each answer, in order, the first call left that fits it."""
    _require(len(calls) == len(answers), "parallel:wrong_count")
    left = list(range(len(calls)))
    for answer in answers:
        function = described(functions, answer)
        fitting = (number for number in left if _fits(function, calls[number], answer, language))
        taken = next(fitting, None)
        _require(taken is not None, "parallel:cannot_find_match")
        left = [number for number in left if number != taken]


def _fits(function: Mapping[str, Any], call: Call, answer: Call, language: str) -> bool:
    try:
        _single(function, call, answer, language)
    except Wrong:
        return False
    return True


def _single(function: Mapping[str, Any], call: Call, answer: Call, language: str) -> None:
    (allowed,) = answer.values()
    _require(function["name"] in call, "simple:wrong_func_name")
    given = call[function["name"]]
    for name in function["parameters"].get("required", []):
        _require(name in given, "simple:missing_required")
    properties = function["parameters"]["properties"]
    for name, value in given.items():
        _require(name in properties and name in allowed, "simple:unexpected_param")
        _value(properties[name], value, allowed[name], language)
    for name, values in allowed.items():
        _require(name in given or "" in values, "simple:missing_optional")


def _value(described: Mapping[str, Any], value: Any, allowed: list[Any], language: str) -> None:
    stated = described["type"]
    wanted = TYPES[language][stated]
    inner: type | None = None
    if stated in _NESTED[language]:
        inner = TYPES[language][described["items"]["type"]]
    value = _converted(described, value, language)
    if _checked_type(value, allowed, wanted, inner):
        _require(value in allowed, "value_error:others")
        return
    if wanted is dict:
        _dict(value, allowed)
    elif wanted is list and inner is dict:
        _list_of_dict(value, allowed)
    elif wanted is str:
        texts = [standardised(item) for item in allowed if type(item) is str]
        _require(standardised(value) in texts, "value_error:string")
    elif wanted is list:
        _list(value, allowed)
    else:
        _require(value in allowed, "value_error:others")


def _converted(described: Mapping[str, Any], value: Any, language: str) -> Any:
    """Return a value as Python has it; Java and JavaScript arrive as source code."""
    stated = described["type"]
    if language != "python":
        _require(type(value) is str, f"type_error:{language}")
        nested = described["items"]["type"] if stated in _NESTED[language] else None
        module = java if language == "java" else javascript
        return module.converted(value, stated, nested)
    if stated == "tuple" and type(value) is tuple:
        return list(value)
    if stated == "float" and type(value) is int:
        return float(value)
    return value


def _checked_type(value: Any, allowed: list[Any], wanted: type, inner: type | None) -> bool:
    """Return whether the value counts as a variable; raise ``Wrong`` for a wrong type.

    A variable is of the type that the answer has where that is not the declared one.
    """
    answered = next((type(item) for item in allowed if item != ""), None)
    if type(value) is wanted:
        if inner is not None and not any(_items_fit(value, item, inner) for item in allowed):
            raise Wrong("type_error:nested")
        return answered is not None and answered is not wanted
    _require(answered is not None and type(value) is answered, "type_error:simple")
    return True


def _items_fit(value: list[Any], answer: Any, inner: type) -> bool:
    """Return whether each item has the inner type, or that of the answer's items."""
    if type(answer) is not list:
        return True
    answered = next((type(item) for item in answer if item != ""), None)
    return all(type(item) is inner or type(item) is answered for item in value)


def _plain(value: Any) -> Any:
    return standardised(value) if type(value) is str else value


def _list(value: list[Any], allowed: list[Any]) -> None:
    lists = [[_plain(item) for item in answer] for answer in allowed]
    _require([_plain(item) for item in value] in lists, "value_error:list/tuple")


def _dict(value: Mapping[str, Any], allowed: list[Any]) -> None:
    answers = [answer for answer in allowed if answer != ""]
    _require(any(_dict_fits(value, answer) for answer in answers), "value_error:dict")


def _dict_fits(value: Mapping[str, Any], answer: Mapping[str, list[Any]]) -> bool:
    known = all(
        key in answer and _plain(item) in [_plain(other) for other in answer[key]]
        for key, item in value.items()
    )
    return known and all(key in value or "" in items for key, items in answer.items())


def _list_of_dict(value: list[Any], allowed: list[Any]) -> None:
    fits = any(
        len(value) == len(answer)
        and all(_dict_fits(one, other) for one, other in zip(value, answer, strict=True))
        for answer in allowed
    )
    _require(fits, "value_error:list_dict")
