"""The cascade: retrieval, agreement, early stop, the teacher behind it."""

from __future__ import annotations

import asyncio
import itertools
import json

import pytest

from pytest_compiledai.distill.agreeing import agreed
from pytest_compiledai.distill.agreeing import canonical
from pytest_compiledai.distill.agreeing import is_open
from pytest_compiledai.distill.demos import read_demos
from pytest_compiledai.distill.embedding import Hashed
from pytest_compiledai.distill.paired import break_even
from pytest_compiledai.distill.paired import cascade_usd
from pytest_compiledai.distill.paired import paired
from pytest_compiledai.distill.retrieval import Hit
from pytest_compiledai.distill.retrieval import Index
from pytest_compiledai.distill.running import Abstained
from pytest_compiledai.distill.running import arun
from pytest_compiledai.distill.running import run
from pytest_compiledai.distill.tensors import read_matrices
from pytest_compiledai.distill.tensors import write_matrices


@pytest.fixture
def demos(tickets):
    """Return the frozen cascade of the planted spec."""
    return read_demos(tickets.candidate(tickets.unit()).files)


def asking(*samples: str, teacher: str = "told", asked: list | None = None):
    """Return a way of asking that gives planted samples."""

    def ask(question):
        if asked is not None:
            asked.append(question)
        if question.model == "planted/big":
            return teacher
        return samples[question.sample]

    return ask


def test_the_published_break_even_comes_out():
    """500 demonstrations at 0.059 USD, and 0.024 USD a call, pay after 843 episodes."""
    calls = break_even(demonstrations=500, teacher=0.059, call=0.024)

    assert 843 == round(calls)
    assert 34_970 == pytest.approx(1_000_000 * 0.035 - 500 * 0.059, abs=1)


def test_a_cascade_that_saves_nothing_never_pays():
    """Where a call costs what the teacher costs, no number of calls pays."""
    call = cascade_usd(samples=3, student=0.02, agreeing=0.0, teacher=0.05)

    assert break_even(demonstrations=1, teacher=0.05, call=call) is None


def test_retrieval_takes_the_mean_over_keys():
    """A step near under both keys comes before one that is nearest under one."""
    matrices = {"goal": [(1.0, 0.0), (0.8, 0.6)], "plan": [(0.0, 1.0), (0.8, 0.6)]}
    index = Index(steps=(Hit(0, 0), Hit(1, 0)), matrices=matrices)

    found = index.nearest({"goal": (1.0, 0.0), "plan": (1.0, 0.0)}, 2)

    assert [Hit(1, 0), Hit(0, 0)] == found


def test_a_missing_key_gets_the_worst_score():
    """A step without the key counts there as the worst that has it, not as zero."""
    matrices = {
        "goal": [(1.0, 0.0), (0.9, 0.435889894), (0.0, 1.0)],
        "plan": [(0.0, 0.0), (0.0, 1.0), (-1.0, 0.0)],
    }
    index = Index(steps=(Hit(0, 0), Hit(1, 0), Hit(2, 0)), matrices=matrices)

    found = index.nearest({"goal": (1.0, 0.0), "plan": (1.0, 0.0)}, 3)

    assert [1, 0, 2] == [hit.trace for hit in found]


def test_a_trajectory_is_shown_once():
    """Of two steps of one trajectory the nearer is taken."""
    index = Index(
        steps=(Hit(0, 0), Hit(0, 1), Hit(1, 0)),
        matrices={"goal": [(1.0, 0.0), (1.0, 0.0), (0.0, 1.0)]},
    )

    assert [Hit(0, 0), Hit(1, 0)] == index.nearest({"goal": (1.0, 0.0)}, 2)


def test_near_words_make_near_vectors():
    """Texts that share words or parts of them are nearer than others."""
    near, far, text = Hashed().vectors(["late deliveries", "password lost", "a late delivery"])

    def product(vector):
        return sum(a * b for a, b in zip(vector, text, strict=True))

    assert product(near) > product(far) + 0.2


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ('{"a": 1, "b": [2]}', '{"b":[2],"a":1}'),
        ("go  to\nshelf", " go to shelf"),
        ("```\nx\n```", "x"),
    ],
)
def test_equal_answers_have_one_form(one, other):
    """JSON is compared by value, text by its words."""
    assert canonical(one) == canonical(other)


def test_answers_that_differ_stay_different():
    """Case and words count."""
    assert canonical("Go") != canonical("go")


def test_early_stop_changes_no_outcome():
    """Whatever the samples, stopping early gives what all of them would have given."""
    for samples in range(1, 6):
        for needed in range(samples // 2 + 1, samples + 1):
            for answers in itertools.product("ab", repeat=samples):
                seen = list(answers[:needed])
                while is_open(seen, needed, samples):
                    seen.append(answers[len(seen)])

                assert agreed(seen, needed) == agreed(answers, needed)


def test_agreeing_samples_never_reach_the_teacher(demos):
    """Two of two needed are asked side by side, and nobody else."""
    asked = []
    ran = run(demos, {"goal": "late delivery"}, asking("x", "x", "x", asked=asked))

    assert ("x", False, 3) == (ran.answer, ran.escalated, ran.samples)
    assert {"planted/small"} == {question.model for question in asked}


def test_samples_that_disagree_ask_the_teacher(demos):
    """One of three that differs is enough, as published."""
    ran = run(demos, {"goal": "late delivery"}, asking("x", "y", "x"))

    assert ("told", True) == (ran.answer, ran.escalated)


def test_nobody_answers(demos):
    """Without agreement and without a teacher the cascade abstains."""
    with pytest.raises(Abstained, match="planted/big gave none"):
        run(demos, {"goal": "late delivery"}, asking("x", "y", "x", teacher=" "))


def test_an_endpoint_that_hangs_is_no_answer(demos):
    """A student that takes too long is left for the teacher."""

    async def ask(question):
        if question.model == "planted/small":
            await asyncio.sleep(30)
        return "told"

    ran = asyncio.run(arun(demos, {"goal": "late"}, ask, timeout_s=0.05))

    assert ran.escalated


def test_the_prompt_shows_successes_only(demos):
    """Demonstrations stand before the task, nearest first, and none that failed."""
    (_, text) = demos.student({"goal": "letter on login"})[1]

    assert "Example 2:" in text
    assert text.index("login") < text.index("Now:\ngoal: letter on login\naction:")
    assert "lost" not in text


def test_a_window_shows_the_steps_around(tickets):
    """Of a long trajectory the steps round the hit are shown."""
    tickets.spec = tickets.spec.replace("k: 2", "k: 1, window: 3").replace("goal", "observation")
    steps = [{"observation": f"room {n}", "action": f"open {n}"} for n in range(9)]
    tickets.traces = [{"id": "t", "score": 1, "goal": "find", "steps": steps}]
    for row in tickets.rows:
        row["input"] = {"observation": row["input"]["goal"]}
    (_, text) = read_demos(tickets.candidate(tickets.unit()).files).student(
        {"observation": "room 5"}
    )[1]

    assert ["open 4", "open 5", "open 6"] == [f"open {n}" for n in range(9) if f"open {n}" in text]


def test_matrices_come_back():
    """What is written is read, as 32-bit floats; cut files are refused."""
    data = write_matrices({"a": [(0.5, -1.0)], "b": [(0.25, 2.0)]}, 2)

    assert {"a": ((0.5, -1.0),), "b": ((0.25, 2.0),)} == read_matrices(data)
    with pytest.raises(ValueError, match="found 15 bytes of tensors; expected 16"):
        read_matrices(data[:-1])


def test_bytes_that_no_matrix_owns_are_refused():
    """A gap between matrices could carry anything."""
    data = write_matrices({"a": [(0.5, -1.0)], "b": [(0.25, 2.0)]}, 2)
    moved = data.replace(b"[8,16]", b"[9,17]") + b"x"

    with pytest.raises(ValueError, match="gap"):
        read_matrices(moved)


def test_what_is_no_matrix_is_refused():
    """A number alone, metadata and a header full of spaces are sound files, but none of ours."""
    number = {"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}
    square = {"a": {"dtype": "F32", "shape": [1, 1], "data_offsets": [0, 4]}}
    for facts, spaces in ((number, 0), ({"__metadata__": {}, **square}, 0), (square, 100_000)):
        head = json.dumps(facts).encode() + b" " * spaces

        with pytest.raises(ValueError, match=r"matrices|are ours"):
            read_matrices(len(head).to_bytes(8, "little") + head + b"\0" * 4)


def test_safetensors_reads_what_we_write():
    """The format is the package's own."""
    safetensors = pytest.importorskip("safetensors", reason="the extra `weights` is not installed")
    data = write_matrices({"goal": [(0.5, -1.0), (0.25, 2.0)]}, 2)

    ((name, tensor),) = safetensors.deserialize(data)

    assert ("goal", [2, 2], "F32") == (name, tensor["shape"], tensor["dtype"])


def test_the_paired_interval_is_the_method_s():
    """36 right both, 12 only first, 2 only second: 0.0569 to 0.3404, by hand from the formulas."""
    pairs = [(True, True)] * 36 + [(True, False)] * 12 + [(False, True)] * 2

    found = paired(pairs, 0.95)

    assert (0.0569, 0.3404) == pytest.approx((found.low, found.high), abs=1e-4)


def test_the_paired_interval_is_odd():
    """Which of the two is called first changes the sign alone."""
    pairs = [(True, True)] * 20 + [(True, False)] * 12 + [(False, True)] * 2 + [(False, False)] * 9

    one, other = paired(pairs, 0.95), paired([(b, a) for a, b in pairs], 0.95)

    assert (one.low, one.high) == pytest.approx((-other.high, -other.low))


def test_rows_without_a_difference_still_leave_doubt():
    """Few equal rows say little, none say nothing."""
    assert -0.4 < paired([(True, True)] * 8, 0.95).low < -0.25
    assert -1.0 == paired([], 0.95).low
