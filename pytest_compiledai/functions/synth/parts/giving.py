# compiledai module giving@1
"""Values found for a request, in the type of the field they go to."""

from __future__ import annotations

from collections.abc import Mapping

from pytest_compiledai.functions.synth.parts.fields import Value


def as_text(found: Mapping[str, Value], name: str) -> str:
    """Return a value as text."""
    return str(found[name])


def as_integer(found: Mapping[str, Value], name: str) -> int:
    """Return a value as a whole number."""
    value = found[name]
    return int(value) if isinstance(value, int | float) else 0


def as_number(found: Mapping[str, Value], name: str) -> float:
    """Return a value as a number."""
    value = found[name]
    return float(value) if isinstance(value, int | float) else 0.0


def as_switch(found: Mapping[str, Value], name: str) -> bool:
    """Return a value as true or false."""
    return found[name] is True


def as_texts(found: Mapping[str, Value], name: str) -> list[str]:
    """Return a value as a list of texts."""
    value = found[name]
    return [str(item) for item in value] if isinstance(value, list) else []


def as_numbers(found: Mapping[str, Value], name: str) -> list[float]:
    """Return a value as a list of numbers."""
    value = found[name]
    return [float(item) for item in value] if isinstance(value, list) else []


def as_integers(found: Mapping[str, Value], name: str) -> list[int]:
    """Return a value as a list of whole numbers."""
    value = found[name]
    return [int(item) for item in value] if isinstance(value, list) else []
