"""The frozen artifact of a whole model: a manifest, and the model's file where it is small."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version
from typing import TYPE_CHECKING
from typing import Any
from typing import Final

from pytest_compiledai.core.canonical import digest
from pytest_compiledai.core.errors import SpecError

if TYPE_CHECKING:
    from pytest_compiledai.kernels.whole.source import Source
    from pytest_compiledai.kernels.whole.spec import WholeSpec

FILE: Final = "model.json"
ONNX: Final = "model.onnx"
VERSION: Final = 1
KEYS: Final = ("version", "name", "back_end", "source", "weights", "inputs", "axes", "form")
#: Bytes up to which the model's file is part of the artifact; above, it is made again and compared.
INLINE_CAP: Final = 5_000_000
_PACKAGES: Final = {
    "onnxruntime": ("onnxruntime", "onnxscript"),
    "openvino": ("openvino", "onnxscript"),
    "openvino_bf16": ("openvino", "onnxscript"),
}
_PICKLES: Final = (".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".h5", ".msgpack")


def weights(source: Source) -> dict[str, str]:
    """Return the SHA-256 of the files that a model is loaded from, by name. Raises ``SpecError``.

    A builder's file is all there is of it; what it reads is its own business.
    """
    if source.builder is not None:
        return {source.builder.name: digest(source.builder.read_bytes())}
    assert source.folder is not None
    found = {}
    for path in sorted(source.folder.iterdir() if source.folder.is_dir() else []):
        if path.suffix in (".safetensors", ".json", ".txt", ".model") and path.is_file():
            found[path.name] = digest(path.read_bytes())
    if not any(name.endswith(".safetensors") for name in found):
        raise SpecError(
            where=source.named,
            found="no *.safetensors",
            expected="weights in that form: others may execute code when they are read",
            next="save the model with safe_serialization=True",
        )
    return found


def pickles(source: Source) -> list[str]:
    """Return the files beside the weights that may execute code when they are read."""
    if source.folder is None or not source.folder.is_dir():
        return []
    return sorted(p.name for p in source.folder.rglob("*") if p.suffix.lower() in _PICKLES)


def made(spec: WholeSpec, back_end: str, data: bytes) -> dict[str, bytes]:
    """Return the artifact's files."""
    form = {"sha256": digest(data), "bytes": len(data), "inline": len(data) <= INLINE_CAP}
    source = spec.source
    manifest = {
        "version": VERSION,
        "name": spec.name,
        "back_end": back_end,
        "source": named(source),
        "weights": weights(source),
        "inputs": [each.as_json() for each in spec.inputs],
        "axes": {name: list(sizes) for name, sizes in spec.axes.sizes.items()},
        "form": form if data else None,
    }
    text = json.dumps(manifest, indent=1, ensure_ascii=False)
    files = {f"{spec.name}/{FILE}": f"{text}\n".encode()}
    if data and form["inline"]:
        files[f"{spec.name}/{ONNX}"] = data
    return files


def named(source: Source) -> dict[str, str]:
    """Return what the manifest says of a source; no path of a machine."""
    return {
        "kind": source.kind,
        "named": source.named,
        "folder": source.inside,
        "function": source.function,
        "pool": source.pool,
    }


def manifest_of(files: Mapping[str, bytes], name: str) -> dict[str, Any]:
    """Return the manifest. Raises ``ValueError`` for anything but one artifact as written."""
    from pytest_compiledai.core.strictjson import read_json

    if f"{name}/{FILE}" not in files:
        raise ValueError(f"no {name}/{FILE}")
    value = read_json(files[f"{name}/{FILE}"].decode("utf-8"))
    if not isinstance(value, dict) or tuple(value) != KEYS:
        raise ValueError(f"other keys; expected {', '.join(KEYS)}")
    if value["version"] != VERSION:
        raise ValueError(f"version {value['version']!r}; expected {VERSION}")
    wanted = {f"{name}/{FILE}"}
    if value["form"] is not None and value["form"]["inline"]:
        wanted.add(f"{name}/{ONNX}")
    if set(files) != wanted:
        raise ValueError(f"the files {', '.join(sorted(files))}; expected {sorted(wanted)}")
    return value


def tools(spec: WholeSpec) -> dict[str, str]:
    """Return the releases of the packages that the verdicts rest on; nothing is imported."""
    named = ["torch", *(p for each in spec.frameworks for p in _PACKAGES.get(each, ()))]
    if spec.source.kind != "builder":
        named.append("transformers")
    return {name: _release(name) for name in named}


def _release(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "missing"
