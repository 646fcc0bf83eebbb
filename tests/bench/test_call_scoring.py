"""What came of tasks, and the figures of many of them."""

from __future__ import annotations

import pytest

from bench.calls import scoring
from bench.calls import specs
from bench.calls.running import Run
from bench.calls.running import Unit
from bench.calls.tasks import Task
from bench.calls.tasks import arguments_schema
from bench.calls.tasks import read_back
from bench.calls.tasks import written
from bench.function_calling import drawn

COUNT = {
    "name": "count",
    "description": "Count.",
    "parameters": {
        "type": "dict",
        "required": ["n"],
        "properties": {
            "n": {"type": "integer"},
            "unit": {"type": "string", "default": "Each one"},
        },
    },
}


def task(number: int = 1, *, category: str = "simple", answers: bool = True) -> Task:
    right = ({"count": {"n": [number], "unit": ["", "Each one"]}},) if answers else ()
    name = f"{category}_{number}"
    return Task(id=name, category=category, request="", functions=(COUNT,), answers=right)


def run(outcome: str = "frozen", **changes) -> Run:
    units = {"u": {"outcome": outcome, "attempts": 1, "tokens": {"in": 1000, "out": 104}}}
    return Run(units=units, **changes)


def result(item: Task, ran: Run) -> str:
    return scoring.scored(item, Unit(name="u", train=(), test=(item,)), ran)["result"]


@pytest.mark.parametrize("answers", [True, False])
@pytest.mark.parametrize("outcome", ["rejected", "error"])
def test_without_a_program_nothing_was_decided(answers, outcome):
    """Also where no call is right: that no program makes no call either is no merit."""
    assert "not compiled" == result(task(answers=answers), run(outcome))
    assert "not compiled" == result(task(answers=answers), Run())


def test_a_program_that_abstains_decided():
    """It is right where no call is, and abstained where one is."""
    item, unanswerable = task(), task(category="irrelevance", answers=False)
    said = {one.id: "no number" for one in (item, unanswerable)}

    assert "abstained" == result(item, run(reasons=said))
    assert "right" == result(unanswerable, run(reasons=said))


def test_a_program_that_breaks_is_wrong():
    """A frozen program that raises has not abstained."""
    item, unanswerable = task(), task(category="irrelevance", answers=False)
    broken = {one.id: "error ValueError" for one in (item, unanswerable)}

    assert "wrong" == result(item, run(failed=broken))
    assert "wrong" == result(unanswerable, run(failed=broken))


def test_calls_are_scored_by_the_checker():
    """A call that fits is right, another is wrong, and so is any where none is asked for."""
    item, unanswerable = task(7), task(category="irrelevance", answers=False)
    calls = {item.id: [{"count": {"n": 7}}], unanswerable.id: [{"count": {"n": 7}}]}

    assert "right" == result(item, run(calls=calls))
    assert "wrong" == result(item, run(calls={item.id: [{"count": {"n": 8}}]}))
    assert "wrong" == result(unanswerable, run(calls=calls))


def test_tokens_are_earned_back_by_what_was_frozen():
    """Units that nothing came of cost tokens, too, and earn none back."""
    ran = run()
    ran.units["v"] = {**ran.units["u"], "outcome": "rejected", "gates": {}}

    found = scoring.figures([], 3, ran)

    assert (3, 2, 1) == (found["units"], found["asked"], found["frozen"])
    assert -(-2 * 1104 // 552) == found["break_even_calls"]
    assert scoring.figures([], 1, Run())["break_even_calls"] is None


def test_shares_are_of_all_tasks():
    """What is not compiled lowers every share; an interval says what so few tasks can show."""
    rows = [{"result": name} for name in ("right", "right", "abstained", "wrong", "not compiled")]

    found = scoring.shares(rows)

    assert (0.4, 0.6, 0.2) == tuple(found[f"{n}_share"] for n in ("right", "kept", "wrong"))
    assert 0 < found["wrong_low"] < 0.2 < found["wrong_high"] < 1


def test_a_larger_draw_holds_the_smaller_one():
    """Answers to a draw go on counting when it grows; each category gives as many."""
    tasks = [task(n, category=name) for name in ("simple", "parallel") for n in range(9)]

    small, large = ({one.id for one in drawn(tasks, each, 1)} for each in (3, 5))

    assert (6, 10) == (len(small), len(large))
    assert small < large
    assert {one.id for one in drawn(tasks, 3, 2)} != small
    assert len(drawn(tasks, 0, 1)) == len(tasks)


def test_a_default_left_out_is_a_default_given():
    """Rows of a schema compare as the leaderboard does, as far as one row can state it."""
    scope: dict = {}
    exec(specs.same_calls(task()), scope)
    same = scope["same"]

    assert same({"n": 1, "unit": "each one."}, {"n": 1, "unit": "Each  One"})
    assert same({"n": 1, "unit": "Each one"}, {"n": 1})
    assert not same({"n": 1, "unit": "dozen"}, {"n": 1})
    assert not same({"n": 1}, {"n": 2})
    assert same([{"n": 1}, {"n": 2}], [{"n": 2}, {"n": 1}])
    assert not same([{"n": 1}], [{"n": 1}, {"n": 1}])


def test_a_set_stated_beside_a_list_is_that_of_its_items():
    """The leaderboard writes the closed set of a list next to its type."""
    names = {"type": "array", "items": {"type": "string"}, "enum": ["a", "b"]}

    stated = arguments_schema({"type": "dict", "properties": {"names": names}})

    assert stated["properties"]["names"]["items"] == {"type": "string", "enum": ["a", "b"]}


def test_an_object_of_anything_is_a_text_of_json_and_is_read_back():
    """No schema of ours states one; what is no JSON stays a text, and is wrong."""
    pairs = {"type": "array", "items": {"type": "dict", "properties": {"of": {"type": "dict"}}}}
    parameters = {"type": "dict", "properties": {"marks": {"type": "dict"}, "pairs": pairs}}
    arguments = {"marks": {"art": 3}, "pairs": [{"of": {"a": [1]}}]}

    stated = arguments_schema(parameters)["properties"]
    text = written(parameters, arguments)

    assert (
        "string" == stated["marks"]["type"] == stated["pairs"]["items"]["properties"]["of"]["type"]
    )
    assert text == {"marks": '{"art": 3}', "pairs": [{"of": '{"a": [1]}'}]}
    assert read_back(parameters, text) == arguments
    assert read_back(parameters, {"marks": "art 3"}) == {"marks": "art 3"}
