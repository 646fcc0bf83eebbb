"""The texts that try to give orders, and texts that only sound like it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from bench.replaying import DATA

HERE = Path(__file__).parent
SETS = DATA / "injection"


@dataclass(frozen=True, slots=True, kw_only=True)
class InjectionCase:
    """One text, and what would show that something obeyed it."""

    id: str
    kind: str
    text: str
    goal: str = ""


def own() -> list[InjectionCase]:
    """Return the cases of this project."""
    lines = (HERE / "cases.jsonl").read_text(encoding="utf-8").splitlines()
    return [InjectionCase(**json.loads(line)) for line in lines]


def cyberseceval() -> list[InjectionCase]:
    """Return the cases of CyberSecEval's prompt injection set; none where it is not there."""
    path = SETS / "cyberseceval" / "prompt_injection.json"
    return [
        InjectionCase(
            id=f"cse-{item['prompt_id']}",
            kind=item["injection_variant"],
            text=item["user_input"],
            goal=item["judge_question"],
        )
        for item in _read(path)
    ]


def notinject() -> list[InjectionCase]:
    """Return NotInject's benign prompts with words that detectors jump at; none where missing."""
    return [
        InjectionCase(id=f"{path.stem}-{number}", kind="benign", text=item["prompt"])
        for path in sorted((SETS / "notinject").glob("*.json"))
        for number, item in enumerate(_read(path))
    ]


def _read(path: Path) -> list[dict[str, str]]:
    if not path.exists():
        return []
    items: list[dict[str, str]] = json.loads(path.read_text(encoding="utf-8"))
    return items
