"""The short form of `python -m bench.function_calling`, on tasks of the project's own."""

from __future__ import annotations

import json
import sys

import pytest

needs_sandbox = pytest.mark.skipif(
    sys.platform != "linux", reason="executes generated code, which needs the sandbox of Linux"
)


def function(name: str, description: str, required: tuple[str, ...], **fields) -> dict:
    properties = {key: {"type": kind, "description": text} for key, (kind, text) in fields.items()}
    parameters = {"type": "dict", "properties": properties, "required": list(required)}
    return {"name": name, "description": description, "parameters": parameters}


AREA = function(
    *("shape.triangle_area", "Calculate the area of a triangle.", ("base", "height")),
    base=("integer", "The base of the triangle."),
    height=("float", "The height of the triangle."),
)
RADIUS = function(
    *("shape.circle_area", "Calculate the area of a circle.", ("radius",)),
    radius=("float", "The radius of the circle."),
)
FREE = {
    **AREA,
    "parameters": {"type": "dict", "properties": {"any": {"type": "dict"}}, "required": []},
}
#: Category, functions, request, answers.
TASKS = [
    ("simple", [AREA], "Area of a triangle with base 4 and height 2.5?", [(AREA, 4, 2.5)]),
    ("simple", [AREA], "Area of a triangle with height 3 and base 8?", [(AREA, 8, 3.0)]),
    ("simple", [AREA], "Area of a triangle with 3 and 8?", [(AREA, 8, 3.0)]),  # which is which?
    (
        "simple",
        [AREA],
        "Area of a triangle with base 6 and height 7?",
        [(AREA, 6, 9.9)],
    ),  # wrong key
    ("simple", [FREE], "Anything at all", [(AREA, 1, 1.0)]),  # a text of JSON
    ("multiple", [AREA, RADIUS], "Area of a circle with a radius of 3 m?", [(RADIUS, 3.0)]),
    (
        *(
            "parallel",
            [AREA],
            "Triangle area with base 1 and height 2. Also with base 3 and height 4.",
        ),
        [(AREA, 3, 4.0), (AREA, 1, 2.0)],
    ),
    ("irrelevance", [AREA], "Who painted the ceiling of the chapel?", []),
]


def answer(described: dict, *values: object) -> dict:
    names = described["parameters"]["properties"]
    return {described["name"]: {key: [value] for key, value in zip(names, values, strict=True)}}


@pytest.fixture
def folder(tmp_path):
    """Write the tasks in the form of the leaderboard's files."""
    for number, (category, functions, request, answers) in enumerate(TASKS):
        key = f"{category}_{number}"
        question = [[{"role": "user", "content": request}]]
        task = {"id": key, "question": question, "function": functions}
        right = {"id": key, "ground_truth": [answer(*item) for item in answers]}
        with (tmp_path / f"{category}.jsonl").open("a", encoding="utf-8") as lines:
            lines.write(json.dumps(task) + "\n")
        if answers:
            with (tmp_path / f"{category}_answers.jsonl").open("a", encoding="utf-8") as lines:
                lines.write(json.dumps(right) + "\n")
    return tmp_path


@needs_sandbox
def test_tasks_are_compiled_called_and_scored(folder):
    """Right, wrong, abstained and not compiled are told apart; no token is spent."""
    from bench.calls.tasks import read_tasks
    from bench.function_calling import measure
    from bench.function_calling import parsed
    from bench.function_calling import table

    found = measure(read_tasks(folder), parsed([]))

    results = {row["id"]: row["result"] for row in found["rows"]}
    assert results == {
        "simple_0": "right",
        "simple_1": "right",
        "simple_2": "abstained",
        "simple_3": "wrong",
        "simple_4": "abstained",
        "multiple_5": "right",
        "parallel_6": "right",
        "irrelevance_7": "right",
    }
    assert (found["tokens_in"], found["tokens_out"], found["frozen"]) == (0, 0, 8)
    quick = measure(read_tasks(folder), parsed(["--quick"]))
    assert {row["id"]: row["calls"] for row in quick["rows"]} == {
        row["id"]: row["calls"] for row in found["rows"]
    }
    assert "8 of 8 clean under mypy --strict and Ruff" in table(found)
    assert "too few to claim" not in table(found)


@needs_sandbox
def test_a_schema_with_several_requests_is_tested_on_those_it_was_not_given(folder):
    """Half of them to learn from, half to be judged by."""
    from bench.calls.tasks import read_tasks
    from bench.function_calling import measure
    from bench.function_calling import parsed
    from bench.function_calling import table

    found = measure(read_tasks(folder), parsed(["--mode", "function"]))

    assert [row["id"] for row in found["rows"]] == ["simple_2", "simple_3"]
    assert "too few to claim anything" in table(found)


@needs_sandbox
def test_a_missing_recording_is_not_compiled_and_is_listed(folder, tmp_path):
    """The request is written as an endpoint is asked it, and holds no answer."""
    from bench.calls.tasks import read_tasks
    from bench.function_calling import measure
    from bench.function_calling import parsed

    requests, empty = tmp_path / "requests.jsonl", tmp_path / "none"
    words = ["--proposer", "recordings", "--recordings", str(empty), "--requests", str(requests)]
    tasks = [task for task in read_tasks(folder) if task.id == "simple_0"]
    found = measure(tasks, parsed(words))

    (line,) = (json.loads(line) for line in requests.read_text(encoding="utf-8").splitlines())
    asked = line["body"]["messages"][1]["content"]
    assert [row["result"] for row in found["rows"]] == ["not compiled"]
    assert "base 4 and height 2.5" in asked
    assert '"output"' not in asked


@needs_sandbox
def test_two_ways_to_an_answer_need_two_recordings(folder, tmp_path):
    """The model is asked for a program and for its own answer; neither request holds the right one."""
    from bench.calls.tasks import read_tasks
    from bench.function_calling import measure
    from bench.function_calling import parsed

    requests, empty = tmp_path / "requests.jsonl", tmp_path / "none"
    words = ["--proposer", "recordings", "--recordings", str(empty), "--requests", str(requests)]
    tasks = [task for task in read_tasks(folder) if task.id == "simple_3"]
    found = measure(tasks, parsed([*words, "--reference"]))

    asked = [json.loads(line)["body"] for line in requests.read_text(encoding="utf-8").splitlines()]
    assert [row["result"] for row in found["rows"]] == ["not compiled"]
    assert "You answer inputs one by one" in asked[1]["messages"][0]["content"]
    assert all("base 6 and height 7" in body["messages"][1]["content"] for body in asked)
    assert "9.9" not in json.dumps(asked)
