"""Running a configuration: each step asks what it says, and failures fall back."""

from __future__ import annotations

import asyncio

import pytest

from pytest_compiledai.workflows.running import NoAnswer
from pytest_compiledai.workflows.running import Said
from pytest_compiledai.workflows.running import run
from pytest_compiledai.workflows.saying import answer_of
from pytest_compiledai.workflows.saying import normal
from pytest_compiledai.workflows.saying import picked
from pytest_compiledai.workflows.saying import told
from pytest_compiledai.workflows.tradeoffs import Configuration
from pytest_compiledai.workflows.tradeoffs import Range
from pytest_compiledai.workflows.tradeoffs import TradeOffs

ONE = Range(1.0, 1.0, 1.0)


def made(flow, *settings: dict[str, str]) -> TradeOffs:
    """Return a set of one structure with these configurations."""
    names = sorted({slot.split(".")[0] for each in settings for slot in each})
    agents = {name: {"prompt": f"{name} {{n}}"} for name in names}
    found = tuple(
        Configuration(
            id=f"c{n}",
            label="",
            structure=0,
            settings=each,
            accuracy=ONE,
            new_problems=ONE,
            seconds={"mean": 1.0, "p50": 1.0, "p95": 1.0},
            p95=ONE,
            cost=ONE,
        )
        for n, each in enumerate(settings, start=1)
    )
    data = {"agents": agents, "flow": flow, "confidence": 0.9, "passes": []}
    data["chosen"] = {"main": "c1"}
    return TradeOffs(found, "p95", data)


def answering(table: dict[str, str], asked: list[str] | None = None):
    """Return what answers by setting; a text that begins with ! is an error."""

    async def ask(agent, setting, message):
        if asked is not None:
            asked.append(message)
        await asyncio.sleep(0)
        if table[setting].startswith("!"):
            raise OSError(table[setting][1:])
        return Said(table[setting], 0.5)

    return ask


def ran(flow, settings, table, **options):
    offs = made(flow, settings)
    return asyncio.run(run(offs, "main", {"n": 3}, answering(table), **options))


@pytest.mark.parametrize(
    ("flow", "settings", "table", "answer", "cost"),
    [
        ("a", {"a": "s"}, {"s": "thinking\n42."}, "42.", 0.5),
        ({"sequence": ["a", "b"]}, {"a": "s", "b": "t"}, {"s": "x", "t": "y"}, "y", 1.0),
        ({"join": ["a", "b"]}, {"a": "s", "b": "t"}, {"s": "x", "t": "y"}, "x\ny", 1.0),
        (
            {"vote": {"of": ["a", "b", "c"]}},
            {"a": "s", "b": "t", "c": "u"},
            {"s": "no", "t": "7", "u": "7.0"},
            "7",
            1.5,
        ),
        (
            {"best": {"of": ["a", "b"], "judge": "j"}},
            {"a": "s", "b": "t", "j": "u"},
            {"s": "x", "t": "y", "u": "1 is weak\n2"},
            "y",
            1.5,
        ),
        (
            {"route": {"by": "r", "to": {"one": "a", "two": "b"}}},
            {"r": "q", "a": "s", "b": "t"},
            {"q": "One", "s": "x", "t": "y"},
            "x",
            1.0,
        ),
        (
            {"cascade": {"first": "a", "gate": "g", "then": "b"}},
            {"a": "s", "g": "q", "b": "t"},
            {"s": "x", "q": "reject", "t": "y"},
            "y",
            1.5,
        ),
        (
            {"cascade": {"first": {"vote": {"of": ["a", "b"]}}, "agree": 1.0, "then": "c"}},
            {"a": "s", "b": "t", "c": "u"},
            {"s": "x", "t": "x", "u": "y"},
            "x",
            1.0,
        ),
        (
            {"loop": {"first": "a", "check": "g", "mend": "b", "most": 3}},
            {"a": "s", "g": "q", "b": "t"},
            {"s": "x", "q": "accept", "t": "y"},
            "x",
            1.0,
        ),
    ],
)
def test_each_step_runs(flow, settings, table, answer, cost):
    """The answer and the cost of every kind of step, counted by hand."""
    found = ran(flow, settings, table)

    assert (answer, cost, "c1") == (found.answer, found.cost, found.configuration)


def test_a_loop_stops_by_the_check_that_is_handed_in():
    """Where the problems' scorer decides, the caller's check stands for it."""
    flow = {"loop": {"first": "a", "mend": "b", "most": 3}}

    found = ran(flow, {"a": "s", "b": "t"}, {"s": "x", "t": "y"}, check=lambda text: text == "y")

    assert ("y", 1.0) == (found.answer, found.cost)


def test_a_later_step_is_told_the_result_so_far():
    """The prompt has the problem's field, and what the step before made."""
    asked: list[str] = []
    offs = made({"sequence": ["a", "b"]}, {"a": "s", "b": "t"})

    asyncio.run(run(offs, "main", {"n": 3}, answering({"s": "x", "t": "y"}, asked)))

    assert ["a 3", "b 3\n\nThe result so far:\nx"] == asked


def test_a_failed_configuration_falls_back():
    """The fallback answers, and what failed before it is told."""
    offs = made("a", {"a": "s"}, {"a": "t"})
    ask = answering({"s": "!refused", "t": "fine"})

    found = asyncio.run(run(offs, "main", {}, ask, fallbacks=["c2"]))

    assert ("fine", "c2", ("c1: refused",)) == (found.answer, found.configuration, found.failed)


def test_time_is_bounded():
    """A configuration that takes too long fails, and without a fallback so does the run."""

    async def never(agent, setting, message):
        await asyncio.sleep(60)

    with pytest.raises(NoAnswer, match=r"c1: 0\.01 s are over"):
        asyncio.run(run(made("a", {"a": "s"}), "main", {}, never, timeout_s=0.01))


def test_what_a_field_holds_is_not_a_field():
    """A problem that names another field in braces does not get it."""
    assert "{b} and 2" == told("{a} and {b}", {"a": "{b}", "b": 2})


@pytest.mark.parametrize(
    ("text", "answer"),
    [("", None), ("so\n 7 \n\n", "7"), ('{"a": "x"}', "x"), ("[1, 2]", "[1, 2]")],
)
def test_what_an_answer_comes_to(text, answer):
    """The last line counts, a JSON object with one key is its value, nothing is nothing."""
    assert answer == answer_of(text)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [("7", "7.0", True), ("1,000", "1000", True), ("Yes.", "yes", True), ("7", "8", False)],
)
def test_answers_that_are_the_same(one, other, same):
    """Case, a full stop and how a number is written do not count."""
    assert same == (normal(one) == normal(other))


@pytest.mark.parametrize(
    ("text", "index"), [("2", 1), ("Candidate 3", 0), ("none", 0), ("1 or 2", 1)]
)
def test_what_a_judge_picked(text, index):
    """The last number of its last line, when there is such a candidate; else the first."""
    assert index == picked(text, 2)
