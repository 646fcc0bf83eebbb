"""Secrets: found before a prompt leaves, taken out of answers and of everything written.

Known are the values of environment variables whose names look secret, as they are and as JSON
writes them, and the shapes of widely used keys. A secret in another encoding (base64, split over
lines) and one of a shape of its own that no variable holds are not found.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from typing import Final
from typing import NamedTuple

#: Shorter values are words and numbers of everyday text.
LEAST_VALUE_CHARACTERS: Final = 8

_SECRET_NAME = re.compile(
    r"(?:^|_)(?:KEYS?|TOKENS?|SECRETS?|PASSWORDS?|PASSWD|PASSPHRASE|PWD|CREDENTIALS?|PAT|DSN)"
    r"(?:_|$|\d)|(?:API_?KEY|ACCESSKEY|TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIAL)S?(?:_|$|\d)",
    re.IGNORECASE,
)
_NO_SECRETS: Final = frozenset({"PWD", "OLDPWD"})  # the shell's working folders

#: What key makers print in their documentation; a spec about secrets may hold these.
_SAMPLE = "EXAMPLE"

_SHAPES: Final = (
    (
        "private key",
        (
            r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
            r".*?(?:-----END [A-Z ]{0,40}PRIVATE KEY(?: BLOCK)?-----|\Z)"
        ),
    ),
    ("JWT", r"\beyJ[\w-]{8,600}\.eyJ[\w-]{8,}\.[\w-]{8,}"),
    ("AWS key", r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"),
    ("GitHub token", r"\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_\w{22,})"),
    ("GitLab token", r"\bglpat-[\w-]{20,}"),
    ("Slack token", r"\bxox[abeoprs]-[A-Za-z0-9-]{10,}"),
    ("Google key", r"\bAIza[\w-]{35}"),
    ("Stripe key", r"\b[rs]k_live_[A-Za-z0-9]{16,}"),
    ("npm token", r"\bnpm_[A-Za-z0-9]{36}"),
    ("PyPI token", r"\bpypi-AgE[\w-]{50,}"),
    ("Hugging Face token", r"\bhf_[A-Za-z0-9]{30,}"),
    ("API key", r"\bsk-(?=[\w-]{0,99}\d)(?=[\w-]{0,99}[A-Za-z])[\w-]{20,}"),
)
_SHAPE: Final = re.compile(
    "|".join(f"(?P<s{number}>{shape})" for number, (_, shape) in enumerate(_SHAPES)), re.DOTALL
)


class Sighting(NamedTuple):
    """A secret in a text: where, and what kind it is; never the value itself."""

    start: int
    end: int
    kind: str


@dataclass(frozen=True, slots=True)
class Secrets:
    """What must leave this machine in no text."""

    values: Mapping[str, str]  # the value -> the name of its variable

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> Secrets:
        """Return the secrets of an environment."""
        values: dict[str, str] = {}
        for name in sorted(environ):
            value = environ[name].strip()
            if len(value) >= LEAST_VALUE_CHARACTERS and is_secret_name(name):
                values.setdefault(value, name)
                values.setdefault(json.dumps(value)[1:-1], name)
                values.setdefault(json.dumps(value, ensure_ascii=False)[1:-1], name)
        return cls(values)

    def find(self, text: str) -> tuple[Sighting, ...]:
        """Return the secrets in ``text`` in their order, none inside another."""
        found = [*self._values_in(text), *_shapes_in(text)]
        apart: list[Sighting] = []
        for seen in sorted(found, key=lambda seen: (seen.start, -seen.end)):
            if not apart or seen.start >= apart[-1].end:
                apart.append(seen)
            elif seen.end > apart[-1].end:
                # Two overlap: what is taken out is their union.
                apart[-1] = apart[-1]._replace(end=seen.end)
        return tuple(apart)

    def redact(self, text: str) -> str:
        """Return ``text`` with ``[redacted:<kind>]`` in the place of each secret."""
        pieces: list[str] = []
        position = 0
        for seen in self.find(text):
            pieces += [text[position : seen.start], f"[redacted:{seen.kind}]"]
            position = seen.end
        return "".join([*pieces, text[position:]])

    def _values_in(self, text: str) -> list[Sighting]:
        found: list[Sighting] = []
        for value, name in self.values.items():
            start = text.find(value)
            while start >= 0:
                found.append(Sighting(start, start + len(value), name))
                start = text.find(value, start + len(value))
        return found


def is_secret_name(name: str) -> bool:
    """Return whether a variable of this name holds a secret."""
    return name.upper() not in _NO_SECRETS and _SECRET_NAME.search(name) is not None


def redact(text: str) -> str:
    """Return ``text`` without the secrets of this process's environment and of known shapes."""
    return Secrets.of(os.environ).redact(text)


def redact_values(value: Any) -> Any:
    """Return JSON values without secrets in any text of them.

    Taken out text by text: an open key ends with its text, and what is written stays JSON.
    """
    secrets = Secrets.of(os.environ)

    def clean(value: Any) -> Any:
        if isinstance(value, str):
            return secrets.redact(value)
        if isinstance(value, list):
            return [clean(item) for item in value]
        if isinstance(value, dict):
            return {secrets.redact(key): clean(item) for key, item in value.items()}
        return value

    return clean(value)


def _shapes_in(text: str) -> list[Sighting]:
    return [
        Sighting(match.start(), match.end(), _SHAPES[int((match.lastgroup or "s0")[1:])][0])
        for match in _SHAPE.finditer(text)
        if _SAMPLE not in match.group()
    ]
