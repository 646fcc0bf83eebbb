"""The `agents:` of a spec: what each call is, and the settings among which the search chooses."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from typing import Any
from typing import Final

from pytest_compiledai.core.errors import SpecError

if TYPE_CHECKING:
    from pytest_compiledai.core.document import Document

KEYS: Final = ("prompt", "models", "budgets", "units", "tool", "endpoint", "temperature")
MOST_SETTINGS: Final = 200

_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
_MODEL = re.compile(r"[A-Za-z0-9][\w./:-]{0,119}")
_TOOL = re.compile(r"(?:\w[\w.-]*/){0,20}\w[\w.-]*\.py:[A-Za-z_]\w{0,63}")  # below the project
_ENDPOINT = re.compile(r"https?://\w[^\s]{0,400}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Agent:
    """A model call with a prompt, a Python tool, or frozen units; models and units may mix."""

    prompt: str
    models: tuple[str, ...]
    budgets: tuple[int, ...]  # most tokens of an answer; empty: the model's own
    units: tuple[str, ...]  # frozen units that may take the place of the call
    tool: str  # `file.py:function`; "" for none
    endpoint: str  # an address of its own; "" for the model's
    temperature: float | None

    @property
    def settings(self) -> tuple[str, ...]:
        """The names of the settings, as the profile has them."""
        if self.tool:
            return (f"tool:{self.tool}",)
        budgets = [f"@{budget}" for budget in self.budgets] or [""]
        models = [f"{model}{budget}" for model in self.models for budget in budgets]
        return (*models, *(f"unit:{unit}" for unit in self.units))

    def as_json(self) -> dict[str, Any]:
        """Return what the artifact carries, so that a configuration can be run from it."""
        values = {name: getattr(self, name) for name in Agent.__slots__}
        plain = {k: list(v) if isinstance(v, tuple) else v for k, v in values.items()}
        return {key: value for key, value in plain.items() if value not in ("", [], None)}


def read_agents(document: Document) -> dict[str, Agent]:
    """Return the agents by name. Raises ``SpecError``."""
    block = document.data.get("agents")
    if not isinstance(block, Mapping) or not block:
        raise SpecError(
            where=document.place("agents"), found="no agents", expected="a mapping of agents"
        )
    return {str(name): _Reader(document, str(name)).agent(block[name]) for name in block}


class _Reader:
    def __init__(self, document: Document, name: str) -> None:
        self.document = document
        self.name = name

    def agent(self, value: Any) -> Agent:
        if not _NAME.fullmatch(self.name):
            raise self._amiss((), self.name, "a name of a-z, 0-9 and _, a letter first")
        if not isinstance(value, Mapping):
            raise self._amiss((), value, f"a mapping of {', '.join(KEYS)}")
        for key in value:
            if key not in KEYS:
                raise self._amiss((key,), key, f"one of {', '.join(KEYS)}")
        models = self._words(value, "models", _MODEL)
        units = self._words(value, "units", _NAME)
        agent = Agent(
            prompt=self._text(value, "prompt"),
            models=models,
            budgets=self._budgets(value),
            units=units,
            tool=self._text(value, "tool"),
            endpoint=self._text(value, "endpoint"),
            temperature=self._temperature(value),
        )
        self._check(agent)
        return agent

    def _check(self, agent: Agent) -> None:
        if agent.tool and not _TOOL.fullmatch(agent.tool):
            raise self._amiss(("tool",), agent.tool, "file.py:function, below the spec")
        if agent.endpoint and not _ENDPOINT.fullmatch(agent.endpoint):
            raise self._amiss(("endpoint",), agent.endpoint, "an address, https:// and a host")
        if agent.tool and (agent.models or agent.units or agent.prompt):
            raise self._amiss(("tool",), "a tool beside a prompt", "a tool or models, not both")
        if not agent.settings:
            raise self._amiss((), "neither models, units nor a tool", "one of them")
        if agent.models and not agent.prompt:
            raise self._amiss((), "models without a prompt", "the key `prompt`")
        if len(agent.settings) > MOST_SETTINGS:
            raise self._amiss((), f"{len(agent.settings)} settings", f"at most {MOST_SETTINGS}")

    def _text(self, value: Mapping[str, Any], key: str) -> str:
        text = value.get(key, "")
        if not isinstance(text, str) or (key in value and not text.strip()):
            raise self._amiss((key,), text, "text")
        return text

    def _words(
        self, value: Mapping[str, Any], key: str, pattern: re.Pattern[str]
    ) -> tuple[str, ...]:
        words = value.get(key, [])
        good = isinstance(words, list) and all(
            isinstance(word, str) and pattern.fullmatch(word) for word in words
        )
        if not good or len(set(words)) != len(words) or (key in value and not words):
            raise self._amiss((key,), words, f"a list of {key}, each once")
        return tuple(words)

    def _budgets(self, value: Mapping[str, Any]) -> tuple[int, ...]:
        budgets = value.get("budgets", [])
        good = isinstance(budgets, list) and all(
            type(budget) is int and 1 <= budget <= 10**7 for budget in budgets
        )
        if not good or len(set(budgets)) != len(budgets) or ("budgets" in value and not budgets):
            raise self._amiss(("budgets",), budgets, "a list of whole numbers of tokens")
        return tuple(budgets)

    def _temperature(self, value: Mapping[str, Any]) -> float | None:
        number = value.get("temperature")
        if number is None:
            return None
        if type(number) not in (int, float) or not 0 <= number <= 2:  # noqa: PLR2004 - what models take
            raise self._amiss(("temperature",), number, "a number from 0 to 2")
        return float(number)

    def _amiss(self, way: tuple[str, ...], found: Any, expected: str) -> SpecError:
        return SpecError(
            where=self.document.place("agents", self.name, *way),
            found=f"{found!r}"[:100],
            expected=expected,
            next="see docs/workflows.md, section Agents",
        )
