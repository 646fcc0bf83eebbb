"""Runs a frozen whole model in production: its weights and its form are checked first."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pytest_compiledai.core.canonical import digest
from pytest_compiledai.kernels.whole.artifact import ONNX
from pytest_compiledai.kernels.whole.artifact import manifest_of
from pytest_compiledai.kernels.whole.artifact import weights
from pytest_compiledai.kernels.whole.backends import backend
from pytest_compiledai.kernels.whole.original import Original
from pytest_compiledai.kernels.whole.source import Source

#: Takes arrays by input name, or ``{"text": ...}``; gives the output arrays.
Model = Callable[[Mapping[str, Any]], list[Any]]


class OtherModel(RuntimeError):
    """The weights or the form here are not those that were judged."""


def opened(files: Mapping[str, bytes], name: str, *, specs: Path) -> Model:
    """Return the frozen model ``name``; ``files`` are what ``compiled.load(name)`` gives.

    ``specs`` is the folder of the spec, from which a folder or a builder is named. A form that was
    too large to freeze is exported again. Raises ``OtherModel``, ``ValueError`` for an artifact
    that is none, and ``Unsupported`` where the back end is missing.
    """
    manifest = manifest_of({f"{name}/{path}": data for path, data in files.items()}, name)
    source = _source(manifest["source"], specs)
    if weights(source) != manifest["weights"]:
        raise OtherModel(f"{name}: found other weights than were judged; compile it again")
    original = Original(_told(manifest, source))
    chosen = backend(manifest["back_end"])
    data = files.get(ONNX, b"")
    form = manifest["form"]
    if form is not None and not form["inline"]:
        data = chosen.export(original.module, original.example(), original.axes())
    if form is not None and digest(data) != form["sha256"]:
        raise OtherModel(f"{name}: found another form than was judged; compile it again")
    run = chosen.load(original.module, data)

    def call(given: Mapping[str, Any]) -> list[Any]:
        return run(original.arrays(given if "text" in given else {"inputs": given}))

    return call


def _source(told: Mapping[str, Any], specs: Path) -> Source:
    folder = builder = None
    if told["kind"] == "builder":
        builder = specs / told["named"].partition(":")[0]
    elif told["kind"] == "package":
        found = importlib.util.find_spec(told["named"])
        if found is None or not found.submodule_search_locations:
            raise OtherModel(f"the package {told['named']} is not installed")
        folder = Path(next(iter(found.submodule_search_locations))) / told["folder"]
    else:
        folder = specs / told["named"]
    return Source(
        kind=told["kind"],
        named=told["named"],
        inside=told["folder"],
        folder=folder,
        builder=builder,
        function=told["function"],
        pool=told["pool"],
    )


def _told(manifest: Mapping[str, Any], source: Source) -> dict[str, Any]:
    """Return what a worker's job says of the model."""
    return {
        "source": {
            "kind": source.kind,
            "folder": str(source.folder),
            "builder": str(source.builder),
            "function": source.function,
            "pool": source.pool,
            "names": [each["name"] for each in manifest["inputs"]],
        },
        "inputs": [each | {"low": 0} for each in manifest["inputs"]],
        "axes": manifest["axes"],
    }
