"""The proof that training repeats itself: its first steps again, in another process."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pytest_compiledai.core.strictjson import read_json
from pytest_compiledai.dialogues.spec import DialogueSpec
from pytest_compiledai.dialogues.weights.building import train
from pytest_compiledai.dialogues.weights.data import Data
from pytest_compiledai.dialogues.weights.settings import Settings
from pytest_compiledai.dialogues.weights.talking import FILE


def repeated(
    spec: DialogueSpec,
    settings: Settings,
    data: Data,
    files: Mapping[str, bytes],
    figures: dict[str, Any],
) -> Iterator[tuple[str, str]]:
    """Yield a finding where the first steps give other bits than they gave when building.

    The environment offers two threads instead of one, which must not matter. Equal bits are asked
    of equal torch builds, instruction sets and number types only.
    """
    trained = read_json(files[FILE].decode("utf-8"))["trained"]
    with tempfile.TemporaryDirectory() as scratch:
        told = train(spec, settings, data, Path(scratch), stop=settings.proof_steps, threads=2)
    figures["steps proved"] = min(settings.proof_steps, settings.steps)
    if told["machine"] != trained["machine"]:
        yield "machine", f"found {told['machine']}; expected {trained['machine']}: compile again"
    elif told["proof"] != trained["proof"]:
        yield (
            "rebuild",
            (
                f"found weights {told['proof'][:12]} after {settings.proof_steps} steps; "
                f"expected {trained['proof'][:12]}, as in building"
            ),
        )
