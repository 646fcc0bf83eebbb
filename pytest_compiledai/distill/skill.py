"""The artifact of kind `skill`: instructions and tools that stand in for a graph of agents.

Rigid metrics need the agents' order, free ones are held back by it: what is extracted follows from
the metrics' classes. Published accounts of the second step disagree (refine towards rigid metrics
alone, or towards free ones), so both are made, and validation rows choose.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import fmean
from typing import TYPE_CHECKING
from typing import Any
from typing import Final

from pytest_compiledai.core.canonical import canonical_json
from pytest_compiledai.core.split import Split
from pytest_compiledai.core.strictjson import read_json
from pytest_compiledai.distill.demos import expected
from pytest_compiledai.distill.freedom import LEAST_RUNS
from pytest_compiledai.distill.freedom import Class
from pytest_compiledai.distill.freedom import Item
from pytest_compiledai.distill.freedom import classes
from pytest_compiledai.distill.metrics import METRICS

if TYPE_CHECKING:
    from pytest_compiledai.core.golden import Row
    from pytest_compiledai.core.kind import Asking
    from pytest_compiledai.distill.skillspec import SkillSpec
    from pytest_compiledai.distill.skillspec import Tool

VERSION: Final = 1
#: What a chain of the pool does after extraction.
POLICIES: Final = ("extracted", "rigid", "free")
#: Train rows that a refinement is shown, those with the lowest scores.
SHOWN: Final = 8
KEYS: Final = ("version", "kind", "name", "policy", "metrics", "classes", "tools")

Messages = tuple[tuple[str, str], ...]  # role, content


@dataclass(frozen=True, slots=True, kw_only=True)
class Skill:
    """A frozen skill."""

    text: str  # of SKILL.md
    tools: Mapping[str, bytes]  # name -> source
    settings: Mapping[str, Any]

    def asked(self, task: Mapping[str, Any]) -> Messages:
        """Return what a model is asked: the instructions, the tools' sources, the task.

        In one call a tool is read and not run; an agent that runs tools has the files.
        """
        told = [self.text.strip()]
        told += [
            f"## Source of {name}\n\n```python\n{source.decode('utf-8').strip()}\n```"
            for name, source in sorted(self.tools.items())
        ]
        given = json.dumps(task, ensure_ascii=False, sort_keys=True)
        return (("system", "\n\n".join(told)), ("user", given))


def metric_classes(spec: SkillSpec) -> dict[str, Class]:
    """Return each metric's class from the agents' runs on train and validation rows.

    `unknown` where no row has enough runs, or their scores never differ.
    """
    return dict(_classes(_items(spec)))


def _items(spec: SkillSpec) -> tuple[tuple[str, tuple[Item, ...]], ...]:
    rows = [
        (expected(row.output), tuple(run.output for run in spec.runs_of(row)))
        for row in spec.rows_in(Split.TRAIN, Split.VALIDATION)
    ]
    enough = [(right, outputs) for right, outputs in rows if len(outputs) >= LEAST_RUNS]
    return tuple(
        (
            metric,
            tuple(
                Item(outputs=outputs, scores=tuple(METRICS[metric](o, right) for o in outputs))
                for right, outputs in enough
            ),
        )
        for metric in spec.metrics
    )


@lru_cache(maxsize=8)
def _classes(
    items: tuple[tuple[str, tuple[Item, ...]], ...],
) -> tuple[tuple[str, Class], ...]:
    return tuple(classes(dict(items)).items())


def extracted(spec: SkillSpec, kinds: Mapping[str, Class]) -> str:
    """Return the instructions: what the agents know, and their order where a metric is rigid."""
    lines = ["---", f"name: {spec.name}", f"description: {json.dumps(_first_line(spec))}", "---"]
    lines += ["", f"# {spec.name}", "", spec.description, "", "## Knowledge", ""]
    for agent in spec.graph.agents:
        lines += [f"### {agent.name}", "", agent.prompt, ""]
    if "rigid" in kinds.values():
        lines += ["## Order", ""]
        for edge in spec.graph.edges:
            when = f" when {edge.when}" if edge.when else ""
            lines.append(f"- {edge.source.strip('_')} → {edge.target.strip('_')}{when}")
        lines.append("")
    if spec.tools:
        lines += ["## Tools", ""]
        lines += [f"- `{tool.name}`: {_example(tool)}" for tool in spec.tools]
        lines.append("")
    key = next(iter(spec.output.data.get("properties", {"output": {}})))
    lines += ["## Answer", "", f"Answer with the value of `{key}` alone, without an explanation."]
    return "\n".join(lines) + "\n"


def _first_line(spec: SkillSpec) -> str:
    return spec.description.partition("\n")[0].strip()


def _example(tool: Tool) -> str:
    given, result = (canonical_json(value).decode("ascii") for value in tool.examples[0])
    return f"{given} gives {result}"


def refining(spec: SkillSpec, text: str, towards: Sequence[str], asking: Asking) -> Messages:
    """Return what a refinement is asked: the instructions, and train rows that score low.

    Only train rows are shown. Raises ``ModelError``.
    """
    skill = Skill(text=text, tools=_sources(spec), settings={})
    scored = []
    for row in spec.rows_in(Split.TRAIN)[:SHOWN]:
        output = asking.ask(skill.asked(row.input), sample=0).text
        right = expected(row.output)
        score = fmean(METRICS[metric](output, right) for metric in towards)
        scored.append((score, row.id, row, output))
    scored.sort(key=lambda item: item[:2])
    shown = "\n\n".join(_shown(row, output, score) for score, _, row, output in scored)
    system = (
        "You improve instructions that a model is given. Keep the front matter, the headings and "
        "every fact that is right. Add what the examples show to be missing as general rules; "
        "never quote an example. Answer with the whole file."
    )
    user = f"Improve the scores {', '.join(towards)}.\n\n{shown}\n\nThe file:\n\n{text}"
    return (("system", system), ("user", user))


def _shown(row: Row, output: str, score: float) -> str:
    given = json.dumps(row.input, ensure_ascii=False, sort_keys=True)
    right = expected(row.output)
    return f"Input: {given}\nGiven: {output.strip()}\nRight: {right}\nScore: {score:.2f}"


def made(spec: SkillSpec, policy: str, asking: Asking) -> tuple[dict[str, bytes], str]:
    """Return the artifact's files and who wrote them. Raises ``ModelError``.

    Where a policy has no metric to refine towards, its skill is the extracted one.
    """
    kinds = metric_classes(spec)
    text, proposer = extracted(spec, kinds), f"file:{spec.runs_path}"
    towards = [metric for metric in spec.metrics if kinds[metric] == policy]
    if towards:
        answered = asking.ask(refining(spec, text, towards, asking), sample=0)
        text, proposer = _whole(answered.text), answered.model
    settings = {
        "version": VERSION,
        "kind": "skill",
        "name": spec.name,
        "policy": policy,
        "metrics": list(spec.metrics),
        "classes": kinds,
        "tools": [tool.name for tool in spec.tools],
    }
    files = {
        f"{spec.name}/SKILL.md": text.encode(),
        f"{spec.name}/skill.json": f"{json.dumps(settings, indent=1)}\n".encode(),
    }
    files |= {f"{spec.name}/tools/{tool.name}.py": tool.source for tool in spec.tools}
    return files, proposer


def _whole(answer: str) -> str:
    """Return the file in an answer, a fence round all of it dropped."""
    text = answer.strip()
    if text.startswith("```") and text.endswith("```"):
        text = text.partition("\n")[2].rpartition("\n")[0]
    return f"{text.strip()}\n"


def _sources(spec: SkillSpec) -> dict[str, bytes]:
    return {tool.name: tool.source for tool in spec.tools}


def read_skill(files: Mapping[str, bytes]) -> Skill:
    """Return the artifact that ``files`` hold, paths with or without the unit's folder.

    Raises ``ValueError`` for anything but what is written.
    """
    settings_path = next((path for path in files if path.endswith("skill.json")), "")
    folder = settings_path.removesuffix("skill.json")
    settings = read_json(files[settings_path].decode("utf-8")) if settings_path else None
    if not isinstance(settings, dict) or tuple(settings) != KEYS:
        raise ValueError(f"other settings; expected {', '.join(KEYS)}")
    if settings["version"] != VERSION or settings["kind"] != "skill":
        raise ValueError(f"version {settings['version']!r}; expected {VERSION}")
    tools = {name: f"{folder}tools/{name}.py" for name in settings["tools"]}
    wanted = {settings_path, f"{folder}SKILL.md", *tools.values()}
    if set(files) != wanted:
        odd = sorted(set(files) ^ wanted)
        raise ValueError(f"a file missing or unknown: {odd[0]}")
    return Skill(
        text=files[f"{folder}SKILL.md"].decode("utf-8"),
        tools={name: files[path] for name, path in tools.items()},
        settings=settings,
    )
