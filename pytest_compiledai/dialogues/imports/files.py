"""Reads LangGraph's to_json(), Mermaid flowcharts, Rasa's flows and agent2model's flowcharts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from typing import Final

import yaml

from pytest_compiledai.core.document import EVENTS_CAP
from pytest_compiledai.core.errors import SpecError
from pytest_compiledai.core.strictjson import read_json
from pytest_compiledai.dialogues.imports.sketch import Sketch

SIZE_CAP: Final = 1 << 20  # bytes
_NODE = re.compile(
    r"([A-Za-z_][\w.-]*)\s*"
    r"(?:\(\[(.*?)\]\)|\[\[?(.*?)\]\]?|\(\(?(.*?)\)\)?|\{(.*?)\})?"
)
_ARROW = re.compile(
    r"\s*(?:(?:-->|-\.->|==>)\s*(?:\|(?P<bar>[^|]*)\|)?"
    # A label begins and ends with a sign, so that a space has one place in the pattern.
    r"|(?:--|==|-\.)\s*(?P<mid>[^\s>=|.-](?:[^|]*?\S)?)\s*(?:-->|\.->|==>))\s*"
)
_HEAD = re.compile(r"(?:flowchart|graph)\s+(?:TD|TB|BT|LR|RL)?\s*;?")
_SKIPPED = re.compile(
    r"%%.*|---.*|end|(?:classDef|class|style|linkStyle|subgraph|direction|click)\b.*"
)
_DONE: Final = "END"
DEPTH_CAP: Final = 100


def sketched(data: bytes, path: str) -> Sketch:
    """Return the graph in a file. Raises ``SpecError`` for what is none of the four formats."""
    name = path.replace("\\", "/").rpartition("/")[2].partition(".")[0]
    if len(data) > SIZE_CAP:
        raise _amiss(path, f"{len(data)} bytes")
    try:
        text = data.decode("utf-8").replace("\r\n", "\n")
        if any(_HEAD.fullmatch(line.strip()) for line in text.split("\n")):
            return _mermaid(text, name, path)
        value = read_json(text) if text.lstrip().startswith("{") else _plain_yaml(text)
        found = _of_three(value, name, path)
    except SpecError:
        raise
    except (
        AttributeError,
        KeyError,
        RecursionError,
        TypeError,
        ValueError,
        yaml.YAMLError,
    ) as error:
        # Another project's file may have any shape inside: one sentence says that it is not read.
        raise _amiss(path, f"{type(error).__name__}: {error}"[:120]) from None
    if found is None:
        raise _amiss(path, "none of them")
    return found


def _plain_yaml(text: str) -> Any:
    """Return the value of a YAML text; many values or levels, and aliases, are refused."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    depth = 0
    for number, event in enumerate(yaml.parse(text, Loader=loader)):
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if number > EVENTS_CAP or isinstance(event, yaml.AliasEvent):
            raise ValueError(f"an alias, or more than {EVENTS_CAP} values")
        if depth > DEPTH_CAP:  # each level costs the parser as much as all those above it
            raise ValueError(f"more than {DEPTH_CAP} levels")
    return yaml.load(text, Loader=loader)  # noqa: S506 - a safe loader either way


def _of_three(value: Any, name: str, path: str) -> Sketch | None:
    if isinstance(value, Mapping):
        if isinstance(value.get("nodes"), list) and isinstance(value.get("edges"), list):
            return _langgraph(value, name)
        if isinstance(value.get("flows"), Mapping) and value["flows"]:
            return _Rasa(value["flows"], path).sketch
        if isinstance(value.get("nodes"), Mapping) and "start" in value:
            return _agent2model(value, name)
    return None


def _langgraph(value: Mapping[str, Any], name: str) -> Sketch:
    made = Sketch(name=name, start="__start__")
    for node in value["nodes"]:
        facts = node.get("metadata") if isinstance(node, Mapping) else None
        said = facts.get("say") or facts.get("prompt") if isinstance(facts, Mapping) else ""
        made.says[str(node["id"] if isinstance(node, Mapping) else node)] = str(said or "")
    for edge in value["edges"]:
        if isinstance(edge, Mapping):
            ends = str(edge.get("source")), str(edge.get("target"))
            made.ways.append((ends[0], str(edge.get("data") or ""), ends[1]))
    return made


def _agent2model(value: Mapping[str, Any], name: str) -> Sketch:
    made = Sketch(name=str(value.get("name", name)), start=str(value["start"]))
    for key, node in value["nodes"].items():
        facts = node if isinstance(node, Mapping) else {}
        made.says[str(key)] = str(facts.get("prompt") or "")
        if facts.get("terminal"):
            made.ends[str(key)] = str(facts["terminal"])
        following = facts.get("next") or []
        for way in following if isinstance(following, list) else [following]:
            to, when = (way.get("to"), way.get("when")) if isinstance(way, Mapping) else (way, "")
            made.ways.append((str(key), str(when or "").replace("_", " "), str(to)))
    made.notes.append("prompts are instructions to a model: write what the agent says instead")
    return made


def _mermaid(text: str, name: str, path: str) -> Sketch:
    made = Sketch(name=name)
    for number, line in enumerate(text.split("\n"), start=1):
        rest = line.strip().rstrip(";")
        if not rest or _SKIPPED.fullmatch(rest) or _HEAD.fullmatch(rest):
            continue
        before, label = "", ""
        while rest:
            node = _NODE.match(rest)
            if node is None:
                raise _amiss(f"{path}:{number}", rest[:60])
            told = next((part for part in node.groups()[1:] if part), "").strip("\"'")
            made.says[node[1]] = re.sub(r"<[^<>]*>", " ", told) or made.says.get(node[1], "")
            if before:
                made.ways.append((before, label, node[1]))
            rest = re.sub(r"^:::\w+", "", rest[node.end() :])
            arrow = _ARROW.match(rest)
            if arrow is None and rest.strip():
                raise _amiss(f"{path}:{number}", rest[:60])
            before = node[1]
            label = re.sub(r"&nbsp;|\"", " ", arrow["bar"] or arrow["mid"] or "") if arrow else ""
            rest = rest[arrow.end() :] if arrow else ""
    return made


class _Rasa:
    """The first flow of a file: steps in order, each with its own `next` where it has one."""

    def __init__(self, flows: Mapping[str, Any], path: str) -> None:
        name = str(next(iter(flows)))
        flow = flows[name]
        steps = flow.get("steps") if isinstance(flow, Mapping) else None
        if not isinstance(steps, list) or not steps:
            raise _amiss(path, f"the flow {name} without steps")
        self.path = path
        self.sketch = Sketch(name=name)
        self.sketch.notes += [f"flow {other}: left out, one a file" for other in list(flows)[1:]]
        self.sketch.start = self.steps(steps, _DONE, "s")

    def steps(self, steps: list[Any], after: str, lead: str) -> str:
        """Add steps in order, ``after`` following them; return the id of the first."""
        ids = [
            str(s.get("id", f"{lead}{i}")) if isinstance(s, Mapping) else ""
            for i, s in enumerate(steps)
        ]
        for index, step in enumerate(steps):
            if not isinstance(step, Mapping):
                raise _amiss(self.path, f"the step {step!r}"[:80])
            following = ids[index + 1] if index + 1 < len(ids) else after
            self.step(ids[index], step, following)
        return ids[0]

    def step(self, name: str, step: Mapping[str, Any], after: str) -> None:
        what = step.get("collect") or step.get("action") or step.get("call") or step.get("link")
        self.sketch.says[name] = str(step.get("description") or what or name).replace("_", " ")
        following = step.get("next", after)
        for number, way in enumerate(following if isinstance(following, list) else [following]):
            if not isinstance(way, Mapping):
                self.sketch.ways.append((name, "", str(way)))
                continue
            target = way.get("then", way.get("else"))
            if isinstance(target, list) and target:
                target = self.steps(target, after, f"{name}_{number}_")
            label = str(way.get("if", "otherwise")).replace("slots.", "").replace("_", " ")
            self.sketch.ways.append((name, label, str(target)))


def _amiss(where: str, found: str) -> SpecError:
    return SpecError(
        where=where,
        found=found,
        expected="LangGraph's to_json(), a Mermaid flowchart, Rasa's or agent2model's YAML",
        next="export the graph in one of these forms, or write the spec: docs/dialogues.md",
    )
