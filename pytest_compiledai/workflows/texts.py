"""What the security gate asks of prompts and configuration: secrets, orders, hidden hosts."""

from __future__ import annotations

import os
import re
from collections.abc import Collection
from collections.abc import Iterator
from typing import Any
from typing import Final
from typing import NamedTuple
from urllib.parse import urlsplit

from pytest_compiledai.core.hidden import UNSEEN
from pytest_compiledai.core.suspicion import is_suspicious
from pytest_compiledai.llm.redact import Secrets

_ADDRESS: Final = re.compile(r"\b[a-z][a-z0-9+.-]{1,20}://[^\s\"'<>`|\\^{}]+", re.IGNORECASE)
_MOST_CHARACTERS: Final = 2_000_000


class Remark(NamedTuple):
    """One thing that is wrong with a text."""

    rule: str
    way: str  # of keys to the text, as `agents.solver.prompt`
    found: str
    expected: str


def remarks(value: Any, hosts: Collection[str]) -> Iterator[Remark]:
    """Yield what is wrong with the texts in a JSON value; only ``hosts`` may be named."""
    looked = 0
    secrets = Secrets.of(os.environ)
    for way, text in _texts(value, ""):
        looked += len(text)
        if looked > _MOST_CHARACTERS:
            yield Remark("size", way, "too much text to look at", f"{_MOST_CHARACTERS} characters")
            return
        yield from _of_text(way, text, hosts, secrets)


def _of_text(way: str, text: str, hosts: Collection[str], secrets: Secrets) -> Iterator[Remark]:
    for seen in secrets.find(text):
        yield Remark("secret", way, f"a {seen.kind}", "no secret: name an environment variable")
    if UNSEEN.search(text):
        yield Remark("hidden", way, "characters that are not seen", "text that a reviewer sees")
    elif is_suspicious(text):
        yield Remark("injection", way, "a text that overrides instructions", "plain instructions")
    for address in _ADDRESS.findall(text):
        host = _host(address)
        if "@" in address and ":" in address.partition("://")[2].rpartition("@")[0]:
            yield Remark("secret", way, "an address with a password", "no secret in an address")
        if host not in hosts:
            yield Remark("host", way, f"the host {host or address[:60]!r}", "a host in `hosts:`")


def _host(address: str) -> str:
    try:
        parts = urlsplit(address)
        return (parts.hostname or "").lower()
    except ValueError:
        return ""


def _texts(value: Any, way: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield way, value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield way, str(key)
            yield from _texts(inner, f"{way}.{key}".lstrip("."))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _texts(inner, f"{way}[{number}]")
