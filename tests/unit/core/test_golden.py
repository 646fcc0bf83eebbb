"""Golden rows."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from pytest_compiledai.core import golden
from pytest_compiledai.core.canonical import canonical_json
from pytest_compiledai.core.errors import SpecError
from pytest_compiledai.core.golden import Row
from pytest_compiledai.core.golden import Shares
from pytest_compiledai.core.golden import Split
from pytest_compiledai.core.golden import read_golden
from pytest_compiledai.core.place import Place
from pytest_compiledai.core.schema import Schema


def schema(data: Any, *, closed: bool = False) -> Schema:
    return Schema.parse(data, lambda *_: Place(path="s"), closed=closed)


INPUT = schema(
    {
        "type": "object",
        "properties": {
            "x": {"type": "integer"},
            "tags": {"type": "array", "items": {"type": "string"}},
        },
        "required": ["x"],
    }
)
OUTPUT = schema(
    {"type": "object", "properties": {"y": {"type": "string"}}, "required": ["y"]}, closed=True
)


def row(number: int, **more: Any) -> dict[str, Any]:
    """Return a good row's record."""
    return {"id": f"r{number}", "input": {"x": number}, "output": {"y": "a"}, **more}


def encode(*records: Any) -> bytes:
    """Return a file: records as JSON, texts as they are."""
    return "".join(
        (one if isinstance(one, str) else json.dumps(one)) + "\n" for one in records
    ).encode()


def read(*records: Any, shares: Shares | None = None) -> tuple[Row, ...]:
    return read_golden(
        encode(*records), "g.jsonl", input=INPUT, output=OUTPUT, shares=shares or Shares()
    )


def refusal(*records: Any) -> str:
    with pytest.raises(SpecError) as caught:
        read(*records)
    return str(caught.value)


def test_reads_rows_in_order() -> None:
    """A row carries its parts, its line and its canonical input."""
    second = row(2, group="g", split="test", input={"x": 2, "tags": ["é"]})

    rows = read(row(1), second)

    assert [one.id for one in rows] == ["r1", "r2"]
    assert (rows[1].input, rows[1].output) == ({"x": 2, "tags": ["é"]}, {"y": "a"})
    assert (rows[1].group, rows[1].split, rows[1].line) == ("g", Split.TEST, 2)
    assert str(rows[1].place) == "g.jsonl:2"
    assert rows[1].key == canonical_json(second["input"])


def test_blank_lines_at_the_end_and_crlf_are_nothing() -> None:
    """An editor's line ends and last lines change nothing."""
    data = encode(row(1), row(2))

    other = data.replace(b"\n", b"\r\n") + b"\n  \n"

    schemas = {"input": INPUT, "output": OUTPUT}
    assert read_golden(other, "g", shares=Shares(), **schemas) == read_golden(
        data, "g", shares=Shares(), **schemas
    )


def test_a_new_row_moves_no_other() -> None:
    """Splits depend on each row alone, not on the others or their order."""
    records = [row(number) for number in range(60)]
    before = {one.id: one.split for one in read(*records)}

    random.Random(1).shuffle(records)
    after = {one.id: one.split for one in read(row(99), *records)}

    assert before.items() <= after.items()
    assert set(before.values()) == set(Split)


def test_a_group_shares_the_split_of_its_name() -> None:
    """Rows of a group stay together, by the hash of its name."""
    rows = read(*(row(number, group="g") for number in range(20)))

    assert {one.split for one in rows} == {Shares().assign(b"g")}


def test_equal_inputs_share_a_split() -> None:
    """The order of keys is no difference: equal inputs, equal outputs, one split."""
    one, two = read(row(1, input={"x": 1, "tags": []}), row(2, input={"tags": [], "x": 1}))

    assert one.split == two.split
    assert one.key == two.key


def test_a_stated_split_holds() -> None:
    """What a row states wins over its hash."""
    assert [one.split for one in read(*(row(n, split="validation") for n in range(9)))] == [
        Split.VALIDATION
    ] * 9


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("", "g.jsonl:2: found a blank line"),
        ("{", "g.jsonl:2: found no JSON: "),
        ("[1]", "g.jsonl:2: found a list of 1 items; expected an object"),
        ('{"id": "a", "id": "b"}', 'g.jsonl:2: found the key "id" twice'),
        ('{"id": "a", "input": {"x": NaN}}', "g.jsonl:2: found NaN"),
        (
            {"id": "a", "input": {"x": 1}},
            "g.jsonl:2 output: found nothing; expected the keys id, input, output",
        ),
        (
            row(2, splits="test"),
            'g.jsonl:2: found the key "splits"; expected one of id, input, output, group, split',
        ),
        (row(2, id=""), 'g.jsonl:2 id: found ""; expected a printable text'),
        (row(2, id=7), "g.jsonl:2 id: found 7"),
        (row(2, id="a\nb"), 'g.jsonl:2 id: found "a\\nb"'),
        (row(2, id="a" * 201), "g.jsonl:2 id: found"),
        (row(2, group=""), 'g.jsonl:2 group: found ""'),
        (row(2, group=None), "g.jsonl:2 group: found null"),
        (
            row(2, split="dev"),
            'g.jsonl:2 split: found "dev"; expected one of train, validation, test',
        ),
        (row(2, split=["test"]), "g.jsonl:2 split: found a list"),
        (row(2, input={"x": "1"}), 'g.jsonl:2 input.x: found "1"; expected an integer'),
        (
            row(2, input={"x": 1, "tags": ["a", 1]}),
            "g.jsonl:2 input.tags[1]: found 1; expected a string",
        ),
        (row(2, input=[]), "g.jsonl:2 input: found an empty list; expected an object"),
        (row(2, output={"y": "a", "a b": 1}), 'g.jsonl:2 output["a b"]: found a property'),
        (row(1, input={"x": 2}), 'g.jsonl:2 id: found "r1", also the id of line 1'),
        (
            row(2, input={"x": 1}, output={"y": "b"}),
            "g.jsonl:2 output: found another output than line 1 has",
        ),
        (
            row(2, input={"x": 1}, split="train"),
            "g.jsonl:2 split: found train, but line 1 has the same input and is test",
        ),
        (
            row(2, group="g", split="train"),
            "g.jsonl:2 split: found train, but its group is test since line 1",
        ),
        (row(2, split="\ud800"), "g.jsonl:2: found half a surrogate pair"),
    ],
)
def test_a_bad_row_is_told_with_its_line_and_field(line: Any, message: str) -> None:
    """Each message leads with the line and the field."""
    refused = refusal(row(1, split="test", group="g"), line, row(3))

    assert refused.startswith(message)
    assert "next" not in refused


def test_bytes_that_are_no_text_are_told() -> None:
    """A line that is not UTF-8 is one problem, the others are still read."""
    data = encode(row(1)) + b"\xff\n" + encode({})

    with pytest.raises(SpecError, match=r"^g:2: found bytes that are not UTF-8") as caught:
        read_golden(data, "g", input=INPUT, output=OUTPUT, shares=Shares())

    assert "\n  g:3 id: found nothing" in str(caught.value)


def test_all_problems_come_in_one_error() -> None:
    """The first 20 problems are told, the others counted."""
    message = refusal(*(row(number, output={"y": number}) for number in range(30)))

    told = message.splitlines()
    assert told[0].startswith("g.jsonl:1 output.y: found 0; expected a string; next: mend this")
    assert told[1] == "  g.jsonl:2 output.y: found 1; expected a string"
    assert len(told) == 21
    assert told[-1] == "  and 10 more"


@pytest.mark.parametrize("data", [b"", b"\n", b" \r\n\n"])
def test_an_empty_file_is_an_error(data: bytes) -> None:
    """No rows prove nothing."""
    with pytest.raises(SpecError, match=r"^g: found no rows"):
        read_golden(data, "g", input=INPUT, output=OUTPUT, shares=Shares())


def test_long_lines_are_refused() -> None:
    """A line beyond 256 kB is refused unread."""
    line = json.dumps(row(1, output={"y": "a" * 256_000}))

    assert refusal(line).startswith(f"g.jsonl:1: found a line of {len(line)} bytes")


def test_large_files_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file beyond the cap is refused unread."""
    monkeypatch.setattr(golden, "FILE_CAP", 10)

    assert "bytes; expected at most 10 bytes" in refusal(row(1))


def test_no_output_demands_an_abstention_where_a_kind_allows_it() -> None:
    """Null is read as such in a function's rows, and is a wrong output in all others."""
    data = encode(row(1), row(2, output=None))
    schemas = {"input": INPUT, "output": OUTPUT}

    rows = read_golden(data, "g.jsonl", **schemas, shares=Shares(), abstentions=True)

    assert [False, True] == [one.demands_abstention for one in rows]
    assert "g.jsonl:2 output: found null" in refusal(row(1), row(2, output=None))


def test_an_input_to_be_refused_is_of_the_schema() -> None:
    """Null excuses the output alone."""
    schemas = {"input": INPUT, "output": OUTPUT}
    data = encode(row(1, output=None, input={"x": "one"}))

    with pytest.raises(SpecError, match=r"g\.jsonl:1 input\.x"):
        read_golden(data, "g.jsonl", **schemas, shares=Shares(), abstentions=True)
