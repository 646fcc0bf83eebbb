"""Training from a checkpoint of another make: the same call, all parameters or a few."""

from __future__ import annotations

import array
import json
import math
import random
import struct
from dataclasses import dataclass
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from pytest_compiledai.core.errors import SpecError
from pytest_compiledai.core.tensorfile import header
from pytest_compiledai.dialogues.spec import DialogueSpec
from pytest_compiledai.dialogues.weights import building
from pytest_compiledai.dialogues.weights import tokens
from pytest_compiledai.dialogues.weights.data import made
from pytest_compiledai.dialogues.weights.settings import digest_of_files
from pytest_compiledai.dialogues.weights.settings import settings_of
from pytest_compiledai.dialogues.weights.training import FILES

needs_torch = pytest.mark.skipif(
    find_spec("torch") is None, reason="the extra `weights` is not installed"
)
WIDTH, RANK = 16, 2
CONFIG = {
    "model_type": "llama",
    "architectures": ["LlamaForCausalLM"],
    "hidden_size": WIDTH,
    "intermediate_size": WIDTH,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "num_key_value_heads": 2,
    "max_position_embeddings": 256,
    "tie_word_embeddings": True,
}


@dataclass(frozen=True)
class Made:
    """A checkpoint, and what training made of it."""

    base: dict[str, bytes]
    files: dict[str, bytes]
    spec: DialogueSpec

    def matrix(self, files: dict[str, bytes], name: str) -> list[list[float]]:
        """Return a tensor as rows."""
        facts = header(files["model.safetensors"])[name]
        size = int.from_bytes(files["model.safetensors"][:8], "little")
        start, end = facts["data_offsets"]
        numbers = array.array("f", files["model.safetensors"][8 + size + start : 8 + size + end])
        columns = facts["shape"][1]
        return [list(numbers[at : at + columns]) for at in range(0, len(numbers), columns)]


def checkpoint(spec: DialogueSpec) -> dict[str, bytes]:
    """Return the files of a small llama that knows letters and nothing of the flow."""
    tokenizer = tokens.trained([spec.description], [], 300)
    size, rng = tokenizer.get_vocab_size(), random.Random(0)
    layer = "model.layers.0"
    square = [f"{layer}.self_attn.{name}_proj.weight" for name in "qkvo"]
    square += [f"{layer}.mlp.{name}_proj.weight" for name in ("gate", "up", "down")]
    shapes = {name: [WIDTH, WIDTH] for name in square} | {
        "model.embed_tokens.weight": [size, WIDTH]
    }
    norms = ("input_layernorm", "post_attention_layernorm")
    shapes |= {f"{layer}.{name}.weight": [WIDTH] for name in norms} | {"model.norm.weight": [WIDTH]}
    facts, body = {}, b""
    for name, shape in shapes.items():
        numbers = array.array("f", (rng.gauss(0, 0.1) for _ in range(math.prod(shape))))
        facts[name] = {
            "dtype": "F32",
            "shape": shape,
            "data_offsets": [len(body), len(body) + 4 * len(numbers)],
        }
        body += numbers.tobytes()
    head = json.dumps(facts).encode()
    return {
        "config.json": json.dumps({**CONFIG, "vocab_size": size}).encode(),
        "model.safetensors": struct.pack("<Q", len(head)) + head + body,
        "tokenizer.json": tokenizer.to_str().encode(),
    }


def over(parcel: DialogueSpec, root: Path, **more: Any) -> DialogueSpec:
    """Return the flow, to be trained a few steps from the checkpoint in ``root``/base."""
    files = {name: (root / "base" / name).read_bytes() for name in FILES}
    own = {"base": "base", "base_sha256": digest_of_files(files), "steps": 3, "examples": 500}
    return replace(parcel, root=root, weights={**own, **more})


@pytest.fixture(scope="module")
def lora(parcel: DialogueSpec, tmp_path_factory: pytest.TempPathFactory, one_process: None) -> Made:
    """The checkpoint after three steps of low rank."""
    root = tmp_path_factory.mktemp("checkpoint")
    (root / "base").mkdir()
    base = checkpoint(parcel)
    for name, content in base.items():
        (root / "base" / name).write_bytes(content)
    spec = over(parcel, root, method="lora", rank=RANK)
    settings = settings_of(spec)
    building.train(spec, settings, made(spec, settings), root)
    return Made(base, {name: (root / "out" / name).read_bytes() for name in FILES}, spec)


@needs_torch
def test_a_checkpoint_keeps_its_make_and_learns_the_actions(lora: Made) -> None:
    """What comes out is the same architecture, with a row for each token of the flow."""
    config = json.loads(lora.files["config.json"])
    vocabulary = json.loads(lora.files["tokenizer.json"])["added_tokens"]
    known = {entry["content"] for entry in vocabulary}

    assert config["model_type"] == "llama"
    assert {tokens.action("told"), tokens.UNSURE} <= known
    assert header(lora.files["model.safetensors"])["model.embed_tokens.weight"]["shape"] == [
        config["vocab_size"],
        WIDTH,
    ]


@needs_torch
def test_low_rank_changes_a_matrix_by_that_rank_alone(lora: Made) -> None:
    """The file has the checkpoint's tensors; each matrix differs from its own by a small product."""
    name = "model.layers.0.self_attn.q_proj.weight"
    before, after = (lora.matrix(files, name) for files in (lora.base, lora.files))
    change = [
        [x - y for x, y in zip(*rows, strict=True)] for rows in zip(after, before, strict=True)
    ]

    assert set(header(lora.files["model.safetensors"])) - {"__metadata__"} == set(
        header(lora.base["model.safetensors"])
    )
    assert rank(change) == RANK


def test_low_rank_needs_a_checkpoint(parcel: DialogueSpec) -> None:
    """Beside matrices drawn by chance a small product learns nothing."""
    with pytest.raises(SpecError, match="lora"):
        settings_of(replace(parcel, weights={"method": "lora"}))


def rank(rows: list[list[float]], least: float = 1e-4) -> int:
    """Return the rank of a matrix, by elimination, of what is larger than rounding."""
    rows, found = [list(row) for row in rows], 0
    most = max(abs(x) for row in rows for x in row)
    for column in range(len(rows[0])):
        pivot = max(range(found, len(rows)), key=lambda at: abs(rows[at][column]), default=found)
        if found == len(rows) or abs(rows[pivot][column]) < least * most:
            continue
        rows[found], rows[pivot] = rows[pivot], rows[found]
        for row in rows[found + 1 :]:
            factor = row[column] / rows[found][column]
            for at in range(len(row)):
                row[at] -= factor * rows[found][at]
        found += 1
    return found
