"""What a spec of a model that is cut into regions says, read and checked; nothing is imported."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from typing import Any
from typing import Final

from pytest_compiledai.core import fields
from pytest_compiledai.core.beside import beside
from pytest_compiledai.core.beside import read_beside
from pytest_compiledai.core.canonical import digest_of
from pytest_compiledai.core.errors import SpecError
from pytest_compiledai.core.gate import GATES
from pytest_compiledai.core.strictjson import StrictJSONError
from pytest_compiledai.core.strictjson import read_json
from pytest_compiledai.gates import settings as reading

if TYPE_CHECKING:
    from pytest_compiledai.core.document import Document
    from pytest_compiledai.core.kind import Project

KEYS: Final = (
    *("compiledai", "kind", "name", "description", "config", "builder", "shapes", "dtype"),
    *("targets", "candidate", "budget", "tokens", "gates", "timeout"),
)
DTYPES: Final = ("float32", "float16", "bfloat16")
TARGETS: Final = ("cpu", "sm_80", "sm_90", "sm_100")
#: Families of models whose code transformers has and whose step this package knows how to capture.
ARCHITECTURES: Final = ("llama", "qwen3")
DEFAULT_TIMEOUT_S: Final = 900
DEFAULT_BUDGET: Final = 4
DEFAULT_TOKENS: Final = 256
MOST_CONTEXT: Final = 1 << 20
#: Settings of gates that a spec may state.
SETTINGS: Final[Mapping[str, tuple[str, ...]]] = {
    "latency": ("margin",),
}
_BUILDER = re.compile(r"(?P<path>[^:]+\.py):(?P<function>[A-Za-z_]\w*)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Builder:
    """A user's function that returns a module and example inputs; never run while collecting."""

    path: str  # POSIX, relative to the root
    function: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSpec:
    """A spec of kind `model` without a dataset."""

    name: str
    description: str
    path: str  # of the spec, POSIX, relative to the root
    config: Mapping[str, Any] | None  # of a model that transformers knows
    builder: Builder | None
    batch: int
    context: int  # positions of the static cache
    buckets: tuple[int, ...]  # ends below it, up to each of which a kernel of its own may run
    dtype: str
    targets: tuple[str, ...]
    candidates: Mapping[str, str]  # region -> path of a user's file, relative to the root
    texts: Mapping[str, str]  # region -> that file's text
    budget: int  # candidates judged a region
    tokens: int  # greedy tokens that must be equal
    margin: float  # by which a kernel must beat the fallback, as a share
    off: tuple[str, ...]
    timeout_s: float
    settings: Mapping[str, Any]  # the `gates:` block as written

    @property
    def captured(self) -> str:
        """The SHA-256 of all that a capture reads: another one makes the plan stale."""
        builder = [self.builder.function, self.builder.text] if self.builder else None
        shapes = [self.batch, self.context, self.dtype]
        return digest_of({"config": self.config, "builder": builder, "shapes": shapes})


def read_model_spec(document: Document, project: Project) -> ModelSpec:
    """Return the spec in ``document``. Raises ``SpecError``."""
    fields.known_keys(document, KEYS)
    blocks, off = fields.gate_blocks(document, GATES)
    for gate in GATES:
        reading.known_keys(blocks.get(gate, {}), SETTINGS.get(gate, ()), document.at("gates", gate))
    name = fields.unit_name(document)
    candidates = _candidates(document, project)
    batch, context = _shapes(document)
    return ModelSpec(
        name=name,
        description=fields.text(document, "description").strip(),
        path=document.path,
        config=_config(document, project),
        builder=_builder(document, project),
        batch=batch,
        context=context,
        buckets=_buckets(document, context),
        dtype=fields.choice(document, "dtype", DTYPES, "float32"),
        targets=_targets(document),
        candidates=candidates,
        texts={
            region: read_beside(document, project, "candidate", path).decode("utf-8", "replace")
            for region, path in candidates.items()
        },
        budget=fields.whole(document, "budget", DEFAULT_BUDGET, most=64) or DEFAULT_BUDGET,
        tokens=fields.whole(document, "tokens", DEFAULT_TOKENS, most=4096) or DEFAULT_TOKENS,
        margin=reading.share(
            blocks.get("latency", {}), "margin", 0.02, document.at("gates", "latency")
        ),
        off=off,
        timeout_s=float(
            fields.whole(document, "timeout", DEFAULT_TIMEOUT_S, most=86_400) or DEFAULT_TIMEOUT_S
        ),
        settings=document.data.get("gates", {}),
    )


def _config(document: Document, project: Project) -> Mapping[str, Any] | None:
    """Return a model's configuration: a mapping in the spec, or a JSON file beside it."""
    given = document.data.get("config")
    if (given is None) == (document.data.get("builder") is None):
        raise SpecError(
            where=document.place("config"),
            found="both `config` and `builder`, or neither",
            expected="`config` (a mapping or a JSON file) or `builder: file.py:function`",
        )
    if given is None:
        return None
    if isinstance(given, str):
        path = beside(document, project, "config", given)
        try:
            given = read_json(read_beside(document, project, "config", path).decode("utf-8"))
        except (StrictJSONError, UnicodeDecodeError) as error:
            raise SpecError(
                where=document.place("config"), found=f"{path}: {error}", expected="a JSON object"
            ) from error
    kind = given.get("model_type") if isinstance(given, Mapping) else None
    if kind not in ARCHITECTURES:
        raise SpecError(
            where=document.place("config"),
            found=f"model_type: {kind!r}"[:100],
            expected=f"one of {', '.join(ARCHITECTURES)}; others by `builder:`",
        )
    return dict(given)


def _builder(document: Document, project: Project) -> Builder | None:
    given = fields.optional_text(document, "builder")
    if given is None:
        return None
    match = _BUILDER.fullmatch(given)
    if match is None:
        raise SpecError(
            where=document.place("builder"), found=given[:100], expected="file.py:function"
        )
    path = beside(document, project, "builder", match["path"])
    text = read_beside(document, project, "builder", path).decode("utf-8", "replace")
    return Builder(path=path, function=match["function"], text=text)


def _shapes(document: Document) -> tuple[int, int]:
    given = document.data.get("shapes", {})
    if not isinstance(given, Mapping):
        raise SpecError(
            where=document.place("shapes"), found=repr(given)[:80], expected="batch and context"
        )
    fields.known_keys(document, ("batch", "context", "buckets"), inside=("shapes",))
    found = []
    for key, default, most in (("batch", 1, 1), ("context", 512, MOST_CONTEXT)):
        value = given.get(key, default)
        if type(value) is not int or not 1 <= value <= most:
            raise SpecError(
                where=document.place("shapes", key),
                found=f"{key}: {value!r}"[:80],
                expected=f"a whole number from 1 to {most}",
            )
        found.append(value)
    return found[0], found[1]


def _buckets(document: Document, context: int) -> tuple[int, ...]:
    given = document.data.get("shapes", {}).get("buckets", [])
    if (
        not isinstance(given, list)
        or not all(type(end) is int and 0 < end < context for end in given)
        or given != sorted(set(given))
    ):
        raise SpecError(
            where=document.place("shapes", "buckets"),
            found=repr(given)[:80],
            expected=f"a list of rising whole numbers from 1 to {context - 1}",
        )
    return tuple(given)


def _targets(document: Document) -> tuple[str, ...]:
    given = fields.words(document, "targets") or ("cpu",)
    for target in given:
        if target not in TARGETS:
            raise SpecError(
                where=document.place("targets"),
                found=repr(target)[:80],
                expected=f"some of {', '.join(TARGETS)}",
            )
    return tuple(target for target in TARGETS if target in given)


def _candidates(document: Document, project: Project) -> dict[str, str]:
    """Return the user's files by region. Raises ``SpecError``."""
    given = document.data.get("candidate") or {}
    if not isinstance(given, Mapping) or not all(
        isinstance(key, str) and isinstance(value, str) for key, value in given.items()
    ):
        raise SpecError(
            where=document.place("candidate"),
            found=repr(given)[:80],
            expected="a mapping from a region's name to a file",
        )
    return {
        region: beside(document, project, "candidate", path)
        for region, path in sorted(given.items())
    }
