"""The extra back end trains the same flow from the same data, and its bits repeat."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib.util import find_spec
from typing import Any

import pytest

from pytest_compiledai.dialogues.spec import DialogueSpec
from pytest_compiledai.dialogues.weights.building import build
from pytest_compiledai.dialogues.weights.data import made
from pytest_compiledai.dialogues.weights.repeating import repeated
from pytest_compiledai.dialogues.weights.settings import settings_of

pytestmark = pytest.mark.skipif(find_spec("trl") is None, reason="the extra `trl` is not installed")


def test_trl_trains_and_repeats_itself(parcel: DialogueSpec) -> None:
    """Few steps give an artifact of the usual files, and the same bits in another process."""
    block = {**parcel.weights, "trainer": "trl", "steps": 3, "examples": 500}
    spec = replace(parcel, weights=block)
    settings = settings_of(spec)
    files = build(spec, settings)
    bare = {path.rpartition("/")[2]: content for path, content in files.items()}
    figures: dict[str, Any] = {}

    assert list(repeated(spec, settings, made(spec, settings), bare, figures)) == []
    assert json.loads(bare["dialogue.json"])["trained"]["settings"]["trainer"] == "trl"
