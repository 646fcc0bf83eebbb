"""Strict YAML: what a spec file may hold, and where each part of it stands."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st

from pytest_compiledai.core.document import DEPTH_CAP
from pytest_compiledai.core.document import SIZE_CAP
from pytest_compiledai.core.document import is_spec
from pytest_compiledai.core.document import read_documents
from pytest_compiledai.core.errors import SpecError
from pytest_compiledai.core.place import Place

HEAD = "compiledai: 1\n"
SPEC = b"""\
# a comment
---
compiledai: 1
kind: function
input:
  properties: {a: {type: string}}
  xs:
  - 1
  - b: -2.5
gates: {accuracy: off}
---
compiledai: 1
kind: demos
"""
SURPRISES = """
    no yes on off No OFF True FALSE Null ~ 0123 089 0x1F 0o17 0b1 1_000 12:30 12:30:45 1:30.5
    1e3 1.5e3 1. .5 +1 .nan .inf -.INF nan 2020-01-01 2020-1-1 2020-01-01T10:00:00Z 1.0e+999 = -.5e3
"""
few = settings(max_examples=150, derandomize=True, database=None, deadline=None)


def read(text: str | bytes) -> object:
    data = text.encode() if isinstance(text, str) else text
    return read_documents(data, "s.yaml")[0].data


def refusal(text: str | bytes) -> str:
    with pytest.raises(SpecError) as caught:
        read(text)
    return str(caught.value)


def test_reads_every_document() -> None:
    """A file may hold several specs, each with the line it begins at."""
    first, second = read_documents(SPEC, "s.yaml")

    assert first.data["input"] == {
        "properties": {"a": {"type": "string"}},
        "xs": [1, {"b": -2.5}],
    }
    assert (first.line, second.line) == (3, 12)
    assert second.data == {"compiledai": 1, "kind": "demos"}


@pytest.mark.parametrize(
    ("keys", "line"),
    [
        ((), 3),
        (("kind",), 4),
        (("input", "properties", "a", "type"), 6),
        (("input", "xs", 1, "b"), 9),
        (("input", "xs", 7), 7),
        (("nowhere",), 3),
    ],
)
def test_place_is_the_nearest_that_stands(keys: tuple[str | int, ...], line: int) -> None:
    """Every key and item has its line; what does not stand has that of what is around it."""
    document = read_documents(SPEC, "s.yaml")[0]

    assert document.place(*keys) == Place(path="s.yaml", line=line)


@pytest.mark.parametrize(
    "text",
    [
        "compiledai: 1",
        "compiledai: 1\r\nkind: x\r\n",
        "\n  # comment: yes\n--- # more\n\ncompiledai: 2",
        "%YAML 1.2\n---\ncompiledai: 1",
        "'compiledai': 1",
        '"compiledai" : 1',
        "{compiledai: 1}",
        "--- {compiledai: 1}",
        "compiledai:1",
        "\ufeffcompiledai: 1",
    ],
)
def test_is_spec_sees_the_first_key(text: str) -> None:
    """A file whose first key is the header is a spec, even one that reading refuses."""
    assert is_spec(text.encode())


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# compiledai: 1\nname: x",
        "name: x\ncompiledai: 1",
        "name: x\n---\ncompiledai: 1",
        "--- |\n  compiledai: 1",
        "- compiledai: 1",
        "compiledai_version: 1",
        "compiledai",
        "x: {compiledai: 1}",
        "---",
    ],
)
def test_is_spec_passes_over_other_yaml(text: str) -> None:
    """Comments, later keys, later documents and texts do not make a spec."""
    assert not is_spec(text.encode())


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True),
        ("false", False),
        ("null", None),
        ("0", 0),
        ("-12", -12),
        ("0.50", 0.5),
        ("1.5e+3", 1500.0),
        ("'no'", "no"),
        ('"0123"', "0123"),
        ("word", "word"),
        ("2.13.1", "2.13.1"),
        ("10 MB", "10 MB"),
        ("y", "y"),
        ("é", "é"),
        ("''", ""),
        ("|\n  a\n  b\n", "a\nb\n"),
        ('"\\t"', "\t"),
        ("[]", []),
    ],
)
def test_scalars_have_one_meaning(text: str, value: object) -> None:
    """What every reader of YAML takes alike is read so."""
    data = read(f"{HEAD}x: {text}")

    assert data["x"] == value
    assert type(data["x"]) is type(value)


@pytest.mark.parametrize(
    "text",
    SURPRISES.split(),
)
def test_surprising_scalars_are_refused(text: str) -> None:
    """What readers take for different things is an error that says how to write it."""
    message = refusal(f"{HEAD}x: {text}")

    assert message.startswith(f"s.yaml:2: found the surprising scalar {text}; expected ")


def test_a_long_number_is_refused() -> None:
    """A number longer than any double is refused before it is read."""
    assert "at most 300 digits" in refusal(f"{HEAD}x: {'1' * 5000}")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("x: &a 1", "2: found the anchor &a"),
        ("x: *a", "2: found an alias"),
        ("x: !!str 1", "2: found the tag tag:yaml.org,2002:str"),
        ("x: !local {a: 1}", "2: found the tag !local"),
        ("x: ! a", "2: found the tag !"),
        ("x:\ny: 1", "2: found nothing for `x`"),
        ("x: [1, ]\ny: {a}", "3: found nothing for `a`"),
        ("<<: {a: 1}", "2: found the surprising scalar <<"),
        ("x: 1\ny: 2\nx: 3", "4: found the key `x` twice (lines 2 and 4)"),
        ("x:\n  a: 1\n  'a': 1", "4: found the key `a` twice (lines 3 and 4)"),
        ("1: x", "2: found the key 1, which is not a string"),
        ("true: x", "2: found the key true, which is not a string"),
        ("no: x", "2: found the surprising scalar no"),
        ("? [a]\n: x", "2: found a list as a key"),
        ("x: a\tb", "2: found a tab"),
        ("\ty: 1", "2: found a tab"),
        ("x: \x07", "2: found the character U+0007"),
        ("x: a\u202eb", "2: found the character U+202E"),
        ("x: a\u2028b", "2: found the character U+2028"),
        ("x: a\rb", "2: found the character U+000D"),
        ('x: "\\ud800"', "2: found half a surrogate pair"),
        ("x: a: b", "2: found broken YAML"),
        ("x: 'a", "found broken YAML"),
        ('x: "\\UFFFFFFFF"', "found broken YAML"),
        ("x: @a", "2: found broken YAML"),
        ("---\nx: 1", "3: found a document that begins with `x`"),
        ("---\n", "found nothing; expected a mapping that begins with `compiledai: 1`"),
        ("---\n{}", "3: found an empty document"),
    ],
)
def test_refusals_name_line_and_reason(text: str, found: str) -> None:
    """What a spec may not hold is an error at its line."""
    assert found in refusal(HEAD + text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "s.yaml: found no document; expected `compiledai: 1`"),
        ("compiledai: 2", "found `compiledai: 2`; expected 1; next: upgrade"),
        ("compiledai: '1'", "found `compiledai: '1'`; expected 1"),
        ("compiledai: true", "found `compiledai: True`; expected 1"),
        ("compiledai: 1.0", "found `compiledai: 1.0`; expected 1"),
        ("- a", "s.yaml:1: found a list; expected a mapping that begins"),
        ("%YAML 1.2\n---\ncompiledai: 1", "s.yaml:1: found a directive"),
        ("\ufeffcompiledai: 1", "s.yaml:1: found a byte order mark"),
        (b"compiledai: 1\nx: \xff", "s.yaml:2: found bytes that are not UTF-8"),
    ],
)
def test_the_head_of_a_file_is_checked(text: str | bytes, message: str) -> None:
    """The header must be there, first, and of a version that is understood."""
    assert message in refusal(text)


def test_line_ends_do_not_matter() -> None:
    """A CRLF checkout reads as the LF one, lines included."""
    crlf = read_documents(SPEC.replace(b"\n", b"\r\n"), "s.yaml")

    assert crlf == read_documents(SPEC, "s.yaml")


def test_size_is_capped_before_parsing() -> None:
    """A file beyond the cap is refused unread; one at the cap is read."""
    at_cap = (HEAD + "#" * SIZE_CAP)[:SIZE_CAP]

    assert read(at_cap) == {"compiledai": 1}
    assert "256001 bytes" in refusal(at_cap + "#")


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ("{a: ", "}")])
def test_depth_is_capped(opening: str, closing: str) -> None:
    """Nesting at the cap is read, one level more is refused."""
    inside = DEPTH_CAP - 1

    read(
        f"{HEAD}x: {opening * inside}{closing if opening == '[' else '1' + closing}"
        + closing * (inside - 1)
    )
    assert "found deeper nesting" in refusal(f"{HEAD}x: {opening * (inside + 1)}")


@pytest.mark.parametrize("piece", ["[", "{a: ", "- ", "? ", "[[a],", "!", "a\n "])
def test_hostile_repetition_ends_soon(piece: str) -> None:
    """A file full of one construct is refused or read, never a crash."""
    data = (HEAD + "x: " + piece * 30_000).encode()[:60_000]

    with contextlib.suppress(SpecError):
        read_documents(data, "s.yaml")


def test_off_is_a_word_only_where_a_gate_is_switched() -> None:
    """`off` without quotes switches a gate or its types off, and is surprising anywhere else."""
    data = read(f"{HEAD}gates:\n  fuzz: off\n")

    assert data["gates"] == {"fuzz": "off"}
    assert read(f"{HEAD}gates: {{syntax: {{mypy: off}}}}\n")["gates"] == {"syntax": {"mypy": "off"}}
    assert "surprising scalar off" in refusal(f"{HEAD}gates: {{fuzz: {{reference: off}}}}")
    assert "surprising scalar off" in refusal(f"{HEAD}gates: off")


def _reads_or_refuses(data: bytes) -> None:
    is_spec(data)
    with contextlib.suppress(SpecError):
        read_documents(data, "s.yaml")


@few
@given(
    st.binary(max_size=80)
    | st.text(max_size=80).map(lambda text: HEAD.encode() + text.encode("utf-8", "replace"))
)
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    """No bytes lead to anything but documents or a spec error."""
    _reads_or_refuses(data)


@few
@given(
    st.integers(0, len(SPEC)),
    st.integers(0, 12),
    st.text(alphabet="-:[]{}&*!|>'\"%@`?,#~ \n\tab01\\.\ud7ff", max_size=8),
)
def test_any_edit_of_a_spec_is_read_or_refused(start: int, length: int, text: str) -> None:
    """A spec with a piece replaced by YAML's own characters is read or refused."""
    _reads_or_refuses(SPEC[:start] + text.encode() + SPEC[start + length :])
