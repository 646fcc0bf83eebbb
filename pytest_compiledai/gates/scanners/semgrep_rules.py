"""Which Semgrep rules can say anything of a text: those whose words all stand in it.

A pattern matches code only where every identifier it spells out occurs, imported under another name
or not: the import names it too. Rules that cannot match are not run; on generated functions that is
most of them, and most of Semgrep's time. What a rule finds stays the same, which a test compares
over the whole corpus.
"""

from __future__ import annotations

import functools
import itertools
import json
import re
from collections.abc import Iterable
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

Words = frozenset[str]

_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")
_NAME = re.compile(r"(?<![$\w])[A-Za-z_]\w*")
_WORD = re.compile(r"[^\W\d]\w*")
#: Words that Semgrep writes otherwise than the code: equal constants, or forms of one construct.
_FREE = frozenset({"None", "True", "False", "not", "in", "is", "and", "or", "if", "else", "return"})
_EITHER = "pattern-either"


def scoped(rules: Path, texts: Mapping[str, str]) -> bytes:
    """Return a configuration of the rules that can match, each for the files it can match in.

    ``texts`` maps the names of the files to what they hold.
    """
    words = {name: frozenset(_WORD.findall(text)) for name, text in texts.items()}
    kept = []
    for rule, alternatives in _rules(rules):
        names = [name for name in sorted(words) if any(a <= words[name] for a in alternatives)]
        if names:
            kept.append({**rule, "paths": {"include": names}})
    return json.dumps({"rules": kept}).encode("ascii")


@functools.cache
def _rules(path: Path) -> tuple[tuple[dict[str, Any], tuple[Words, ...]], ...]:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the same values, four times as fast
    document = yaml.load(path.read_text(encoding="utf-8"), loader)  # noqa: S506 - a safe one
    return tuple((rule, tuple(_alternatives(rule))) for rule in document["rules"])


def _alternatives(rule: Mapping[str, Any]) -> Iterable[Words]:
    """Return sets of words; a rule can match only where all of one set occur."""
    if rule.get("mode") == "taint":
        return itertools.chain.from_iterable(_of(sink) for sink in rule["pattern-sinks"])
    return _of(rule)


def _of(node: Mapping[str, Any]) -> list[Words]:
    """Return the alternatives of a node; all its keys have to hold."""
    return _all([_of_key(key, value) for key, value in node.items()])


def _of_key(key: str, value: Any) -> list[Words]:
    """Return the alternatives of one key; none where the key demands no words."""
    if key in ("pattern", "pattern-inside"):
        return [frozenset(_NAME.findall(_QUOTED.sub("", value))) - _FREE]
    if key == _EITHER:
        return list(itertools.chain.from_iterable(_of(item) for item in value))
    if key == "patterns":
        return _all([_of(item) for item in value])
    return []


def _all(parts: list[list[Words]]) -> list[Words]:
    """Return the ways in which every part holds; a part without alternatives demands nothing."""
    return [
        frozenset(itertools.chain.from_iterable(chosen))
        for chosen in itertools.product(*(part for part in parts if part))
    ]
