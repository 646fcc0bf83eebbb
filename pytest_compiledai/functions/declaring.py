"""The key `proposing:` of a spec: how candidates are asked for, mended and put together.

Without it a spec sends the bytes that it sent before the key was there: recordings stay valid.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from typing import Any
from typing import Final

from pytest_compiledai.core.errors import SpecError

if TYPE_CHECKING:
    from pytest_compiledai.core.document import Document

KEY: Final = "proposing"
#: Versions of the texts: 1 is one text for every task, 2 has one for each class of tasks.
VERSIONS: Final = (1, 2)
#: What a pool may be put together to: fields of several candidates, or what they agree on.
FIELDS: Final = "fields"
AGREEMENT: Final = "agreement"
COMPOSED: Final = (FIELDS, AGREEMENT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposing:
    """How a spec wants its candidates made."""

    prompt: int = 1  # version of the first request's text
    repair: int = 1  # version of a repair's text
    compose: tuple[str, ...] = ()  # in the order tried

    @property
    def stated(self) -> dict[str, Any]:
        """What differs from a spec without the key; empty where nothing does."""
        told = {"prompt": self.prompt, "repair": self.repair, "compose": list(self.compose)}
        plain = {"prompt": 1, "repair": 1, "compose": []}
        return {key: value for key, value in told.items() if value != plain[key]}


def read_proposing(document: Document) -> Proposing:
    """Return what the spec says under `proposing`. Raises ``SpecError``."""
    block = document.data.get(KEY, {})
    if not isinstance(block, Mapping):
        raise _refused(document, (KEY,), block, "a mapping of prompt, repair, compose")
    for key in block:
        if key not in ("prompt", "repair", "compose"):
            raise _refused(document, (KEY, key), block[key], "prompt, repair or compose")
    return Proposing(
        prompt=_version(document, block, "prompt"),
        repair=_version(document, block, "repair"),
        compose=_compose(document, block),
    )


def _version(document: Document, block: Mapping[str, Any], key: str) -> int:
    value = block.get(key, 1)
    if type(value) is not int or value not in VERSIONS:
        raise _refused(document, (KEY, key), value, " or ".join(map(str, VERSIONS)))
    return value


def _compose(document: Document, block: Mapping[str, Any]) -> tuple[str, ...]:
    value = block.get("compose", [])
    expected = f"a list of {' and '.join(COMPOSED)}, each once"
    if not isinstance(value, list) or not all(item in COMPOSED for item in value):
        raise _refused(document, (KEY, "compose"), value, expected)
    if len(set(value)) != len(value):
        raise _refused(document, (KEY, "compose"), value, expected)
    if value and document.data.get("candidates", 1) == 1:
        raise SpecError(
            where=document.place(KEY, "compose"),
            found="compose without a pool",
            expected="`candidates:` of 2 or more",
        )
    return tuple(item for item in COMPOSED if item in value)


def _refused(document: Document, keys: tuple[str, ...], value: object, expected: str) -> SpecError:
    return SpecError(
        where=document.place(*keys), found=f"{keys[-1]}: {value!r}"[:100], expected=expected
    )
