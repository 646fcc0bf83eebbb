"""The checker's rules on corner cases built by hand, a line each."""

from __future__ import annotations

from typing import Any

import pytest

from bench.calls.checker import check
from bench.calls.checker import standardised

SIMPLE, NESTED, OTHERS = "type_error:simple", "type_error:nested", "value_error:others"
STRING, LIST, DICT = "value_error:string", "value_error:list/tuple", "value_error:dict"
LIST_DICT = "value_error:list_dict"
MISSING, OPTIONAL = "simple:missing_required", "simple:missing_optional"
EXTRA, COUNT, NAME = "simple:unexpected_param", "simple:wrong_count", "simple:wrong_func_name"


def function(name: str = "f", required: tuple[str, ...] = (), **types: Any) -> dict[str, Any]:
    properties = {
        key: value if isinstance(value, dict) else {"type": value} for key, value in types.items()
    }
    return {"name": name, "parameters": {"properties": properties, "required": list(required)}}


def array(of: str, kind: str = "array") -> dict[str, Any]:
    return {"type": kind, "items": {"type": of}}


#: Declared type, allowed values, given value, what is wrong.
VALUES = [
    # Strings: case, and the marks that do not count.
    ("string", ["Paris"], "Paris", ""),
    ("string", ["Paris"], "paris", ""),
    ("string", ["Paris"], " PARIS ", ""),
    ("string", ["New York, NY"], "new york ny", ""),
    ("string", ["D.C."], "DC", ""),
    ("string", ["April 1, 2024"], "April 1,2024", ""),
    ("string", ["x^2"], "x2", ""),
    ("string", ["3x**2"], "3x^2", ""),
    ("string", ["a_b"], "a-b", ""),
    ("string", ["km/h"], "kmh", ""),
    ("string", ["it's"], 'it"s', ""),
    ("string", ["a(b)"], "ab", STRING),
    ("string", ["a:b"], "ab", STRING),
    ("string", ["a+b"], "ab", STRING),
    ("string", ["Paris", "Paris, France"], "paris france", ""),
    ("string", ["Paris"], "London", STRING),
    ("string", ["Paris"], "", STRING),
    ("string", ["", "Paris"], "", ""),
    ("string", ["", "cm"], "inch", STRING),
    ("string", ["Zürich"], "zürich", ""),
    ("string", ["Zürich"], "zurich", STRING),
    ("string", ["a\tb"], "ab", STRING),
    ("string", ["a\nb"], "ab", STRING),
    ("string", ["5"], 5, SIMPLE),
    ("string", ["true"], True, SIMPLE),
    ("string", ["a"], ["a"], SIMPLE),
    ("string", ["a"], None, SIMPLE),
    ("string", ["a"], {"a": 1}, SIMPLE),
    # A value of the answer's type where that is not the declared one.
    ("string", [5], 5, ""),
    ("string", [5], 6, OTHERS),
    ("string", [5], "5", OTHERS),
    ("string", [True], True, ""),
    ("string", [["a"]], ["a"], ""),
    ("string", [["a"]], ["A"], OTHERS),
    ("integer", ["n"], "n", ""),
    ("integer", ["n"], "N", OTHERS),
    ("integer", ["n"], 3, OTHERS),
    ("float", ["x"], "x", ""),
    ("boolean", ["flag"], "flag", ""),
    (array("string"), ["items"], "items", ""),
    ("dict", ["config"], "config", ""),
    ("dict", ["config"], "Config", OTHERS),
    # Integers.
    ("integer", [5], 5, ""),
    ("integer", [5, 6], 6, ""),
    ("integer", [5], 6, OTHERS),
    ("integer", [5], 5.0, SIMPLE),
    ("integer", [5], "5", SIMPLE),
    ("integer", [1], True, SIMPLE),
    ("integer", [0], False, SIMPLE),
    ("integer", [-3], -3, ""),
    ("integer", [5.0], 5, ""),
    ("integer", [5.0], 5.0, ""),
    ("integer", [10**20], 10**20, ""),
    ("integer", ["", 5], 5, ""),
    ("integer", [""], 5, OTHERS),
    ("integer", [""], "5", SIMPLE),
    ("integer", [None], 5, OTHERS),
    ("integer", [None], None, ""),
    # Floats: a whole number is promoted, at the top level alone.
    ("float", [5.0], 5.0, ""),
    ("float", [5.0], 5, ""),
    ("float", [5], 5, ""),
    ("float", [5], 5.0, ""),
    ("float", [0.05], 0.05, ""),
    ("float", [0.05], 5, OTHERS),
    ("float", [0.1], 0.10000001, OTHERS),
    ("float", [1e-9], 1e-9, ""),
    ("float", [5.0], "5.0", SIMPLE),
    ("float", [1.0], True, SIMPLE),
    ("float", ["", 1.5], 1.5, ""),
    ("float", [-9.81, ""], -9.81, ""),
    # Booleans.
    ("boolean", [True], True, ""),
    ("boolean", [True], False, OTHERS),
    ("boolean", [True], 1, SIMPLE),
    ("boolean", [True], "true", SIMPLE),
    ("boolean", [False], 0, SIMPLE),
    ("boolean", ["", False], False, ""),
    ("boolean", [True, False], False, ""),
    ("boolean", [1], True, ""),
    ("boolean", [1], 1, ""),
    # Any is text.
    ("any", ["a"], "A", ""),
    ("any", ["a"], "b", STRING),
    ("any", [5], 5, ""),
    ("any", ["5"], 5, SIMPLE),
    # Lists: order and length count, texts are standardised.
    (array("integer"), [[1, 2]], [1, 2], ""),
    (array("integer"), [[1, 2]], [2, 1], LIST),
    (array("integer"), [[1, 2]], [1], LIST),
    (array("integer"), [[1, 2]], [], LIST),
    (array("integer"), [[1, 2], [2, 1]], [2, 1], ""),
    (array("integer"), [[1, 2]], [1, "2"], NESTED),
    (array("integer"), [[1, 2]], [1.0, 2.0], NESTED),
    (array("integer"), [[1, 2]], [True, 2], NESTED),
    (array("integer"), [[1, 2]], (1, 2), SIMPLE),
    (array("integer"), [[1, 2]], 1, SIMPLE),
    (array("integer"), [[1, 2]], "12", SIMPLE),
    (array("float"), [[1.0, 3.0]], [1.0, 3.0], ""),
    (array("float"), [[1.0, 3.0]], [1, 3], NESTED),
    (array("float"), [[1, 3]], [1, 3], ""),
    (array("float"), [[1, 3]], [1.0, 3.0], ""),
    (array("float"), [["a", 3.0]], ["A", 3.0], ""),
    (array("float"), [[1.0, 3.0], ""], [1, 3], ""),
    (array("string"), [["a", "b"]], ["A", "B"], ""),
    (array("string"), [["New York"]], ["new-york"], ""),
    (array("string"), [["a", "b"]], ["b", "a"], LIST),
    (array("string"), [["a"]], [1], NESTED),
    (array("string"), [["a"]], [["a"]], NESTED),
    (array("string"), [["a"], ["b"]], ["b"], ""),
    (array("string"), ["", ["a"]], ["a"], ""),
    (array("string"), ["", ["a"]], [], ""),
    (array("string"), [["a"], ""], [], ""),
    (array("string"), [[]], [], ""),
    (array("string"), [["a"]], [], LIST),
    (array("boolean"), [[True]], [True], ""),
    (array("boolean"), [[True]], [1], NESTED),
    (array("array"), [[[1, 2], [3]]], [[1, 2], [3]], ""),
    (array("array"), [[[1, 2], [3]]], [[1, 2], 3], NESTED),
    (array("array"), [[["A"]]], [["a"]], LIST),
    (array("any"), [["a"]], ["A"], ""),
    # Tuples are lists.
    (array("float", "tuple"), [[1.5, 2.5]], (1.5, 2.5), ""),
    (array("float", "tuple"), [[1.5, 2.5]], [1.5, 2.5], ""),
    (array("float", "tuple"), [[1.5, 2.5]], [1.5, 2], NESTED),
    (array("string", "tuple"), [["a", "b"]], ("A", "b"), ""),
    (array("integer", "tuple"), [[1]], 1, SIMPLE),
    # Dictionaries: one level, each key with the values it may have.
    ("dict", [{"a": [1]}], {"a": 1}, ""),
    ("dict", [{"a": [1]}], {"a": 2}, DICT),
    ("dict", [{"a": [1]}], {}, DICT),
    ("dict", [{"a": [1, ""]}], {}, ""),
    ("dict", [{"a": [1]}], {"a": 1, "b": 2}, DICT),
    ("dict", [{"a": [1], "b": ["", 2]}], {"a": 1}, ""),
    ("dict", [{"a": [1], "b": ["", 2]}], {"a": 1, "b": 2}, ""),
    ("dict", [{"a": [1], "b": ["", 2]}], {"a": 1, "b": 3}, DICT),
    ("dict", [{"a": ["Paris"]}], {"a": "paris"}, ""),
    ("dict", [{"a": ["Paris"]}], {"A": "Paris"}, DICT),
    ("dict", [{"a": [1]}, {"a": [2]}], {"a": 2}, ""),
    ("dict", [{"a": [1]}, {"b": [2]}], {"b": 2}, ""),
    ("dict", [{"a": [1]}, {"b": [2]}], {"a": 1, "b": 2}, DICT),
    ("dict", ["", {"a": [1]}], {"a": 1}, ""),
    ("dict", [{"a": [1]}], {"a": 1.0}, ""),
    ("dict", [{"a": [True]}], {"a": 1}, ""),
    ("dict", [{"a": [1]}], {"a": "1"}, DICT),
    ("dict", [{"a": [[1, 2]]}], {"a": [1, 2]}, ""),
    ("dict", [{"a": [["x"]]}], {"a": ["X"]}, DICT),
    ("dict", [{"a": [{"b": 1}]}], {"a": {"b": 1}}, ""),
    ("dict", [{"a": [{"b": "x"}]}], {"a": {"b": "X"}}, DICT),
    ("dict", [{"a": [1]}], [("a", 1)], SIMPLE),
    ("dict", [{"a": [1]}], "a", SIMPLE),
    ("dict", [{}], {}, ""),
    ("dict", [{}], {"a": 1}, DICT),
    # Lists of dictionaries: the same length and order.
    (array("dict"), [[{"a": [1]}]], [{"a": 1}], ""),
    (array("dict"), [[{"a": [1]}]], [{"a": 2}], LIST_DICT),
    (array("dict"), [[{"a": [1]}]], [], LIST_DICT),
    (array("dict"), [[{"a": [1]}, {"a": [2]}]], [{"a": 1}, {"a": 2}], ""),
    (array("dict"), [[{"a": [1]}, {"a": [2]}]], [{"a": 2}, {"a": 1}], LIST_DICT),
    (array("dict"), [[{"a": [1]}], [{"a": [2]}]], [{"a": 2}], ""),
    (array("dict"), [[{"a": ["X", ""]}]], [{}], ""),
    (array("dict"), [[{"a": ["X"]}]], [{"a": "x"}], ""),
    (array("dict"), [[{"a": [1]}]], [1], NESTED),
    (array("dict"), [[{"a": [1]}]], {"a": 1}, SIMPLE),
]
#: Java and JavaScript: declared type, its items' type, source code, allowed values, what is wrong.
SOURCES = [
    ("java", "integer", "", "5", [5], ""),
    ("java", "integer", "", "-5", [-5], ""),
    ("java", "integer", "", "5.0", [5], SIMPLE),
    ("java", "integer", "", "n", ["n"], ""),
    ("java", "integer", "", 5, [5], "type_error:java"),
    ("java", "byte", "", "127", [127], ""),
    ("java", "short", "", "3", [3], ""),
    ("java", "long", "", "5L", [5], ""),
    ("java", "long", "", "5l", [5], ""),
    ("java", "long", "", "5", [5], SIMPLE),
    ("java", "float", "", "3.14f", [3.14], ""),
    ("java", "float", "", "3F", [3.0], ""),
    ("java", "float", "", "3.14", [3.14], SIMPLE),
    ("java", "double", "", "3.14", [3.14], ""),
    ("java", "double", "", "3", [3.0], ""),
    ("java", "double", "", "3.14e2", [314.0], ""),
    ("java", "double", "", "3.14f", [3.14], SIMPLE),
    ("java", "boolean", "", "true", [True], ""),
    ("java", "boolean", "", "True", [True], SIMPLE),
    ("java", "boolean", "", "false", [False], ""),
    ("java", "char", "", "'a'", ["'a'"], ""),
    ("java", "String", "", "Hello World", ["helloworld"], ""),
    ("java", "String", "", '"a"', ["a"], STRING),
    ("java", "any", "", "5", ["5"], ""),
    ("java", "any", "", "5", [5], OTHERS),
    ("java", "Array", "integer", "new int[]{1, 2}", [[1, 2]], ""),
    ("java", "Array", "integer", "new int[] { 1,2 }", [[1, 2]], ""),
    ("java", "Array", "integer", "new int[]{}", [[]], ""),
    ("java", "Array", "integer", "new int[]{1, x}", [[1, 2]], NESTED),
    ("java", "Array", "long", "new long[]{1L, 2L}", [[1, 2]], ""),
    ("java", "Array", "String", 'new String[]{"a"}', [['"a"']], ""),
    ("java", "Array", "integer", "numbers", ["numbers"], ""),
    ("java", "ArrayList", "integer", "new ArrayList<>(Arrays.asList(1, 2))", [[1, 2]], ""),
    ("java", "ArrayList", "String", 'new ArrayList<>(Arrays.asList("a", "b"))', [["a", "b"]], ""),
    ("java", "ArrayList", "char", "new ArrayList<>(Arrays.asList('a'))", [["a"]], ""),
    (
        "java",
        "ArrayList",
        "integer",
        "new ArrayList<Integer>() {{ add(1); add(2); }}",
        [[1, 2]],
        "",
    ),
    ("java", "ArrayList", "integer", "new ArrayList<>()", [[]], ""),
    ("java", "ArrayList", "integer", "list", [[1]], SIMPLE),
    ("java", "HashMap", "", 'new HashMap<String, Object>() {{ put("a", 1); }}', [{"a": [1]}], ""),
    ("java", "HashMap", "", 'new HashMap<>() {{ put("a", "X"); }}', [{"a": ["x"]}], ""),
    ("java", "HashMap", "", 'new HashMap<>() {{ put("a", true); }}', [{"a": [True]}], ""),
    ("java", "HashMap", "", "new HashMap<>()", [{}], ""),
    ("java", "HashMap", "", "map", ["map"], ""),
    ("javascript", "String", "", '"a"', ["a"], ""),
    ("javascript", "String", "", "'a'", ["A"], ""),
    ("javascript", "String", "", "a", ["a"], ""),
    ("javascript", "integer", "", "5", [5], ""),
    ("javascript", "integer", "", "5.5", [5], SIMPLE),
    ("javascript", "integer", "", 5, [5], "type_error:javascript"),
    ("javascript", "float", "", "5", [5.0], ""),
    ("javascript", "float", "", "5.5", [5.5], ""),
    ("javascript", "float", "", "5e1", [50.0], SIMPLE),
    ("javascript", "Bigint", "", "123n", [123], ""),
    ("javascript", "Bigint", "", "123", [123], SIMPLE),
    ("javascript", "Boolean", "", "true", [True], ""),
    ("javascript", "Boolean", "", "1", [True], SIMPLE),
    ("javascript", "array", "integer", "[1, 2]", [[1, 2]], ""),
    ("javascript", "array", "integer", "new Array(1, 2)", [[1, 2]], ""),
    ("javascript", "array", "integer", "[]", [[]], ""),
    ("javascript", "array", "String", '["a", "b"]', [["A", "b"]], ""),
    ("javascript", "array", "float", "[1.5]", [[1.5]], ""),
    ("javascript", "array", "array", "[[1, 2], [3, 4]]", [[[1, 2], [3, 4]]], ""),
    ("javascript", "array", "array", " [ [ 1, 2 ], [ 3,   4]]", [[[1, 2], [3, 4]]], ""),
    ("javascript", "array", "integer", "xs", ["xs"], ""),
    ("javascript", "dict", "", "{'a': 1}", [{"a": [1]}], ""),
    ("javascript", "dict", "", '{"a": "X", "b": true}', [{"a": ["x"], "b": [True]}], ""),
    ("javascript", "dict", "", '{"a": [1, 2]}', [{"a": [[1, 2]]}], ""),
    ("javascript", "dict", "", "{}", [{}], ""),
    ("javascript", "dict", "", "state", ["state"], ""),
    ("javascript", "any", "", "5", ["5"], ""),
]
ONE = function(a="integer")
BOTH = [function("f", ("a",), a="integer"), function("g", ("b",), b="string")]
#: Category, functions, calls, answers, what is wrong.
CALLS = [
    ("simple", [function("f", ("a",), a="integer")], [{"f": {"a": 1}}], [{"f": {"a": [1]}}], ""),
    ("simple", [function("f", ("a",), a="integer")], [{"f": {}}], [{"f": {"a": [1, ""]}}], MISSING),
    ("simple", [ONE], [{"f": {}}], [{"f": {"a": [1, ""]}}], ""),
    ("simple", [ONE], [{"f": {}}], [{"f": {"a": [1]}}], OPTIONAL),
    ("simple", [ONE], [{"f": {"b": 1}}], [{"f": {"a": [1, ""]}}], EXTRA),
    ("simple", [function(a="integer", b="integer")], [{"f": {"b": 1}}], [{"f": {}}], EXTRA),
    ("simple", [ONE], [{"f": {"b": 1}}], [{"f": {"b": [1]}}], EXTRA),
    ("simple", [ONE], [{"g": {"a": 1}}], [{"f": {"a": [1]}}], NAME),
    ("simple", [ONE], [], [{"f": {"a": [1]}}], COUNT),
    ("simple", [ONE], [{"f": {"a": 1}}] * 2, [{"f": {"a": [1]}}], COUNT),
    ("simple", [function("a.b", a="integer")], [{"a.b": {"a": 1}}], [{"a.b": {"a": [1]}}], ""),
    ("simple", [function("a.b", a="integer")], [{"a_b": {"a": 1}}], [{"a.b": {"a": [1]}}], NAME),
    ("live_simple", [function()], [{"f": {}}], [{"f": {}}], ""),
    ("multiple", BOTH, [{"g": {"b": "x"}}], [{"g": {"b": ["x"]}}], ""),
    ("multiple", BOTH, [{"f": {"a": 1}}], [{"g": {"b": ["x"]}}], NAME),
    ("multiple", BOTH, [], [{"g": {"b": ["x"]}}], "multiple:wrong_count"),
    ("multiple", BOTH, [{"g": {"b": "x"}}] * 2, [{"g": {"b": ["x"]}}], "multiple:wrong_count"),
    (
        "parallel",
        [ONE],
        [{"f": {"a": 1}}, {"f": {"a": 2}}],
        [{"f": {"a": [1]}}, {"f": {"a": [2]}}],
        "",
    ),
    (
        "parallel",
        [ONE],
        [{"f": {"a": 2}}, {"f": {"a": 1}}],
        [{"f": {"a": [1]}}, {"f": {"a": [2]}}],
        "",
    ),
    (
        "parallel",
        [ONE],
        [{"f": {"a": 1}}],
        [{"f": {"a": [1]}}, {"f": {"a": [2]}}],
        "parallel:wrong_count",
    ),
    (
        *("parallel", [ONE], [{"f": {"a": 1}}, {"f": {"a": 1}}]),
        *([{"f": {"a": [1]}}, {"f": {"a": [2]}}], "parallel:cannot_find_match"),
    ),
    ("parallel", [ONE], [{"f": {"a": 1}}] * 2, [{"f": {"a": [1]}}] * 2, ""),
    # Greedy: the first answer takes the first call that fits, though another would fit, too.
    (
        *("parallel", [ONE], [{"f": {"a": 1}}, {"f": {"a": 2}}]),
        *([{"f": {"a": [1, 2]}}, {"f": {"a": [1]}}], "parallel:cannot_find_match"),
    ),
    (
        "parallel",
        [ONE],
        [{"f": {"a": 2}}, {"f": {"a": 1}}],
        [{"f": {"a": [1, 2]}}, {"f": {"a": [1]}}],
        "",
    ),
    (
        *("parallel_multiple", BOTH, [{"g": {"b": "x"}}, {"f": {"a": 1}}]),
        *([{"f": {"a": [1]}}, {"g": {"b": ["X"]}}], ""),
    ),
    (
        *("live_parallel_multiple", BOTH, [{"f": {"a": 1}}, {"f": {"a": 1}}]),
        *([{"f": {"a": [1]}}, {"g": {"b": ["X"]}}], "parallel:cannot_find_match"),
    ),
    ("irrelevance", [ONE], [], [], ""),
    ("irrelevance", [ONE], [{"f": {"a": 1}}], [], "irrelevance:call"),
]


def test_there_are_enough_corner_cases():
    """Two hundred at the least, none twice."""
    cases = [repr(case) for case in (*VALUES, *SOURCES, *CALLS)]

    assert len(cases) == len(set(cases)) >= 200


@pytest.mark.parametrize(("stated", "allowed", "value", "wrong"), VALUES, ids=repr)
def test_a_value_is_judged_by_its_declared_type(stated, allowed, value, wrong):
    """Types are exact, and what each type compares is as published."""
    described = function(a=stated)

    assert (
        check([described], [{"f": {"a": value}}], [{"f": {"a": allowed}}], category="simple")
        == wrong
    )


@pytest.mark.parametrize(("language", "stated", "items", "source", "allowed", "wrong"), SOURCES)
def test_source_code_of_a_value_is_read(language, stated, items, source, allowed, wrong):
    """Values of Java and JavaScript arrive as code; what cannot be read stays text."""
    described = function(a=array(items, stated) if items else stated)
    calls, answers = [{"f": {"a": source}}], [{"f": {"a": allowed}}]

    assert check([described], calls, answers, category="simple_java", language=language) == wrong


@pytest.mark.parametrize(("category", "functions", "calls", "answers", "wrong"), CALLS, ids=repr)
def test_calls_are_counted_and_matched_by_category(category, functions, calls, answers, wrong):
    """One call, one of several functions, or several calls in any order."""
    assert check(functions, calls, answers, category=category) == wrong


@pytest.mark.parametrize("stated", ["Set", "Hashtable", "Queue", "Stack"])
def test_collections_that_the_checker_cannot_read_are_no_verdict(stated):
    """They raise, as they do in the original."""
    with pytest.raises(NotImplementedError):
        check(
            [function(a=stated)],
            [{"f": {"a": "x"}}],
            [{"f": {"a": ["x"]}}],
            category="simple",
            language="java",
        )


def test_marks_that_do_not_count_are_taken_out():
    """Blank, comma, full stop, slash, hyphen, underscore, asterisk and caret; quotes are one."""
    assert standardised("It's a,b./c-_d*^E") == 'it"sabcde'
