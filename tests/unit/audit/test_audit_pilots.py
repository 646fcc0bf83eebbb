"""The pilots find the rule that made the answers, and find none where there is none."""

from __future__ import annotations

import json
import random

import pytest

from pytest_compiledai.audit import decision
from pytest_compiledai.audit.answer_form import Form
from pytest_compiledai.audit.example import examples_of
from pytest_compiledai.audit.neighbours import coverage
from pytest_compiledai.audit.pilots import run_pilots
from pytest_compiledai.audit.rule_span import alike
from pytest_compiledai.core.split import Split

WORDS = [
    f"{a}{b}"
    for a in ("ka", "lo", "mi", "ru", "te", "vo")
    for b in ("ban", "der", "fis", "gor", "hul")
]


def prose(rng, count):
    """Return some words."""
    return " ".join(rng.choice(WORDS) for _ in range(count))


def keyword(rng):
    queue = rng.choice(["loans", "cards", "other"])
    key = {"loans": "mortgage", "cards": "plastic", "other": "hello"}[queue]
    return f"{prose(rng, 5)} {key} {prose(rng, 5)}", {"queue": queue}


def threshold(rng):
    plan, amount = rng.choice(["free", "pro"]), rng.randint(1, 500)
    late = amount > 200 and plan == "free"
    return json.dumps({"plan": plan, "amount": amount, "note": prose(rng, 3)}), {"late": late}


def labelled(rng):
    number, name = (
        f"AB-{rng.randint(10000, 99999)}",
        f"{rng.choice(WORDS).title()} {rng.choice(WORDS).title()}",
    )
    return f"Ref: {number}\n{prose(rng, 4)}\nName: {name}", {"ref": number, "name": name}


def shaped(rng):
    code = f"QX{rng.randint(1000, 9999)}"
    return f"{prose(rng, rng.randint(2, 6))} {code} {prose(rng, 3)}", {"code": code}


def date(rng):
    year, month, day = rng.randint(2000, 2026), rng.randint(1, 12), rng.randint(1, 28)
    name = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"][
        month - 1
    ]
    return f"{prose(rng, 3)} due on {day} {name} {year} {prose(rng, 2)}", {
        "due": f"{year}-{month:02}-{day:02}"
    }


def product(rng):
    count, price = rng.randint(1, 50), rng.randint(100, 9999) / 100
    return json.dumps({"count": count, "price": price}), {"total": round(count * price, 2)}


def notice(rng):
    name, code = rng.choice(WORDS), str(rng.randint(10000, 99999))
    return (
        f"name: {name}\ncode: {code}",
        f"Dear {name}, the form the {code} the parcel is on the way the day it left.",
    )


@pytest.mark.parametrize("make", [keyword, threshold, labelled, shaped, date, product, notice])
def test_a_short_rule_is_found(rows, make):
    """Answers made by a short computation are had again on inputs that were held out."""
    rng = random.Random(5)
    examples, _ = examples_of(rows([make(rng) for _ in range(160)]))

    pilots = run_pilots(examples)

    assert pilots.tested >= 30
    assert pilots.rule_right >= 0.9 * pilots.tested


def test_no_rule_is_found_where_there_is_none(rows):
    """Answers that do not depend on the input are predicted no better than the commonest one."""
    rng = random.Random(6)
    pairs = [(prose(rng, 10), {"rank": rng.choice("abcd")}) for _ in range(300)]
    examples, _ = examples_of(rows(pairs))

    pilots = run_pilots(examples)

    assert pilots.rule_right <= 0.45 * pilots.tested
    assert pilots.learned_right <= 0.45 * pilots.tested


def test_the_weight_of_many_words_is_learned(rows):
    """A label that follows from many words is learned where no short rule gives it."""
    rng = random.Random(7)
    lexicon = {
        label: ["".join(rng.sample("abdegiklmnoprstu", 6)) for _ in range(60)] for label in "xyz"
    }

    def make():
        label = rng.choice(sorted(lexicon))
        words = [rng.choice(lexicon[label]) for _ in range(4)] + [prose(rng, 6)]
        words += [rng.choice(lexicon[rng.choice(sorted(lexicon))])]
        return " ".join(rng.sample(words, len(words))), label

    pilots = run_pilots(examples_of(rows([make() for _ in range(400)]))[0])

    assert pilots.learned_right >= 0.8 * pilots.tested > 1.2 * pilots.rule_right


def test_only_held_out_rows_are_counted(rows):
    """A table of its own inputs does not help a pilot: each input is met once."""
    rng = random.Random(8)
    pairs = [(f"case {n} {prose(rng, 3)}", {"id": rng.randint(0, 10**9)}) for n in range(200)]

    assert 0 == run_pilots(examples_of(rows(pairs))[0]).rule_right


def test_one_input_of_two_models_is_on_one_side_of_the_split(rows):
    """The answers of several models to one input are never both learned from and tested on."""
    pairs = [(f"question {n % 50}", f"answer {n}") for n in range(200)]

    examples, _ = examples_of(rows(pairs))

    sides = {
        each.text: {other.split for other in examples if other.text == each.text}
        for each in examples
    }
    assert {1} == {len(splits) for splits in sides.values()}


def test_demonstrations_near_the_input_cover_more_than_others(rows):
    """Answers in the manner of similar cases are covered; answers of new words are not."""
    rng = random.Random(9)
    manners = [[f"{kind}{n}" for n in range(12)] for kind in ("x", "y", "z", "q")]

    def like():
        kind = rng.randrange(4)
        return f"kind{kind} cue{kind} sign{kind} {prose(rng, 4)}", " ".join(
            rng.sample(manners[kind], 8)
        )

    def new():
        return prose(rng, 5), " ".join(f"w{rng.randrange(10**6)}" for _ in range(8))

    def covered(make):
        examples, _ = examples_of(rows([make() for _ in range(200)]))
        known = [each for each in examples if each.split is Split.TRAIN]
        return coverage(known, [each for each in examples if each.split is Split.TEST])

    assert covered(like).near >= 0.8
    assert covered(like).near - covered(like).random >= 0.2
    assert covered(new).near <= 0.2
    # Answer by answer, too, the nearest are surely the better ones, and for new words they are not.
    assert decision._nearer(covered(like).better, covered(like).better + covered(like).worse).holds
    assert not decision._nearer(covered(new).better, covered(new).better + covered(new).worse).holds


def test_a_narrow_win_of_near_demonstrations_is_none():
    """As many wins as chance gives do not show that the nearest are the better ones."""
    assert not decision._nearer(12, 20).holds
    assert decision._nearer(18, 20).holds
    assert not decision._nearer(0, 0).holds


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Anna Berg", "anna  berg.", True),
        (1200.5, "EUR 1,200.50", True),
        ("2024-03-12", "12 March 2024", True),
        ("2024-03-12", "13 March 2024", False),
        (True, 1, False),
        (None, "", False),
        (("a", 1), ("A", 1.0), True),
        ("queue", "other", False),
    ],
)
def test_values_are_alike_however_they_are_written(one, other, same):
    """Case, spacing, thousands and the form of a date are no difference; another value is."""
    assert same is alike(one, other)


def test_the_template_is_cut_off_and_labels_stay(rows):
    """What all inputs begin and end with is the template; the label of a first field is not."""
    pairs = [
        (f"Read this letter.\nName: person{n} of city{n % 7}\n\nAnswer in one word.", "x")
        for n in range(30)
    ]

    examples, cut = examples_of(rows(pairs))

    assert (("Read", "this", "letter."), ("Answer", "in", "one", "word.")) == (
        cut.before,
        cut.after,
    )
    assert examples[0].text.startswith("Name: person")


def test_an_answer_of_another_form_fills_no_slots():
    """Slots stand between the constant words in their order, and the words repeat at will."""
    form = Form(["the", "box", "the", "door"])

    assert {"slot 1": "red", "slot 3": "blue"} == form.slots("the red box the blue door.")
    assert form.slots("the red box blue door") is None
    assert Form(["a"] * 40 + ["b"]).slots("a " * 4000) is None
