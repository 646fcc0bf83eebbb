"""What the block `weights:` of a spec says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from dataclasses import dataclass
from typing import Any
from typing import Final

from pytest_compiledai.core.canonical import digest
from pytest_compiledai.core.errors import SpecError
from pytest_compiledai.core.place import Place
from pytest_compiledai.dialogues.spec import DialogueSpec
from pytest_compiledai.dialogues.weights.paths import Bounds
from pytest_compiledai.dialogues.weights.training import FILES
from pytest_compiledai.gates import settings as reading

DTYPES: Final = ("float32", "bfloat16")
#: Whole numbers: default, least, most.
_WHOLE: Final = {
    "width": (128, 16, 8192),
    "layers": (3, 1, 128),
    "heads": (4, 1, 128),
    "vocabulary": (768, 300, 200_000),
    "context": (1024, 128, 131_072),
    "conversations": (9000, 50, 1_000_000),
    "visits": (2, 1, 8),
    "turns": (24, 2, 200),
    "paths": (6000, 10, 1_000_000),
    "steps": (450, 1, 1_000_000),
    "batch": (16, 1, 4096),
    "seed": (0, 0, 2**31),
    "proof_steps": (4, 1, 1_000_000),
}
_SHARES: Final = {"right": 0.995, "path_action": 0.995, "path_conversation": 0.9}
_ABOVE: Final = {"lr": 3e-3, "artifact_mb": 5.0}
_WORDS: Final = ("architecture", "base", "base_sha256", "dtype")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How weights are made and what they have to reach."""

    architecture: str  # of a network made from scratch, a model type that transformers knows
    width: int
    layers: int
    heads: int
    vocabulary: int  # tokens, at most, from scratch
    context: int  # tokens of one conversation
    base: str  # folder of a checkpoint, relative to the root; "" for from scratch
    base_sha256: str  # of its three files; "" only without a base
    conversations: int
    visits: int  # of one node in one walk
    turns: int  # of the user in one walk
    paths: int  # distinct walks
    steps: int
    batch: int  # conversations
    lr: float
    dtype: str
    seed: int
    proof_steps: int  # that the execution gate trains again
    right: float  # share that answered turns are calibrated to
    path_action: float  # least share of right actions on walks that are held out
    path_conversation: float  # the same of whole conversations
    artifact_mb: float

    @property
    def bounds(self) -> Bounds:
        """How far the walks of the data go."""
        return Bounds(visits=self.visits, turns=self.turns, most=self.paths, seed=self.seed)

    def as_json(self) -> dict[str, Any]:
        """Return the settings by name."""
        return asdict(self)


def settings_of(spec: DialogueSpec) -> Settings:
    """Return what the spec says. Raises ``SpecError``."""
    block = spec.weights

    def at(*keys: str) -> Place:
        del keys  # messages name the key themselves
        return Place(path=spec.path)

    reading.known_keys(block, (*_WHOLE, *_SHARES, *_ABOVE, *_WORDS), at)
    found: dict[str, Any] = {
        key: reading.whole(block, key, default, at, least=least, most=most)
        for key, (default, least, most) in _WHOLE.items()
    }
    found |= {key: reading.share(block, key, default, at) for key, default in _SHARES.items()}
    found |= {key: reading.above_zero(block, key, default, at) for key, default in _ABOVE.items()}
    found |= {key: _word(block, key, at) for key in _WORDS}
    if found["dtype"] not in DTYPES:
        expected = f"one of {', '.join(DTYPES)}"
        raise SpecError(where=at("dtype"), found=f"dtype: {found['dtype']}", expected=expected)
    if found["width"] % (2 * found["heads"]):
        expected = "a multiple of twice `heads`"
        raise SpecError(where=at("width"), found=f"width: {found['width']}", expected=expected)
    if bool(found["base"]) != bool(found["base_sha256"]):
        raise SpecError(
            where=at("base"),
            found="one of `base` and `base_sha256`",
            expected="both: the folder of a checkpoint and the digest of its files, or neither",
        )
    return Settings(**found)


def _word(block: Mapping[str, Any], key: str, at: reading.At) -> str:
    value = block.get(key, {"architecture": "qwen2", "dtype": "float32"}.get(key, ""))
    if not isinstance(value, str):
        raise SpecError(where=at(key), found=f"{key}: {value!r}"[:100], expected="text")
    return value


def digest_of_files(files: Mapping[str, bytes]) -> str:
    """Return the digest of a checkpoint: of its three files in the order of ``FILES``."""
    return digest("".join(digest(files[name]) for name in FILES).encode("ascii"))
