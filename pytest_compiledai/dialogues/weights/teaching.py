"""Asks a model over LiteLLM how users put what a flow's edges mean; every turn is told its edge.

    python -m pytest_compiledai.dialogues.weights.teaching SPEC.yaml --model NAME --into FILE.jsonl

With ``--walks`` whole conversations are asked for, along few walks that take every edge together.
Answers are recorded beside the spec, so that a killed run goes on where it was. What a flow cannot
use, held-out wording first of all, is left out. Review the file, then name it in the spec:
`weights: {phrasings: FILE.jsonl}`.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Final
from typing import NamedTuple
from typing import TypeVar

from pytest_compiledai.core.document import first_of_kind
from pytest_compiledai.core.errors import CompiledAIError
from pytest_compiledai.core.errors import ModelError
from pytest_compiledai.core.files import atomic_write
from pytest_compiledai.core.kind import Project
from pytest_compiledai.core.place import Place
from pytest_compiledai.dialogues.spec import DialogueSpec
from pytest_compiledai.dialogues.spec import read_dialogue_spec
from pytest_compiledai.dialogues.weights.paths import Path as Walk
from pytest_compiledai.dialogues.weights.paths import split
from pytest_compiledai.dialogues.weights.paths import walks
from pytest_compiledai.dialogues.weights.phrasings import amiss
from pytest_compiledai.dialogues.weights.settings import settings_of
from pytest_compiledai.dialogues.weights.walked import ROLE
from pytest_compiledai.dialogues.weights.walked import course
from pytest_compiledai.dialogues.weights.walked import covering
from pytest_compiledai.dialogues.weights.walked import edge_of
from pytest_compiledai.dialogues.weights.wording import shape
from pytest_compiledai.llm.desk import Job
from pytest_compiledai.llm.recording import Recordings
from pytest_compiledai.llm.request import Message
from pytest_compiledai.llm.request import Request

if TYPE_CHECKING:
    from pytest_compiledai.llm.desk import Desk

_MODULE: Final = "pytest_compiledai.dialogues.weights.teaching"
_ROLE: Final = (
    "You write what different people type to a service, in their own words. "
    "Answer with a JSON list of texts and nothing else."
)
_SHOWN: Final = 8  # examples that the teacher sees
_MOST_TOKENS: Final = 2_000  # of an answer
_TEMPERATURE: Final = 0.9
_T = TypeVar("_T")


class Edge(NamedTuple):
    """What a simulated user is told: where the conversation is, and what is meant."""

    node: str  # "" for an intent that every node has
    intent: str


class Question(NamedTuple):
    """One request, and the edge that each text of an answer has to take."""

    edges: tuple[Edge, ...]
    request: Request


class Teacher:
    """Asks one model about one flow: edge by edge, or for conversations along walks."""

    def __init__(self, spec: DialogueSpec, folder: Path, *, count: int, walks: bool) -> None:
        self.spec = spec
        self.count = count
        self.walks = walks
        self.recordings = Recordings(folder)

    @cached_property
    def questions(self) -> list[Question]:
        """Every question about the flow, which together take every edge."""
        flow = self.spec.flow
        if self.walks:
            paths = walks(flow, settings_of(self.spec).bounds).paths
            return [self._about_walk(path) for path in covering(flow, split(paths).train)]
        edges = [Edge("", intent) for intent in flow.anywhere] + [
            Edge(node.name, edge.intent)
            for node, edge in flow.edges()
            if edge.intent not in flow.anywhere
        ]
        return [Question((edge,), self.request(edge)) for edge in edges]

    def _about_walk(self, path: Walk) -> Question:
        edges = tuple(Edge(*edge_of(self.spec.flow, step)) for step in path.steps)
        return Question(edges, _asked(ROLE, course(self.spec, path, self.count)))

    def bill(self) -> str:
        """Return the most that asking can cost, as a line."""
        sizes = [asked.request.worst(most_answer_bytes=0) for asked in self.questions]
        tokens_in, tokens_out = (sum(size[i] for size in sizes) for i in (0, 1))
        return f"at most {len(sizes)} calls, {tokens_in} tokens in, {tokens_out} out"

    def request(self, edge: Edge) -> Request:
        """Return the request about one edge; held-out wording is not in it."""
        flow = self.spec.flow
        intent = flow.intents[edge.intent]
        said = flow.nodes[edge.node].say if edge.node else ("anything",)
        lines = [
            f"The service: {self.spec.description}",
            f"It has just said: {said[0]}",
            f"The user means: {intent.name.replace('_', ' ')}",
            *(f"For example: {text}" for text in intent.examples[:_SHOWN]),
        ]
        if intent.slots:
            slots = ", ".join(f"{{{slot}}}" for slot in intent.slots)
            lines.append(f"Where a value is stated, write its name in braces, of: {slots}")
        if intent.required:
            lines.append(f"Every text states {', '.join(intent.required)}.")
        lines.append(f"Write {self.count} other texts with this meaning, no two alike.")
        return _asked(_ROLE, "\n".join(lines))

    def taught(self, desk: Desk) -> Iterator[dict[str, str]]:
        """Yield the rows of a phrasings file, edge by edge. Raises ``ModelError``."""
        desk.prefetch([Job(request=q.request, recordings=self.recordings) for q in self.questions])
        said: dict[Edge, list[str]] = {edge: [] for q in self.questions for edge in q.edges}
        for question in self.questions:
            answer = desk.ask(
                question.request,
                recordings=self.recordings,
                where=Place(path=self.spec.path),
                preferred=None,
                command=f"python -m {_MODULE} {self.spec.path} --model NAME --into FILE",
            )
            for edge, text in self.texts(question, answer.text):
                said[edge].append(text)
        for edge, texts in said.items():
            for text in self.usable(edge, texts):
                yield {"node": edge.node, "intent": edge.intent, "text": text}

    def texts(self, question: Question, answer: str) -> list[tuple[Edge, str]]:
        """Return the texts of an answer, each with its edge.

        Raises ``ModelError`` where there is no list, or a conversation of other turns.
        """
        edges = question.edges
        if not self.walks:
            return [(edges[0], text) for text in _listed(self.spec, answer, str)]
        found = _listed(self.spec, answer, list)
        for talk in found:
            if len(talk) != len(edges) or not all(isinstance(text, str) for text in talk):
                raise _amiss(self.spec, f"a conversation of {len(talk)} turns", f"{len(edges)}")
        return [pair for talk in found for pair in zip(edges, talk, strict=True)]

    def usable(self, edge: Edge, texts: Sequence[str]) -> list[str]:
        """Return what of ``texts`` is new wording of the edge."""
        flow = self.spec.flow
        nodes = [n for n in flow.asking if n.edge(edge.intent) and edge.node in ("", n.name)]
        near = {e.intent for node in nodes for e in node.edges}
        seen = {shape(t) for name in near for t in flow.intents[name].texts}
        found = []
        for text in texts:
            plain = " ".join(text.split())
            if shape(plain) not in seen and not list(amiss(flow, edge.intent, plain)):
                seen.add(shape(plain))
                found.append(plain)
        return found


def _asked(role: str, text: str) -> Request:
    return Request(
        messages=(Message(role="system", content=role), Message(role="user", content=text)),
        parameters={"max_tokens": _MOST_TOKENS, "temperature": _TEMPERATURE},
        sample=0,
    )


def _listed(spec: DialogueSpec, answer: str, of: type[_T]) -> list[_T]:
    start, end = answer.find("["), answer.rfind("]")
    try:
        found = json.loads(answer[start : end + 1])
    except ValueError:
        found = None
    if not isinstance(found, list) or not all(isinstance(item, of) for item in found):
        raise _amiss(spec, f"{answer[:60]!a}", "texts" if of is str else "lists of texts")
    return found


def _amiss(spec: DialogueSpec, found: str, expected: str) -> ModelError:
    return ModelError(
        where=spec.path,
        found=found,
        expected=f"a JSON list of {expected}",
        next="ask another model with --model",
    )


def read(path: Path, root: Path) -> DialogueSpec:
    """Return the first unit of kind `dialogue` of a spec file. Raises ``SpecError``."""
    return read_dialogue_spec(first_of_kind(path, root, "dialogue"), Project(root=root))


def main() -> int:
    """Ask what is not recorded, after the bill was shown and agreed to, and write the file."""
    from pytest_compiledai.llm.desks import desks_of

    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("spec", type=Path)
    parser.add_argument("--model", required=True)
    parser.add_argument("--into", type=Path, required=True)
    parser.add_argument("--walks", action="store_true", help="ask for whole conversations")
    parser.add_argument("--count", type=int, default=12, help="texts of an edge, or conversations")
    parser.add_argument("--budget-tokens", type=int)
    parser.add_argument("--yes", action="store_true", help="begin without asking")
    told = parser.parse_args()
    say = sys.stderr.write
    try:
        spec = read(told.spec, Path.cwd().resolve())
        teacher = Teacher(spec, told.spec.parent / "recordings", count=told.count, walks=told.walks)
        say(f"{teacher.bill()}; what is recorded in recordings/ is not asked again\n")
        if not told.yes and input("begin? [y/N] ").strip().lower() != "y":
            return 1
        with desks_of(told.budget_tokens) as desks:
            rows = list(teacher.taught(desks(told.model)))
    except (CompiledAIError, ValueError, OSError) as error:
        say(f"{error}\n")
        return 2
    lines = "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows)
    atomic_write(told.into, lines.encode("utf-8"))
    say(
        f"{len(rows)} phrasings in {told.into}; next: review them, then name the file in the spec\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
