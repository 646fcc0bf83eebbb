"""Programs learned from rows: strings, templates, numbers, decisions, and when nothing is learned."""

from __future__ import annotations

import itertools

import pytest

from pytest_compiledai.functions.assembly import assemble
from pytest_compiledai.functions.synth import proposal
from pytest_compiledai.functions.synth import records

TEXT = {"type": "string"}
NUMBER = {"type": "number"}
NAMES = [
    (first, last)
    for first in ("Ada", "Grace", "Alan", "Barbara")
    for last in ("Lovelace", "Hopper", "Turing")
]


def inputs(**properties):
    return {"type": "object", "properties": properties, "required": list(properties)}


def learned(spec_of, output, rows, **properties):
    """Return what is learned for the one output field, and the program's text."""
    name = next(iter(output))
    schema = {"type": "object", "properties": output, "required": [name]}
    spec = spec_of(schema, [(a, {name: b}) for a, b in rows], input_=inputs(**properties))
    fields = records.learned(spec)
    if fields is None:
        return None, spec
    return fields[name], spec


def test_pieces_of_names_are_put_together(spec_of):
    """An initial, a family name in lower case, and what is constant."""
    rows = [({"first": f, "last": n}, f"{f[0].lower()}.{n.lower()}@x.org") for f, n in NAMES]

    made, _ = learned(spec_of, {"mail": TEXT}, rows, first=TEXT, last=TEXT)

    assert made.value({"first": "Edsger", "last": "Dijkstra"}) == "e.dijkstra@x.org"


def test_a_date_is_written_in_another_form(spec_of):
    """Which number is the day follows from the rows; what does not exist is not known."""
    days = [(d, m) for d in (3, 14, 25) for m in (1, 6, 11)]
    rows = [({"day": f"{d:02d}/{m:02d}/2024"}, f"2024-{m:02d}-{d:02d}") for d, m in days]

    made, _ = learned(spec_of, {"iso": TEXT}, rows, day=TEXT)

    assert made.value({"day": "09/02/2023"}) == "2023-02-09"
    assert made.value({"day": "31/02/2023"}) is records.NOTHING


def test_a_template_has_a_case_for_each_value_of_a_switch(spec_of):
    """Text that all rows share is constant; a section that a switch adds is a case."""
    rows = [
        (
            {"host": f"h{n}.org", "tls": tls},
            f"server {f'h{n}.org'};\n{'ssl on;' if tls else ''}\nend",
        )
        for n, tls in itertools.product(range(6), (True, False))
    ]

    made, _ = learned(spec_of, {"conf": TEXT}, rows, host=TEXT, tls={"type": "boolean"})

    assert made.value({"host": "new.net", "tls": True}) == "server new.net;\nssl on;\nend"
    assert made.value({"host": "new.net", "tls": False}) == "server new.net;\n\nend"


def test_a_number_is_made_of_numbers(spec_of):
    """A product less a discount, rounded to cents."""
    rows = [
        ({"price": p, "count": c, "off": o}, round(p * c - o, 2))
        for p, c, o in [
            (1.15, 3, 1),
            (9.99, 2, 0.5),
            (20.4, 7, 3),
            (5.05, 5, 2),
            (7.77, 4, 1.5),
            (3, 9, 4),
        ]
    ]

    made, _ = learned(spec_of, {"total": NUMBER}, rows, price=NUMBER, count=NUMBER, off=NUMBER)

    assert made.value({"price": 2.5, "count": 4, "off": 1}) == 9


def test_bounds_decide_and_between_them_nobody_knows(spec_of):
    """Rules hold as far as rows reach: 29 and 60 were seen, 45 was not."""
    rows = [({"score": n}, "low" if n < 30 else "high") for n in [*range(20, 30), *range(60, 70)]]

    made, _ = learned(spec_of, {"band": {"enum": ["low", "high"]}}, rows, score=NUMBER)

    assert made.value({"score": 12}) == made.value({"score": 29}) == "low"
    assert made.value({"score": 60}) == "high"
    assert made.value({"score": 88}) == "high"
    assert made.value({"score": 45}) is records.NOTHING


def test_words_decide_where_a_text_has_them(spec_of):
    """A word that several texts of one answer share, and no other text has."""
    texts = {"bill": "invoice {} wrong", "tech": "crash on {} page"}
    rows = [({"text": texts[k].format(n)}, k) for n in range(8) for k in texts]

    made, _ = learned(spec_of, {"queue": {"enum": ["bill", "tech"]}}, rows, text=TEXT)

    assert made.value({"text": "another invoice, please"}) == "bill"
    assert made.value({"text": "hello"}) is records.NOTHING


def test_what_does_not_hold_out_of_sample_is_not_learned(spec_of):
    """Answers that follow nothing give no program, however well some rule fits the rows."""
    rows = [({"a": (7 * n) % 11, "b": n}, bool((n * n + n // 3) % 2)) for n in range(20)]

    made, _ = learned(spec_of, {"odd": {"type": "boolean"}}, rows, a=NUMBER, b=NUMBER)

    assert made is None


def test_nothing_is_learned_from_rows_that_are_kept_back(spec_of):
    """Only train rows are looked at: others that contradict them change no byte."""
    rows = [({"n": n}, {"m": 2 * n}) for n in range(8)]
    output = {"type": "object", "properties": {"m": {"type": "integer"}}, "required": ["m"]}
    kept = [({"n": n}, {"m": 7}, split) for n, split in ((50, "validation"), (51, "test"))]
    numbers = inputs(n={"type": "integer"})

    alone = proposal.proposal(spec_of(output, rows, input_=numbers))

    assert alone is not None
    assert alone == proposal.proposal(spec_of(output, [*rows, *kept], input_=numbers))


def test_few_rows_teach_nothing(spec_of):
    """Five rows are no rule."""
    rows = [({"n": n}, {"m": 2 * n}) for n in range(5)]
    output = {"type": "object", "properties": {"m": {"type": "integer"}}, "required": ["m"]}

    assert proposal.proposal(spec_of(output, rows, input_=inputs(n={"type": "integer"}))) is None


def test_a_unit_that_asks_for_a_capability_gets_no_program():
    """What is handed in is not learned."""
    from types import SimpleNamespace

    assert proposal.programs(SimpleNamespace(capabilities=("clock",))) == []


@pytest.mark.parametrize("name", ["tokens", "read", "decide"])
def test_a_unit_named_like_a_part_gets_no_program(spec_of, name):
    """Its function would take the place of the part."""
    rows = [({"n": n}, {"m": n > 3}) for n in range(20)]
    output = {"type": "object", "properties": {"m": {"type": "boolean"}}, "required": ["m"]}
    spec = spec_of(output, rows, input_=inputs(n={"type": "integer"}), name=name)
    made = proposal.proposal(spec)

    assert made is None or f"def {name}(data" in assemble(spec, made.reply, fenced=True).text
