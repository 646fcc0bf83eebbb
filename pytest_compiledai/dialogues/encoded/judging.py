"""What each gate asks of a machine with a frozen encoder: what it asks of weights, and its own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from typing import Final

from pytest_compiledai.core.canonical import digest_of
from pytest_compiledai.core.gate import Phase
from pytest_compiledai.core.strictjson import read_json
from pytest_compiledai.core.tensorfile import METADATA
from pytest_compiledai.core.tensorfile import header
from pytest_compiledai.dialogues.encoded.building import VERSION
from pytest_compiledai.dialogues.encoded.building import encoded
from pytest_compiledai.dialogues.encoded.building import settings_for
from pytest_compiledai.dialogues.encoded.nearest import counts
from pytest_compiledai.dialogues.encoded.talking import EXAMPLES
from pytest_compiledai.dialogues.encoded.talking import NAMES
from pytest_compiledai.dialogues.spec import DialogueSpec
from pytest_compiledai.dialogues.weights import conduct
from pytest_compiledai.dialogues.weights import conformance
from pytest_compiledai.dialogues.weights import files
from pytest_compiledai.dialogues.weights import flowjson
from pytest_compiledai.dialogues.weights.judging import Found
from pytest_compiledai.dialogues.weights.judging import Judging
from pytest_compiledai.dialogues.weights.settings import Settings
from pytest_compiledai.dialogues.weights.talking import FILE

_KEYS: Final = {
    "version",
    "kind",
    "target",
    "name",
    "flow",
    "examples",
    "threshold",
    "data",
    "encoder",
}


class Encoding(Judging):
    """One machine with an encoder before one gate."""

    @staticmethod
    def settings_of(spec: DialogueSpec) -> Settings:
        """Return how the turns are drawn that the gates ask about."""
        return settings_for(spec)

    def _security(self, figures: dict[str, Any]) -> Iterator[Found]:
        """Ask whether the files execute nothing, and whether the examples hold anything private."""
        figures["mb"] = sum(map(len, self.files.values())) / 1e6
        yield from files.unsafe(self.files, self.settings.artifact_mb, NAMES)
        yield from files.private(self.asked.data, self.files)

    def _syntax(self, figures: dict[str, Any]) -> Iterator[Found]:
        """Ask whether record and vectors are of this flow, its examples and its encoder."""
        record = read_json(self.files[FILE].decode("utf-8"))
        if set(record) != _KEYS:
            yield "record", f"found the keys {', '.join(sorted(record))}; expected {sorted(_KEYS)}"
            return
        named = {key: record["encoder"].get(key) for key in ("package", "sha256")}
        wanted = {
            "version": (record["version"], VERSION),
            "target": (record["target"], "machine"),
            "name": (record["name"], self.spec.name),
            "flow": (record["flow"], flowjson.as_json(self.spec.flow)),
            "examples": (record["examples"], counts(self.spec.flow)),
            "encoder": (named, dict(self.spec.encoder or {})),
        }
        for key, (found, expected) in wanted.items():
            if digest_of(found) != digest_of(expected):
                yield "other", f"{key}: found other than the spec's; expected what the spec says"
        if not (type(record["threshold"]) is float and 0.5 <= record["threshold"] <= 1):  # noqa: PLR2004 - its range
            yield "threshold", f"found {record['threshold']!r}; expected a number from 0.5 to 1"
        tensors = header(self.files[EXAMPLES], types=("F32",))
        tensors.pop(METADATA, None)
        rows = sum(counts(self.spec.flow).values())
        shapes = {name: tensor["shape"][:1] for name, tensor in tensors.items()}
        expected = {"examples": [rows], "head": [1 + len(self.spec.flow.intents)]}
        if shapes != expected:
            yield "shapes", f"found rows {shapes}; expected {expected}"
        figures |= {"examples": rows, "nodes": len(self.spec.flow.nodes)}

    def _accuracy(self, figures: dict[str, Any]) -> Iterator[Found]:
        """Ask what is right where it answers, how often it does, and how all wording would fare."""
        yield from conformance.of_data(self.spec, self.asked.data, self.files, figures)
        yield from conformance.of_answers(
            self.asked, self.answers, self.files, figures, trained=False
        )

    def _execution(self, figures: dict[str, Any]) -> Iterator[Found]:
        """Ask for one walk to each end, the same twice; while choosing, for the same bits again."""
        yield from conduct.walked(self.asked, self.answers, figures)
        if (
            self.phase is Phase.SELECT
            and encoded(self.spec, self.asked.data) != self.files[EXAMPLES]
        ):
            yield "rebuild", "found other vectors than the examples give; expected the same bits"
