"""Calls become sites: by name or by template, with bounded sketches."""

from __future__ import annotations

import random

import pytest

from pytest_compiledai.audit import site as site_module
from pytest_compiledai.audit.conversation import Linker
from pytest_compiledai.audit.log import read_log
from pytest_compiledai.audit.measures import conversations_of
from pytest_compiledai.audit.site import Site

WORDS = [
    "card",
    "loan",
    "rate",
    "branch",
    "money",
    "letter",
    "phone",
    "window",
    "garden",
    "paper",
    "river",
    "table",
    "winter",
]


def text(rng, count=8):
    """Return some words."""
    return " ".join(rng.choice(WORDS) for _ in range(count))


def site_of(calls):
    """Return the sketch of calls."""
    site, linker = Site("s", named=True), Linker()
    for order, call in enumerate(calls):
        site.add(call, linker.place(call, order))
    return site


def test_prompts_without_a_name_are_told_apart_by_their_template(log):
    """System prompts, templates round the input and ends alone each make a site."""
    rng = random.Random(1)
    records = []
    for _ in range(30):
        records += [
            {
                "system": "You sort letters into the queues of a bank.",
                "input": text(rng),
                "output": "a",
            },
            {
                "system": "You sort letters by how angry they are today.",
                "input": text(rng),
                "output": "b",
            },
            {"input": f"Translate the following text into French: {text(rng)}", "output": "c"},
            {
                "input": f"{text(rng)} Give the main point of the text above in one line.",
                "output": "d",
            },
        ]

    sites = read_log([log(*records)]).sites

    assert [30] * 4 == [site.calls for site in sites]
    assert [1] * 4 == [len(site.outputs) for site in sites]


def test_values_of_one_slot_make_no_sites(log):
    """A closed value inside a template does not split it, however much follows the value."""
    rng = random.Random(2)
    records = [
        {
            "input": f"Check the record. plan: {plan} and the amount to be paid is {text(rng, 2)}",
            "output": plan,
        }
        for plan in ("free", "pro", "team")
        for _ in range(20)
    ]

    assert [60] == [site.calls for site in read_log([log(*records)]).sites]


def test_the_order_of_the_log_changes_no_site(log):
    """Templates and names are the same for the same calls in another order."""
    rng = random.Random(3)
    records = [
        {
            "system": f"You handle the {topic} desk of the town hall.",
            "input": text(rng),
            "output": "x",
        }
        for topic in ("passport", "parking", "wedding")
        for _ in range(20)
    ]
    shuffled = random.Random(4).sample(records, len(records))

    one, two = read_log([log(*records)]), read_log([log(*shuffled)])

    assert sorted((s.name, s.calls) for s in one.sites) == sorted(
        (s.name, s.calls) for s in two.sites
    )


def test_repeated_inputs_are_compared_with_the_answer_before(call):
    """Spacing and the order of keys are no difference; another model is another input."""
    calls = [
        call("a b", '{"x": 1, "y": 2}'),
        call("a  b", '{"y": 2, "x": 1}'),
        call("a b", '{"x": 3, "y": 2}'),
        call("a b", '{"x": 9}', model="other"),
    ]

    site = site_of(calls)

    assert (2, 1) == (site.repeats, site.agreed)
    assert [True] == [
        row.conflicting for row in site.rows.values() if row.output.startswith('{"x": 3')
    ]


def test_samples_are_bounded_and_do_not_depend_on_order(call, monkeypatch):
    """The rows kept are those of the smallest hashes, and no more than the caps allow."""
    monkeypatch.setattr(site_module, "ROW_CAP", 20)
    calls = [call(f"input {n}", "x") for n in range(200)]

    forward, backward = site_of(calls), site_of(calls[::-1])

    assert 20 == len(forward.rows)
    assert forward.rows.keys() == backward.rows.keys()
    assert 200 == forward.calls


def test_a_sample_of_long_rows_stays_below_its_size(call, monkeypatch):
    """Long inputs make the sample smaller, not the memory larger."""
    monkeypatch.setattr(site_module, "SAMPLE_CHARACTERS", 10_000)

    site = site_of([call(f"{n} " + "word " * 400, "x") for n in range(50)])

    assert 1 <= len(site.rows) <= 5
    assert sum(len(row.text) + len(row.output) for row in site.rows.values()) <= 10_000


TALK = [("hello", "your name?"), ("Ann", "your city?"), ("Oslo", "done, Ann")]


def talk_calls(call, number, **facts):
    """Return the calls of a conversation that repeats its history."""
    history, calls = [], []
    for opening, said in TALK:
        heard = f"{opening} {number}"
        calls.append(call(heard, said, history=history, **facts))
        history = [*history, ("user", heard), ("assistant", said)]
    return calls


@pytest.mark.parametrize("known", [True, False])
def test_turns_are_linked_by_id_or_by_history(call, known):
    """A conversation is found by its id, and without one by the history that each call repeats."""
    calls = [
        each
        for number in range(4)
        for each in talk_calls(call, number, **({"conversation": f"c{number}"} if known else {}))
    ]

    found = conversations_of(site_of(calls))

    said = [answer for _, answer in TALK]
    assert [said] * 4 == [[turn.said for turn in turns] for turns in found.values()]


def test_a_history_that_no_call_of_the_log_made_is_taken_from_the_call(call):
    """Where only the last call of each conversation was logged, its history gives the turns."""
    calls = [talk_calls(call, number)[-1] for number in range(4)]

    found = conversations_of(site_of(calls))

    assert [3] * 4 == [len(turns) for turns in found.values()]


def test_examples_in_a_prompt_are_no_conversation(call):
    """The same history before every input is a prompt's examples."""
    shots = [("user", "one"), ("assistant", "1"), ("user", "two"), ("assistant", "2")]

    assert {} == conversations_of(site_of([call(f"n {n}", "3", history=shots) for n in range(20)]))


def test_calls_of_one_session_without_history_are_calls_of_their_own(call):
    """A session's id alone makes no conversation: a call without its history continues none."""
    calls = [call(f"n {n}", "3", conversation="session") for n in range(20)]

    assert {} == conversations_of(site_of(calls))
