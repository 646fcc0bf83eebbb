"""Weights beside a function: hashed, parsed and handed in by the loader, or refused before it runs."""

from __future__ import annotations

import json
import pickle
import struct

import pytest

from pytest_compiledai.core.artifact import Artifact
from pytest_compiledai.core.tensors import _tensors
from pytest_compiledai.runtime.stubs import stubs_of

CODE = """\
import builtins
from collections.abc import Mapping

builtins.ran = True

def {name}(data: int, *, weights: Mapping[str, bytes]) -> int:
    return weights["rows"][data]
"""
FACTS = {"rows": {"dtype": "U8", "shape": [2, 2], "data_offsets": [0, 4]}}


def file_of(header: object = FACTS, numbers: bytes = bytes([5, 6, 7, 8])) -> bytes:
    """Return a file of tensors with a header of ours."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + numbers


@pytest.fixture
def frozen(package):
    """Return what freezes a function with weights, and a path to them."""

    def freeze(name: str = "routed", data: bytes | None = None):
        path = f"{name}/linear.safetensors"
        files = {f"{name}.py": CODE.format(name=name), path: ""}
        weights = file_of() if data is None else data
        package.freeze(name, {k: v.encode() for k, v in files.items()} | {path: weights})
        return package.out / path

    return freeze


@pytest.fixture(autouse=True)
def nothing_refused_ran(request):
    """What a test expects to be refused was not executed."""
    import builtins

    yield
    ran = builtins.__dict__.pop("ran", False)
    assert not (ran and "refused" in request.node.name)


def refusal(package, name: str = "routed") -> str:
    compiled = package.load()
    with pytest.raises(compiled.IntegrityError) as caught:
        compiled.load(name)
    return str(caught.value)


def test_a_function_is_handed_its_weights(package, frozen, from_import) -> None:
    """By every way to it, without a word of the caller, and it stays a function."""
    frozen()
    compiled = package.load()

    assert compiled.load("routed")(1) == 6
    assert from_import(package, "routed")(3) == 8
    assert pickle.loads(pickle.dumps(compiled.routed)) is compiled.routed


def test_weights_cannot_be_changed(package, frozen) -> None:
    """What one call does cannot reach the next one."""
    frozen()
    weights = package.load().load("routed").__kwdefaults__["weights"]

    with pytest.raises(TypeError):
        weights["rows"] = b""
    with pytest.raises(TypeError):
        weights["rows"][0] = 1


@pytest.mark.parametrize("at", [0, 20, -1])
def test_edited_weights_are_refused(package, frozen, at: int) -> None:
    """In the length, in the header, in a number: each changed byte is noticed."""
    path = frozen()
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(bytes(data))

    message = refusal(package)
    assert "routed/linear.safetensors: found sha256" in message
    assert "; next: `git checkout" in message


def test_a_swapped_pair_of_weights_is_refused(package, frozen) -> None:
    """Both files are good, each for the other function."""
    one, other = frozen("routed"), frozen("other", file_of(numbers=bytes([1, 2, 3, 4])))
    data = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(data)

    assert "found sha256" in refusal(package)


def test_linked_weights_are_refused(package, frozen) -> None:
    """Even to the very bytes: no link is followed."""
    path = frozen()
    away = package.root / "away"
    path.rename(away)
    path.symlink_to(away)

    assert "routed/linear.safetensors" in refusal(package)


def test_missing_weights_are_refused(package, frozen) -> None:
    """The code alone is not what passed the gates."""
    frozen().unlink()

    assert "no such file" in refusal(package)


def test_another_file_beside_a_function_is_refused(package) -> None:
    """A function has code and weights, nothing else."""
    package.freeze("routed", {"routed.py": CODE.format(name="routed").encode(), "routed/x": b""})

    assert "a file that no function has" in refusal(package)


def test_what_is_no_file_of_tensors_is_refused_though_hashed(package, frozen) -> None:
    """A lock that vouches for nonsense does not make it tensors."""
    frozen(data=b"nonsense")

    assert "expected tensors" in refusal(package)


def test_a_callers_type_checker_need_not_know_of_weights() -> None:
    """The stub has no parameter that the loader fills."""
    files = {"routed.py": CODE.format(name="routed").encode(), "routed/linear.safetensors": b""}

    (stub,) = stubs_of([Artifact(name="routed", files=files)]).values()

    assert b"def routed(data: int) -> int" in stub


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0" * 8,
        struct.pack("<Q", 2**63) + b"{}",
        struct.pack("<Q", 1 << 17) + b"{" + b" " * (1 << 17),  # a header over the cap
        file_of(b"[]", b""),
        file_of(b"\xff{}", b""),
        file_of(b"[" * 50_000, b""),
        file_of(b'{"a":1,"a":1}', b""),
        file_of(FACTS, b"12345"),  # a byte that belongs to nothing
        file_of(FACTS, b"123"),
        file_of({"rows": {**FACTS["rows"], "dtype": "F64"}}),
        file_of({"rows": {**FACTS["rows"], "dtype": ["U8"]}}),
        file_of({"rows": {**FACTS["rows"], "shape": [2, 3]}}),
        file_of({"rows": {**FACTS["rows"], "shape": [2, True, 2]}}),
        file_of({"rows": {**FACTS["rows"], "shape": [-2, -2]}}),
        file_of({"rows": {**FACTS["rows"], "data_offsets": [4, 8]}}),  # a hole before it
        file_of({"rows": {**FACTS["rows"], "more": 1}}),
        file_of({"a": FACTS["rows"], "b": FACTS["rows"]}),  # one on top of the other
    ],
)
def test_what_is_not_of_the_form_is_no_file_of_tensors(data: bytes) -> None:
    """Every byte belongs to the header or to one tensor, of a type that is known."""
    with pytest.raises(ValueError, match=r"\w"):
        _tensors(data)


def test_what_others_write_is_read() -> None:
    """The format's own library and we agree."""
    numpy = pytest.importorskip("numpy")
    save = pytest.importorskip("safetensors.numpy").save
    table = numpy.arange(6, dtype=numpy.int32).reshape(2, 3)

    found = _tensors(save({"a": table, "b": numpy.ones(3, numpy.uint8)}, metadata={"x": "y"}))

    assert found == {"a": table.tobytes(), "b": b"\1\1\1"}
