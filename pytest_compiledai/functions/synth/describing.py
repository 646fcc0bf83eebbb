"""What a schema and its descriptions say of the fields that a request fills."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from collections.abc import Mapping
from typing import Any

from pytest_compiledai.functions.synth.lexicon import DIMENSIONS
from pytest_compiledai.functions.synth.lexicon import FORMULAS
from pytest_compiledai.functions.synth.lexicon import GENERIC
from pytest_compiledai.functions.synth.lexicon import ROLE_WORDS
from pytest_compiledai.functions.synth.lexicon import SWITCHES
from pytest_compiledai.functions.synth.parts.fields import Field
from pytest_compiledai.functions.synth.parts.fields import Knowledge
from pytest_compiledai.functions.synth.parts.fields import Value
from pytest_compiledai.functions.synth.parts.stopwords import STOP_WORDS
from pytest_compiledai.functions.synth.parts.tokens import PREFIX
from pytest_compiledai.functions.synth.parts.units import UNITS
from pytest_compiledai.functions.synth.parts.units import unit_of
from pytest_compiledai.functions.synth.wording import forms
from pytest_compiledai.functions.synth.wording import same_words
from pytest_compiledai.functions.synth.wording import stems
from pytest_compiledai.functions.synth.wording import words_of
from pytest_compiledai.functions.synth.wording import words_of_name
from pytest_compiledai.functions.synth.written import written

_WITH_COMMA = re.compile(
    r"[A-Z][a-z]+(?: [A-Z][a-z]+)*, (?:[A-Z]{2}\b|USA)|City(?: Name)?, ?(?:State|Country)"
    r"|city and (?:the )?(?:state|country)|\bcity, (?:state|country)"
)
_WITH_STATE = re.compile(r"[A-Z][a-z]+, [A-Z]{2}\b|[Ss]tate \(abbr")
_SHAPES = ("YYYY-MM-DD", "MM/DD/YYYY", "DD/MM/YYYY", "MM-DD-YYYY", "DD-MM-YYYY", "YYYY/MM/DD")
_EXAMPLE = re.compile(r"(?<=[a-z,.'\"(] )[A-Z][A-Za-z]+(?: [A-Z][a-z]+)*")
_QUOTED = re.compile(r"(?<!\w)['\"`]([^'\"`\n]{1,40})['\"`](?!\w)")
_DEFAULT = re.compile(
    r"[Dd]efaults?(?: value)?(?: is| to|:|=)* ?(?:set to )?['\"`]?([\w.+-]+(?: [\w]+)?)['\"`]?"
)
_LISTED = re.compile(
    r"(?:e\.g\.|i\.e\.|such as|for example|like),? ([a-z]{3,}(?:, (?:or |and )?[a-z]{3,}){1,9})"
)
_PERIODS = re.compile(
    r"(?:compound\w*|interest)(?: is)?(?: \w+)? (?:frequency|per (?:year|unit|time))"
    r"|times (?:that |the )*interest|periods per year"
)
_ORDINAL = re.compile(r"\b(first|second|third|fourth|1st|2nd|3rd)\b", re.IGNORECASE)
_PERCENT = re.compile(r"percent", re.IGNORECASE)
#: Words of a name that say it is one of two ends.
ENDS = frozenset(
    "start end from to min max origin destination lower upper checkin checkout departure return "
    "arrival".split()
)
_CHOICES = re.compile(r"(?:choices|options|values)?\W*(?:are|is|be|either|of)?", re.IGNORECASE)


def knowledge_of(function: str, description: str, schema: Mapping[str, Any]) -> Knowledge:
    """Return what is known of a function whose arguments ``schema`` describes."""
    leaves = list(_leaves(schema, ()))
    fields = tuple(_field(path, data, required) for path, data, required in leaves)
    told = [(path[-1], str(data.get("description", ""))) for path, data, _ in leaves]
    fields = _with_series(fields, told)
    known: set[str] = set()
    for name, text in [(function, description), *((n, _plain(t)) for n, t in told)]:
        for word in [*words_of_name(name), *words_of(text)]:
            if word in STOP_WORDS:  # explained by themselves
                continue
            known |= stems(word)
            for other in same_words(word):
                known |= stems(other)
    return Knowledge(
        fields=fields,
        cues=_cues(fields, told),
        known=frozenset(known - _loose(known)),
        topic=frozenset(_topic(function)),
        told=frozenset(
            form
            for word in words_of(description)
            if word not in GENERIC and word not in STOP_WORDS and len(word) > 3
            for form in stems(word)
        ),
    )


def _plain(text: str) -> str:
    """Return a description without its quotations and the names it has as examples."""
    return _EXAMPLE.sub(" ", _QUOTED.sub(" ", text))


def _topic(function: str) -> Iterator[str]:
    """Yield the beginnings of the words that say what a function is about."""
    for word in words_of_name(function):
        if word not in GENERIC and word not in STOP_WORDS and len(word) > 2:
            for other in same_words(word):
                yield from stems(other)


def _loose(known: set[str]) -> set[str]:
    return {word for word in known if len(word) < 2 and word not in "abcxyzn"}


def _leaves(
    schema: Mapping[str, Any], way: tuple[str, ...], needed: bool = True
) -> Iterator[tuple[tuple[str, ...], Mapping[str, Any], bool]]:
    required = schema.get("required", [])
    for name, data in schema.get("properties", {}).items():
        here = needed and name in required
        if "const" in data or len(data.get("enum", ())) == 1:
            continue
        if data.get("type") == "object":
            yield from _leaves(data, (*way, name), here)
        else:
            yield (*way, name), data, here


def _field(path: tuple[str, ...], data: Mapping[str, Any], required: bool) -> Field:
    name, text = path[-1], str(data.get("description", ""))
    kind = _kind(data)
    names = frozenset(
        form
        for word in words_of_name(name)
        if word not in GENERIC or len(words_of_name(name)) == 1
        for form in stems(word)
    )
    role = _role(name, text, kind)
    measured = kind in ("integer", "number", "numbers", "integers") and role != "periods"
    dimension, unit = _measure(name, text) if measured else ("", "")
    options = _options(data, text, kind)
    return Field(
        name=".".join(path),
        kind=kind,
        required=required,
        names=names | {name.lower()[:PREFIX]},
        switches=_switch_words(name) if kind == "boolean" else (),
        dimension=dimension,
        unit=unit,
        options=options,
        role=role,
        default=_default(data, text, kind),
        percent=bool(_PERCENT.search(f"{name} {text}")) and "decimal" not in text.lower(),
        shape=_shape(data, text),
        code=kind == "string" and _is_code(text),
        comma=bool(_WITH_COMMA.search(text)) and kind == "string",
        written=written(_codes(name, text, kind), with_state=_wants_state(text, kind)),
        free=kind in ("string", "strings"),
    )


def _kind(data: Mapping[str, Any]) -> str:
    if "enum" in data:
        return "enum"
    kind = str(data.get("type", "any"))
    if kind != "array":
        return kind
    items = data.get("items", {})
    if "enum" in items:
        return "enums"
    inner = items.get("type")
    return {"string": "strings", "integer": "integers", "number": "numbers"}.get(inner, "other")


def _switch_words(name: str) -> tuple[tuple[str, ...], ...]:
    """Return the words that switch something on, each with its forms."""
    own = [word for word in words_of_name(name) if word not in SWITCHES and word not in STOP_WORDS]
    return tuple(tuple(sorted(stems(word))) for word in own or words_of_name(name))


def _measure(name: str, text: str) -> tuple[str, str]:
    dimension = unit = ""
    words = words_of_name(name)
    for word in reversed(words):
        if word in DIMENSIONS and not dimension:
            dimension = DIMENSIONS[word]
        if len(word) > 2 and word in UNITS and not unit and words != ["year"]:
            dimension, unit = UNITS[word]
    if not dimension:
        dimension = next((DIMENSIONS[w] for w in words_of(text)[:8] if DIMENSIONS.get(w)), "")
    for word in re.findall(r"[\w/^$%\u00b0]+", text.lower()):
        found, named = unit_of(word) if word != "second" else ("", "")  # which may be an ordinal
        if named and (len(word) > 2 or "/" in word) and (not dimension or found == dimension):
            return found, unit or named
    return dimension, unit


def _role(name: str, text: str, kind: str) -> str:
    if kind in ("integer", "number"):
        if _PERIODS.search(f"{' '.join(words_of_name(name))} {text.lower()}"):
            return "periods"
        return next((role for role in ("from", "to") if _has_role(words_of_name(name), role)), "")
    if kind not in ("string", "strings"):
        return ""
    if FORMULAS & set([word for word in words_of_name(name) if word.isalpha()][-1:]):
        return "formula"
    for words in (words_of_name(name), words_of(text)[:8]):
        for role, _ in ROLE_WORDS:
            if _has_role(words, role) and (role != "unit" or words == words_of_name(name)):
                return role
    return ""


def _shape(data: Mapping[str, Any], text: str) -> str:
    said = text.upper().replace("MONTH", "MM").replace("DAY", "DD").replace("YEAR", "YYYY")
    found = [shape for shape in _SHAPES if shape in said]
    if not found and data.get("format") == "date":
        return _SHAPES[0]
    return found[0] if len(found) == 1 else ""


def _is_code(text: str) -> bool:
    """Return whether a description asks for an abbreviation, by its words or its examples."""
    examples = _QUOTED.findall(text)
    short = bool(examples) and all(len(word) <= 3 and word.isupper() for word in examples)
    return short or "abbreviat" in text.lower() or "two-letter" in text.lower()


def _wants_state(text: str, kind: str) -> bool:
    return kind == "string" and bool(_WITH_COMMA.search(text) and _WITH_STATE.search(text))


def _codes(name: str, text: str, kind: str) -> str:
    """Return what the codes are of that a field of text takes; empty for none."""
    words = words_of_name(name)
    if kind != "string":
        return ""
    if "language" in words and "code" in words_of(text):
        return "language"
    return "state" if "state" in words and _is_code(text) else ""


def _has_role(words: list[str], role: str) -> bool:
    return bool(set(words) & set(dict(ROLE_WORDS)[role].split()))


def _options(
    data: Mapping[str, Any], text: str, kind: str
) -> tuple[tuple[str, tuple[str, ...]], ...]:
    stated = data.get("enum", data.get("items", {}).get("enum", []))
    named = [str(value) for value in stated]
    if kind == "string":
        found = _QUOTED.findall(text) or _listed_words(text)
        named = list(dict.fromkeys(found)) if len(found) >= 2 else []
    return tuple((value, words) for value in named for words in _option_words(value))


def _listed_words(text: str) -> list[str]:
    """Return plain words that a description gives as examples, as in `such as villa, condo`."""
    found = _LISTED.search(text)
    return [word for word in re.findall(r"[a-z]{3,}", found[1]) if word != "etc"] if found else []


def _option_words(value: str) -> Iterator[tuple[str, ...]]:
    if len(value) <= 2:
        yield (value,)
        return
    plain = tuple(value.lower().replace("_", " ").split())
    if plain:
        yield plain
        for form in sorted(forms(plain[-1]) - {plain[-1]}):
            yield (*plain[:-1], form)
        if len(plain) == 1 and plain[0] in UNITS:
            for word in sorted(UNITS):
                if UNITS[word] == UNITS[plain[0]] and len(word) > 1 and word != plain[0]:
                    yield (word,)


def _default(data: Mapping[str, Any], text: str, kind: str) -> Value | None:
    if "default" in data:
        value = data["default"]
        return value if isinstance(value, str | int | float | bool) else None
    found = _DEFAULT.search(text)
    if not found:
        return None
    said = found[1].rstrip(".")  # of the sentence
    if kind in ("integer", "number"):
        try:
            return int(said) if kind == "integer" else float(said)
        except ValueError:
            return None
    if kind == "boolean":
        return {"true": True, "false": False}.get(said.lower())
    if kind == "enum":
        return next((v for v in data["enum"] if v == said), None)
    return said if kind == "string" else None


def _with_series(fields: tuple[Field, ...], told: list[tuple[str, str]]) -> tuple[Field, ...]:
    """Return the fields, those named that take values in order marked as a series."""
    keys = [
        _series_key(name, text, field) for field, (name, text) in zip(fields, told, strict=True)
    ]
    counts = Counter(keys)
    return tuple(
        field._replace(series=key if key and counts[key] > 1 else "")
        for field, key in zip(fields, keys, strict=True)
    )


def _series_key(name: str, text: str, field: Field) -> str:
    if len(name) == 1:
        return f"letter {field.kind}"
    if name[-1].isdigit() and not name.isdigit():
        return f"{name.rstrip('0123456789')} {field.kind}"
    if set(words_of_name(name)) & ENDS or name.lower().startswith(("check_in", "check_out")):
        return f"ends {field.kind}"
    if _ORDINAL.search(text) or name.lower().startswith(("first", "second")):
        return f"ordinal {field.kind}"
    return ""


def _cues(
    fields: tuple[Field, ...], told: list[tuple[str, str]]
) -> dict[str, tuple[tuple[int, int], ...]]:
    """Return word -> (field, weight); words of all fields say nothing."""
    found: dict[str, dict[int, int]] = {}
    for index, (name, text) in enumerate(told):
        for word, weight in _weighed(name, text):
            for form in sorted({form for other in same_words(word) for form in stems(other)}):
                places = found.setdefault(form, {})
                places[index] = max(places.get(index, 0), weight)
    return {
        word: tuple(sorted(places.items()))
        for word, places in sorted(found.items())
        if word not in STOP_WORDS and (len(places) < len(fields) or len(fields) == 1)
    }


def _weighed(name: str, text: str) -> Iterator[tuple[str, int]]:
    for word in words_of_name(name):
        if word not in GENERIC:
            yield word, 3
    for word in words_of(text):
        if word not in GENERIC and word not in STOP_WORDS:
            yield word, 1
