"""What can be said of an artifact's files without opening the network."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any
from typing import Final

from pytest_compiledai.core.canonical import digest_of
from pytest_compiledai.core.strictjson import read_json
from pytest_compiledai.core.suspicion import is_suspicious
from pytest_compiledai.core.tensorfile import BadTensors
from pytest_compiledai.core.tensorfile import header
from pytest_compiledai.dialogues.spec import DialogueSpec
from pytest_compiledai.dialogues.texts import remarks
from pytest_compiledai.dialogues.weights import flowjson
from pytest_compiledai.dialogues.weights import tokens
from pytest_compiledai.dialogues.weights.building import VERSION
from pytest_compiledai.dialogues.weights.building import remote_code
from pytest_compiledai.dialogues.weights.data import Data
from pytest_compiledai.dialogues.weights.data import texts
from pytest_compiledai.dialogues.weights.settings import Settings
from pytest_compiledai.dialogues.weights.settings import digest_of_files
from pytest_compiledai.dialogues.weights.talking import FILE
from pytest_compiledai.dialogues.weights.talking import choices
from pytest_compiledai.dialogues.weights.training import FILES

NAMES: Final = frozenset((*FILES, FILE))
_HEADER_CAP: Final = 1_000_000  # bytes; of a whole checkpoint some 50 kB
_DTYPES: Final = ("F32", "BF16", "F16")
_KEYS: Final = {"version", "kind", "target", "name", "flow", "threshold", "data", "trained"}
#: What pickles and archives begin with, whatever their name says.
_MAGIC: Final = (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05", b"PK\x03\x04", b"\x1f\x8b")


def unsafe(
    files: Mapping[str, bytes], most_mb: float, names: frozenset[str] = NAMES
) -> Iterator[tuple[str, str]]:
    """Yield files that could execute something, or that claim what they do not hold."""
    for name in sorted(set(files) ^ names):
        found = "no such file" if name not in files else "a file of another kind"
        yield "files", f"{name}: found {found}; expected {', '.join(sorted(names))}"
    size = sum(map(len, files.values())) / 1e6
    if size > most_mb:
        yield (
            "size",
            f"found {size:.1f} MB; expected at most {most_mb:g}, or a larger `artifact_mb`",
        )
    for name, content in sorted(files.items()):
        if content.startswith(_MAGIC):
            yield "pickle", f"{name}: found a pickle or an archive; expected tensors or JSON"
        elif PurePosixPath(name).suffix == ".safetensors":
            yield from _unsafe_tensors(name, content)
        else:
            yield from _unsafe_json(name, content)


def _unsafe_tensors(name: str, content: bytes) -> Iterator[tuple[str, str]]:
    try:
        tensors = header(content)
    except BadTensors as error:
        yield "tensors", f"{name}: {error}"
        return
    if int.from_bytes(content[:8], "little") > _HEADER_CAP:
        yield "tensors", f"{name}: found a header over {_HEADER_CAP} bytes; expected less"
    for tensor, facts in tensors.items():
        if tensor != "__metadata__" and facts["dtype"] not in _DTYPES:
            found, expected = facts["dtype"], ", ".join(_DTYPES)
            yield "dtype", f"{tensor}: found {found}; expected one of {expected}"


def _unsafe_json(name: str, content: bytes) -> Iterator[tuple[str, str]]:
    try:
        read_json(content.decode("utf-8"))
    except ValueError as error:
        yield "json", f"{name}: found {error}; expected JSON"[:300]
    if remote_code(content):
        yield "code", f"{name}: found what loads code, as `auto_map` does; expected nothing like it"


def private(data: Data, files: Mapping[str, bytes]) -> Iterator[tuple[str, str]]:
    """Yield secrets, personal data and orders in the training texts and in the record."""
    learned = [*texts(data.train), *_spoken(files)]
    yield from remarks(learned)
    for text in learned:
        if is_suspicious(text):
            yield "injection", f"found {text[:60]!a}; expected no order to a model"


def _spoken(files: Mapping[str, bytes]) -> Iterator[str]:
    """Yield the texts of the record; its digests are no words."""
    flow = read_json(files[FILE].decode("utf-8"))["flow"]
    for node in flow["nodes"].values():
        yield from node["say"]
    for slot in flow["slots"].values():
        yield slot["pattern"]
        for value, written in slot["values"].items():
            yield from (value, *written)


def disagreements(
    spec: DialogueSpec, settings: Settings, files: Mapping[str, bytes], figures: dict[str, Any]
) -> Iterator[tuple[str, str]]:
    """Yield where record, configuration, tensors, vocabulary and spec say different things."""
    record = read_json(files[FILE].decode("utf-8"))
    if set(record) != _KEYS:
        yield "record", f"found the keys {', '.join(sorted(record))}; expected {sorted(_KEYS)}"
        return
    expected = {
        "version": VERSION,
        "kind": "dialogue",
        "target": "weights",
        "name": spec.name,
        "flow": flowjson.as_json(spec.flow),
    }
    for key, wanted in expected.items():
        if digest_of(record[key]) != digest_of(wanted):
            yield "other", f"{key}: found other than the spec's; expected what the spec says"
    if digest_of(record["trained"]["settings"]) != digest_of(settings.as_json()):
        yield "other", "settings: found other than the spec's; expected what the spec says"
    if not (type(record["threshold"]) is float and 0.5 <= record["threshold"] <= 1):  # noqa: PLR2004 - its range
        yield "threshold", f"found {record['threshold']!r}; expected a number from 0.5 to 1"
    yield from _made_otherwise(settings, read_json(files["config.json"].decode("utf-8")))
    yield from _shapes(spec, files, figures)


def _made_otherwise(settings: Settings, config: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield where a network from scratch has another form than asked: heads have no shape."""
    if settings.base:
        return
    wanted = {
        "model_type": settings.architecture,
        "hidden_size": settings.width,
        "num_hidden_layers": settings.layers,
        "num_attention_heads": settings.heads,
        "num_key_value_heads": settings.heads,
        "max_position_embeddings": settings.context,
    }
    for key, value in wanted.items():
        if config.get(key) != value:
            yield "form", f"{key}: found {config.get(key)!r}; expected {value!r}, as was asked"


def _shapes(
    spec: DialogueSpec, files: Mapping[str, bytes], figures: dict[str, Any]
) -> Iterator[tuple[str, str]]:
    config = read_json(files["config.json"].decode("utf-8"))
    tensors = header(files["model.safetensors"])
    tensors.pop("__metadata__", None)
    layers = {name.split(".layers.")[1].split(".")[0] for name in tensors if ".layers." in name}
    embedding = [t["shape"] for name, t in tensors.items() if "embed_tokens" in name]
    wanted = [config["vocab_size"], config["hidden_size"]]
    if embedding != [wanted]:
        yield (
            "shapes",
            f"embedding: found {embedding}; expected {wanted}, as the configuration says",
        )
    if len(layers) != config["num_hidden_layers"]:
        yield "shapes", f"found {len(layers)} layers; expected {config['num_hidden_layers']}"
    vocabulary = read_json(files["tokenizer.json"].decode("utf-8"))
    ids = dict(vocabulary["model"]["vocab"])
    ids |= {entry["content"]: entry["id"] for entry in vocabulary["added_tokens"]}
    needed = tokens.own(choices(spec.flow), spec.flow.watched)
    missing = [token for token in needed if token not in ids]
    if missing:
        yield "tokens", f"found no {', '.join(missing[:5])}; expected a token for each node"
    if len(set(ids.values())) != len(ids) or max(ids.values()) >= config["vocab_size"]:
        yield "tokens", "found ids twice, or beyond the embedding; expected one row for each token"
    figures |= {"tensors": len(tensors), "vocabulary": len(ids), "nodes": len(choices(spec.flow))}


def other_digest(files: Mapping[str, bytes]) -> Iterator[tuple[str, str]]:
    """Yield where the network is another than the one that was trained."""
    record = read_json(files[FILE].decode("utf-8"))
    if digest_of_files(files) != record["trained"]["weights"]:
        yield "digest", "found other files than were trained; expected the digest in the record"
