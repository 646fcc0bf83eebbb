"""The header of a safetensors file, before anything loads it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pytest_compiledai.core.tensorfile import HEADER_CAP
from pytest_compiledai.core.tensorfile import BadTensors
from pytest_compiledai.core.tensorfile import header
from pytest_compiledai.core.tensorfile import header_of


def written(text: str | bytes, size: int) -> bytes:
    """Return a file of a header and so many bytes of tensors."""
    head = text.encode() if isinstance(text, str) else text
    return len(head).to_bytes(8, "little") + head + b"\x00" * size


def told(size: int = 4, **changes: object) -> bytes:
    """Return a file with one tensor of four bytes, its facts changed."""
    facts = {"dtype": "I8", "shape": [2, 2], "data_offsets": [0, 4]} | changes
    return written(json.dumps({"w": facts}), size)


def several(size: int, **tensors: tuple[str, list[int], list[int]]) -> bytes:
    """Return a file of tensors, each a type, a shape and where its bytes are."""
    keys = ("dtype", "shape", "data_offsets")
    facts = {name: dict(zip(keys, value, strict=True)) for name, value in tensors.items()}
    return written(json.dumps(facts), size)


def with_metadata(value: Any) -> bytes:
    """Return a sound file with metadata."""
    facts = {"dtype": "U8", "shape": [1], "data_offsets": [0, 1]}
    return written(json.dumps({"__metadata__": value, "w": facts}), 1)


SOUND = several(13, b=("F32", [2], [4, 12]), a=("F32", [], [0, 4]), c=("BOOL", [1], [12, 13]))
LONG = [10**4000] * 1000
BAD = [
    (b"", "a header of 0 bytes in 0"),
    (b"\x00" * 8, "a header of 0 bytes"),
    (b"\x80\x04\x95pickle.", "a header of"),
    ((1 << 40).to_bytes(8, "little") + b"{}", "a header of 1099511627776 bytes"),
    (written(b" " * (HEADER_CAP + 1), 0), f"a header of {HEADER_CAP + 1} bytes"),
    (written(b'{"\xff": 1}', 0), "no JSON"),
    (written("{", 0), "no JSON"),
    (written("[]", 0), "no mapping"),
    (written("{}", 0), "no tensor"),
    (written('{"__metadata__": {}}', 0), "no tensor"),
    (written('{"w": {}, "w": {}}', 0), 'the key "w" twice'),
    (written(json.dumps({"w": {"dtype": "I8"}}), 4), "other facts"),
    (told(more=1), "other facts"),
    (with_metadata({"a": 1}), "metadata"),
    (with_metadata("a"), "metadata"),
    (told(dtype="PICKLE"), "found 'PICKLE'"),
    (told(dtype=["I8"]), "found ['I8']"),
    (told(shape=[-2, -2]), "whole numbers"),
    (told(shape=[True, 4]), "whole numbers"),
    (told(shape=4), "whole numbers"),
    (told(data_offsets=[0, 2, 4]), "whole numbers"),
    (told(shape=[2, 3]), "bytes; expected them of its shape"),
    (told(shape=[0, *LONG]), "bytes; expected them of its shape"),
    (told(shape=LONG), "bytes; expected them of its shape"),
    (told(data_offsets=[4, 0]), "found -4 bytes"),
    (told(data_offsets=[1, 5]), "no gap"),
    (several(8, a=("F32", [2], [0, 8]), b=("F32", [1], [4, 8])), "no gap"),
    (told(size=5), "found 5 bytes of tensors; expected 4"),
    (told(size=3), "found 3 bytes of tensors; expected 4"),
]


def test_a_sound_file_is_read() -> None:
    """Tensors in any order, a single number among them, fill the file."""
    assert header(SOUND)["b"] == {"dtype": "F32", "shape": [2], "data_offsets": [4, 12]}


def test_metadata_of_texts_is_read() -> None:
    """The format allows texts beside tensors."""
    assert {"a": "b"} == header(with_metadata({"a": "b"}))["__metadata__"]


def test_a_tensor_without_numbers_is_read() -> None:
    """A shape with a nought in it takes no byte."""
    data = several(4, a=("F32", [0, 3], [0, 0]), b=("F32", [1], [0, 4]))

    assert {"a", "b"} == set(header(data))


@pytest.mark.parametrize(("data", "fault"), BAD)
def test_anything_else_is_refused(data: bytes, fault: str) -> None:
    """Bytes of no tensor, unknown types and impossible extents are errors."""
    with pytest.raises(BadTensors) as caught:
        header(data)

    assert fault in str(caught.value)


@pytest.mark.parametrize(("data", "fault"), BAD)
def test_a_file_on_the_disk_is_refused_for_the_same(
    tmp_path: Path, data: bytes, fault: str
) -> None:
    """One reader stands behind both ways in."""
    path = tmp_path / "m.safetensors"
    path.write_bytes(data)

    with pytest.raises(BadTensors) as caught:
        header_of(path)

    assert fault in str(caught.value)


def test_a_file_on_the_disk_is_read(tmp_path: Path) -> None:
    """The header is the same as of the bytes."""
    path = tmp_path / "m.safetensors"
    path.write_bytes(SOUND)

    assert header(SOUND) == header_of(path)


def test_only_the_types_asked_for_are_read() -> None:
    """A kind that stores one type takes no other."""
    with pytest.raises(BadTensors, match="w: found 'I8'; expected F32"):
        header(told(), types=("F32",))


def test_the_package_s_own_files_are_read() -> None:
    """What the format's own package writes passes."""
    numpy = pytest.importorskip("safetensors.numpy", reason="the extra `weights` is not installed")
    arrays = pytest.importorskip("numpy", reason="the extra `weights` is not installed")

    data = numpy.save({"a": arrays.zeros((2, 3), "float64"), "b": arrays.ones(5, "uint16")})

    assert [2, 3] == header(data)["a"]["shape"]
