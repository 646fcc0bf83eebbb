"""From a spec to the files of its artifact: data, training in a process of its own, a threshold."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from typing import Final

from pytest_compiledai.core.errors import ModelError
from pytest_compiledai.core.strictjson import read_json
from pytest_compiledai.core.tensorfile import BadTensors
from pytest_compiledai.core.tensorfile import header
from pytest_compiledai.dialogues.flow import Flow
from pytest_compiledai.dialogues.spec import DialogueSpec
from pytest_compiledai.dialogues.weights import consistency
from pytest_compiledai.dialogues.weights import flowjson
from pytest_compiledai.dialogues.weights.child import ask
from pytest_compiledai.dialogues.weights.data import Data
from pytest_compiledai.dialogues.weights.data import lines
from pytest_compiledai.dialogues.weights.data import made
from pytest_compiledai.dialogues.weights.grammar import Conversation
from pytest_compiledai.dialogues.weights.grammar import heard
from pytest_compiledai.dialogues.weights.settings import Settings
from pytest_compiledai.dialogues.weights.settings import digest_of_files
from pytest_compiledai.dialogues.weights.talking import FILE
from pytest_compiledai.dialogues.weights.talking import asked
from pytest_compiledai.dialogues.weights.talking import best
from pytest_compiledai.dialogues.weights.talking import choices
from pytest_compiledai.dialogues.weights.talking import following
from pytest_compiledai.dialogues.weights.threshold import Answer
from pytest_compiledai.dialogues.weights.threshold import threshold
from pytest_compiledai.dialogues.weights.training import FILES
from pytest_compiledai.dialogues.weights.wording import FOLDS

TRAINER: Final = "pytest_compiledai.dialogues.weights.training"
VERSION: Final = 2
#: What a checkpoint to start from may hold: weights, and the counters and masks beside them.
BASE_TYPES: Final = ("I8", "U8", "BF16", "F16", "F32", "I32", "I64")
#: Keys of a configuration by which transformers loads code or packages beyond its own.
_CODE: Final = (
    *("auto_map", "trust_remote_code", "custom_pipelines", "quantization_config"),
    *("kernel_config", "use_kernels"),
)
_OWN: Final = (None, "eager", "sdpa")  # ways to attend that need nothing else


def build(spec: DialogueSpec, settings: Settings) -> dict[str, bytes]:
    """Return the artifact's files by path: three of the network, and the record beside them.

    Raises ``ModelError`` where the data contradicts itself or training fails, ``ToolError`` where
    the packages are missing.
    """
    data = made(spec, settings)
    check(spec, data)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        told = train(spec, settings, data, folder)
        files = {name: (folder / "out" / name).read_bytes() for name in FILES}
    record = {
        "version": VERSION,
        "kind": "dialogue",
        "target": "weights",
        "name": spec.name,
        "flow": flowjson.as_json(spec.flow),
        "threshold": threshold(
            answers(spec.flow, data.calibration, told["calibration"]), settings.right
        ),
        "data": {
            "sha256": data.sha256,
            "turns": len(data.train),
            "paths": len(data.split.train),
            "held out": len(data.split.held_out),
            "complete": data.complete,
            "branch consistency": round(data.consistency.share, 6),
        },
        "trained": {
            "settings": settings.as_json(),
            "machine": told["machine"],
            "parameters": told["parameters"],
            "tokens": told["tokens"],
            "weights": digest_of_files(files),
            "proof": told["proof"],
        },
    }
    text = json.dumps(record, ensure_ascii=False, indent=1)
    files[FILE] = f"{text}\n".encode()
    return {f"{spec.name}/{name}": content for name, content in sorted(files.items())}


def check(spec: DialogueSpec, data: Data) -> None:
    """Refuse data from which no network could learn the flow. Raises ``ModelError``."""
    found, missing = data.consistency, data.coverage(spec.flow).missing
    if missing:
        raise ModelError(
            where=spec.path,
            found=f"data without {', '.join(missing[:5])}",
            expected="every node and every edge in the data",
            next="raise `visits`, `turns` or `paths` in the block `weights:`",
        )
    if found.turns >= consistency.LEAST_TURNS and found.share < consistency.LEAST:
        raise ModelError(
            where=spec.path,
            found=f"words that tell the branch in {found.share:.1%} of {found.turns} turns",
            expected=f"at least {consistency.LEAST:.0%}: users who are told their edge",
            next="write examples that differ between the intents of a node",
        )


def train(
    spec: DialogueSpec,
    settings: Settings,
    data: Data,
    folder: Path,
    *,
    stop: int | None = None,
    threads: int = 1,
) -> Any:
    """Train in another process, into ``folder``/out; return what it says of itself.

    ``stop`` ends after so many steps, for the proof that training repeats itself; ``threads`` is
    what the environment of the process offers.
    """
    (folder / "data.jsonl").write_bytes(data.lines)
    rows = [asked(spec.flow, *turn) for talk in data.calibration for turn in heard(spec.flow, talk)]
    (folder / "calibration.jsonl").write_bytes(lines(rows))
    job = {
        "data": str(folder / "data.jsonl"),
        "calibration": str(folder / "calibration.jsonl"),
        "choices": choices(spec.flow),
        "slots": list(spec.flow.watched),
        "out": str(folder / "out"),
        "start": start(spec, settings, folder / "start"),
        "train": settings.as_json(),
        "stop": stop,
        "threads": threads,
    }
    return ask(TRAINER, job, folder, timeout_s=spec.timeout_s)


def start(spec: DialogueSpec, settings: Settings, into: Path) -> str | None:
    """Return the folder of the checkpoint that training starts from; None for from scratch.

    It is ``into``, with the three files whose digest the spec names and no other: what else lies
    beside a checkpoint, adapters and code among it, is never read.
    Raises ``ModelError`` where a file is missing, unsafe, or another than the spec names.
    """
    if not settings.base:
        return None
    folder = (spec.root / settings.base).resolve()
    try:
        files = {name: (folder / name).read_bytes() for name in FILES}
    except OSError as error:
        raise _base(spec, f"{settings.base}: {error.strerror}", ", ".join(FILES)) from None
    if digest_of_files(files) != settings.base_sha256:
        raise _base(spec, f"base_sha256 {digest_of_files(files)}", settings.base_sha256)
    try:
        header(files["model.safetensors"], types=BASE_TYPES)
    except BadTensors as error:
        raise _base(spec, f"model.safetensors: {error}", "a sound file") from None
    if remote_code(files["config.json"]):
        raise _base(spec, "config.json that loads code", "an architecture that needs no code")
    into.mkdir()
    for name, content in files.items():
        (into / name).write_bytes(content)
    return str(into)


def remote_code(config: bytes) -> bool:
    """Return whether a configuration asks for code from elsewhere, or is no JSON.

    Keys count as they are read, whatever their escapes; an implementation of a repository's is one.
    """
    try:
        return _loads(read_json(config.decode("utf-8")))
    except ValueError:
        return True


def _loads(value: Any) -> bool:
    if isinstance(value, dict):
        return any(_asks(key, inner) or _loads(inner) for key, inner in value.items())
    return isinstance(value, list) and any(map(_loads, value))


def _asks(key: str, value: Any) -> bool:
    if key.endswith("_implementation"):
        return value not in _OWN
    return key in _CODE and value not in (None, False)


def _base(spec: DialogueSpec, found: str, expected: str) -> ModelError:
    return ModelError(
        where=spec.path,
        found=found,
        expected=expected,
        next="name another folder or digest in `weights: {base, base_sha256}`",
    )


def answers(
    flow: Flow, talks: Sequence[Conversation], shares: Sequence[Mapping[str, float]]
) -> list[Answer]:
    """Return calibration turns as answers: how sure what production does is, and how right."""
    found = []
    told = iter(shares)
    for number, talk in enumerate(talks):
        fold = number * len(FOLDS) // len(talks)
        for (state, text), after in zip(heard(flow, talk), talk[1:], strict=True):
            node, share = best(following(flow, state, text), next(told))
            found.append(Answer(share, node == after.node, fold))
    return found
