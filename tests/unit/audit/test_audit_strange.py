"""Whatever stands in a log, an audit comes to its end and says what it found."""

from __future__ import annotations

import json
import random

import pytest

from pytest_compiledai.audit.as_json import as_json
from pytest_compiledai.audit.as_text import as_text
from pytest_compiledai.audit.audited import audit
from pytest_compiledai.audit.draft import draft_all

STRANGE = [
    "",
    " ",
    "{",
    "[[[]]]",
    "{}",
    "null",
    "NaN",
    "1e999",
    "-0",
    "9" * 4000,
    "2024-13-45",
    "\ud800",
    "\x00\x1b[2J\u202e",
    "a" * 50_000,
    '{"a": NaN, "b": [1, {"c": null}], "": ""}',
    '{"a": ' * 30 + "1" + "}" * 30,
    "[" * 900 + "]" * 900,
    "Name: x\nName: y\nTotal= 1,2,3,,,",
    "`" * 3 + "json\n{}\n" + "`" * 3,
    {"a": True, "b": 10**40, "ü/~": [None, 1.5]},
    [1, "x", None],
    True,
    0,
]


@pytest.mark.parametrize("seed", range(6))
def test_an_audit_of_strange_values_comes_to_its_end(log, tmp_path, seed):
    """Text, JSON and draft are made of any mixture of inputs and outputs."""
    rng = random.Random(seed)
    pool = rng.sample(STRANGE, 8)
    records = [
        {
            "site": rng.choice(("one", "two\x1b", None, 7)),
            "input": rng.choice(pool),
            "output": rng.choice(pool),
            "time": rng.choice((None, "x", -1, 1e30, 1750000000)),
            "conversation": rng.choice((None, "c", 5)),
        }
        for _ in range(150)
    ]

    found = audit([log(*records)])

    text = as_text(found)
    tally = found.log.tally
    assert 150 == tally.calls + tally.failed + tally.unreadable
    assert text == "".join(each for each in text if each.isprintable() or each == "\n")
    assert json.dumps(as_json(found))
    assert len(draft_all(found, tmp_path, tmp_path / "specs")) == len(found.sites)
