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
from pytest_compiledai.dialogues.weights import phrasings
from pytest_compiledai.dialogues.weights.paths import Bounds
from pytest_compiledai.dialogues.weights.talking import speaking
from pytest_compiledai.dialogues.weights.training import FILES
from pytest_compiledai.gates import settings as reading

DTYPES: Final = ("float32", "bfloat16")
METHODS: Final = ("full", "lora")
TRAINERS: Final = ("torch", "trl")
#: Steps for each node at which the agent speaks: larger flows take more turns to learn.
_STEPS: Final = 25
_TURNS: Final = 96  # of each step, drawn once
#: Whole numbers: default, least, most; of steps and examples for a small flow.
_WHOLE: Final = {
    "width": (128, 16, 8192),
    "layers": (3, 1, 128),
    "heads": (4, 1, 128),
    "vocabulary": (768, 300, 200_000),
    "context": (1024, 128, 131_072),
    "examples": (67_200, 500, 10_000_000),
    "visits": (2, 1, 8),
    "turns": (24, 2, 200),
    "paths": (6000, 10, 1_000_000),
    "steps": (700, 1, 1_000_000),
    "batch": (96, 1, 65_536),
    "seed": (0, 0, 2**31),
    "rank": (8, 1, 1024),
    "proof_steps": (4, 1, 1_000_000),
}
_SHARES: Final = {"right": 0.99, "path_action": 0.995, "path_conversation": 0.9, "edge_action": 0.8}
_ABOVE: Final = {"lr": 3e-3, "artifact_mb": 5.0}
#: Words: default, and what they may be where that is listed.
_WORDS: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = {
    "architecture": ("qwen2", ()),
    "base": ("", ()),
    "base_sha256": ("", ()),
    "dtype": ("float32", DTYPES),
    "method": ("full", METHODS),
    "phrasings": ("", ()),
    "trainer": ("torch", TRAINERS),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How weights are made and what they have to reach."""

    architecture: str  # of a network made from scratch, a model type that transformers knows
    width: int
    layers: int
    heads: int
    vocabulary: int  # tokens, at most, from scratch
    context: int  # tokens of one turn
    base: str  # folder of a checkpoint, relative to the root; "" for from scratch
    base_sha256: str  # of its three files; "" only without a base
    examples: int  # turns that are trained on
    phrasings: str  # a file with wording beside the examples, relative to the spec; "" for none
    phrasings_sha256: str  # of that file as it is now
    visits: int  # of one node in one walk
    turns: int  # of the user in one walk
    paths: int  # distinct walks
    steps: int
    batch: int  # turns
    lr: float
    dtype: str
    method: str  # full: all parameters; lora: products of `rank` beside a base's matrices
    trainer: str  # torch: the plain loop; trl: SFTTrainer, of the extra `trl`
    rank: int
    seed: int
    proof_steps: int  # that the execution gate trains again
    right: float  # share that answered turns are calibrated to
    path_action: float  # least share of right actions on walks that are held out
    path_conversation: float  # the same of whole conversations
    edge_action: float  # the same of turns along each single edge
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
    larger = _larger(spec)
    found: dict[str, Any] = {
        key: reading.whole(block, key, larger.get(key, default), at, least=least, most=most)
        for key, (default, least, most) in _WHOLE.items()
    }
    found |= {key: reading.share(block, key, default, at) for key, default in _SHARES.items()}
    found |= {key: reading.above_zero(block, key, default, at) for key, default in _ABOVE.items()}
    found |= {key: _word(block, key, at) for key in _WORDS}
    if found["method"] == "lora" and not found["base"]:
        expected = "a `base` whose matrices stand still"
        raise SpecError(where=at("method"), found="method: lora without `base`", expected=expected)
    if found["width"] % (2 * found["heads"]):
        expected = "a multiple of twice `heads`"
        raise SpecError(where=at("width"), found=f"width: {found['width']}", expected=expected)
    if bool(found["base"]) != bool(found["base_sha256"]):
        raise SpecError(
            where=at("base"),
            found="one of `base` and `base_sha256`",
            expected="both: the folder of a checkpoint and the digest of its files, or neither",
        )
    named = found["phrasings"]
    found["phrasings_sha256"] = digest(phrasings.content(spec, named)) if named else ""
    return Settings(**found)


def _larger(spec: DialogueSpec) -> dict[str, int]:
    """Return the defaults of a flow that takes more than a small one."""
    steps = max(_WHOLE["steps"][0], _STEPS * len(speaking(spec.flow)))
    return {"steps": steps, "examples": steps * _TURNS}


def _word(block: Mapping[str, Any], key: str, at: reading.At) -> str:
    default, known = _WORDS[key]
    value = block.get(key, default)
    if not isinstance(value, str) or (known and value not in known):
        expected = f"one of {', '.join(known)}" if known else "text"
        raise SpecError(where=at(key), found=f"{key}: {value!r}"[:100], expected=expected)
    return value


def digest_of_files(files: Mapping[str, bytes]) -> str:
    """Return the digest of a checkpoint: of its three files in the order of ``FILES``."""
    return digest("".join(digest(files[name]) for name in FILES).encode("ascii"))
