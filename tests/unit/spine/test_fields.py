"""Typed access to the keys of a spec."""

from __future__ import annotations

import pytest

from pytest_compiledai.core import fields
from pytest_compiledai.core.document import Document
from pytest_compiledai.core.document import read_documents
from pytest_compiledai.core.errors import SpecError
from pytest_compiledai.core.gate import GATES


def document(*lines: str) -> Document:
    (made,) = read_documents("\n".join(["compiledai: 1", *lines, ""]).encode(), "x.yaml")
    return made


def test_an_unknown_key_is_told_at_its_line():
    """The line is the key's, and the keys that exist are named."""
    with pytest.raises(
        SpecError, match=r"x\.yaml:3: found the key `b`; expected one of .*, a; next: "
    ):
        fields.known_keys(document("a: 1", "b: 2"), ("compiledai", "a"))


@pytest.mark.parametrize("name", ["a", "route_ticket", "x9", "a" * 64])
def test_good_names(name):
    """A name becomes a function, a module and a file."""
    assert fields.unit_name(document(f"name: {name}")) == name


@pytest.mark.parametrize(
    "name",
    ["A", "9a", "_a", "a-b", "a.b", "'a/b'", "'../a'", "a" * 65, "class", "load", "con", "com1"],
)
def test_bad_names(name):
    """What cannot be all three, or is taken, is refused at its line."""
    with pytest.raises(SpecError, match=r"x\.yaml:2: found the name"):
        fields.unit_name(document(f"name: {name}"))


def test_a_missing_name_is_told():
    """A key that is not there is nothing, not an exception of Python."""
    with pytest.raises(SpecError, match="name: nothing"):
        fields.unit_name(document())


@pytest.mark.parametrize("value", ["7", "''", "'  '", "[a]", "null"])
def test_text_is_text(value):
    """Numbers, lists and blanks are no text."""
    with pytest.raises(SpecError, match="expected text"):
        fields.text(document(f"key: {value}"), "key")


def test_optional_text_may_be_null():
    """A missing key and null are the same; any other text is kept."""
    assert fields.optional_text(document(), "key") is None
    assert fields.optional_text(document("key: null"), "key") is None
    assert fields.optional_text(document("key: a"), "key") == "a"


@pytest.mark.parametrize("value", ["0", "21", "1.0", "true", "'3'"])
def test_whole_numbers_have_bounds(value):
    """A bool, a float and a text are no whole numbers."""
    with pytest.raises(SpecError, match="a whole number from 1 to 20"):
        fields.whole(document(f"key: {value}"), "key", None, most=20)


def test_whole_takes_its_default():
    """A missing key gives the default, a good one its value."""
    assert fields.whole(document(), "key", 3, most=20) == 3
    assert fields.whole(document("key: 20"), "key", 3, most=20) == 20


def test_a_choice_is_one_of_the_words():
    """Another word is refused with the words that exist."""
    assert fields.choice(document(), "key", ("model", "none"), "model") == "model"
    with pytest.raises(SpecError, match="expected model or none"):
        fields.choice(document("key: never"), "key", ("model", "none"), "model")


def test_words_are_sorted():
    """Their order in the spec means nothing, so it is not part of any digest."""
    assert fields.words(document("key: [b, a]"), "key") == ("a", "b")
    assert fields.words(document(), "key") == ()


@pytest.mark.parametrize("value", ["a", "[a, 7]", "[a, a]", "{a: b}"])
def test_words_are_a_list_of_texts_each_once(value):
    """One word alone, another type or a word twice is refused."""
    with pytest.raises(SpecError, match=r"expected (a list of words|each word once)"):
        fields.words(document(f"key: {value}"), "key")


def test_gates_are_blocks_or_off():
    """Settings by gate, and what is off in the order of the gates."""
    blocks, off = fields.gate_blocks(
        document("gates:", "  fuzz: off", "  accuracy: off", "  syntax: {complexity: 9}"), GATES
    )

    assert blocks == {"syntax": {"complexity": 9}}
    assert off == ("accuracy", "fuzz")


@pytest.mark.parametrize("gate", ["security", "syntax", "execution"])
def test_three_gates_are_always_on(gate):
    """No spec can switch off what keeps code from doing harm."""
    with pytest.raises(SpecError, match=r"x\.yaml:3: .* a gate that can be switched off"):
        fields.gate_blocks(document("gates:", f"  {gate}: off"), GATES)


@pytest.mark.parametrize(
    "lines",
    [
        ("gates: off",),
        ("gates: [fuzz]",),
        ("gates:", "  fuzz: 7"),
        ("gates:", "  fuzz: 'no'"),
        ("gates:", "  cost: {usd: 1}"),
    ],
)
def test_other_gates_are_refused(lines):
    """An unknown gate, or anything but a mapping or off, is an error."""
    with pytest.raises(SpecError):
        fields.gate_blocks(document(*lines), GATES)
