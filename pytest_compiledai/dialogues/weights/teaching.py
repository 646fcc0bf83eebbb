"""Asks a model over LiteLLM how users put what a flow's edges mean; every turn is told its edge.

    python -m pytest_compiledai.dialogues.weights.teaching SPEC.yaml --model NAME --into FILE.jsonl

Answers are recorded beside the spec, so that a killed run goes on where it was. What a flow cannot
use, held-out wording first of all, is left out. Review the file, then name it in the spec:
`weights: {phrasings: FILE.jsonl}`.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Final
from typing import NamedTuple

from pytest_compiledai.core.document import first_of_kind
from pytest_compiledai.core.errors import CompiledAIError
from pytest_compiledai.core.errors import ModelError
from pytest_compiledai.core.files import atomic_write
from pytest_compiledai.core.kind import Project
from pytest_compiledai.core.place import Place
from pytest_compiledai.dialogues.spec import DialogueSpec
from pytest_compiledai.dialogues.spec import read_dialogue_spec
from pytest_compiledai.dialogues.weights.phrasings import amiss
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
_MOST_TOKENS: Final = 1_200  # of an answer
_TEMPERATURE: Final = 0.9


class Edge(NamedTuple):
    """What a simulated user is told: where the conversation is, and what is meant."""

    node: str  # "" for an intent that every node has
    intent: str


class Teacher:
    """Asks one model about every edge of one flow."""

    def __init__(self, spec: DialogueSpec, folder: Path, *, count: int) -> None:
        self.spec = spec
        self.count = count
        self.recordings = Recordings(folder)
        flow = spec.flow
        self.edges = [Edge("", intent) for intent in flow.anywhere] + [
            Edge(node.name, edge.intent)
            for node, edge in flow.edges()
            if edge.intent not in flow.anywhere
        ]

    def bill(self) -> str:
        """Return the most that asking can cost, as a line."""
        sizes = [self.request(edge).worst(most_answer_bytes=0) for edge in self.edges]
        tokens_in, tokens_out = (sum(size[i] for size in sizes) for i in (0, 1))
        return f"at most {len(sizes)} calls, {tokens_in} tokens in, {tokens_out} out"

    def request(self, edge: Edge) -> Request:
        """Return the request about one edge; held-out wording is not in it."""
        flow = self.spec.flow
        intent = flow.intents[edge.intent]
        said = flow.nodes[edge.node].say if edge.node else ("anything",)
        told = [
            f"The service: {self.spec.description}",
            f"It has just said: {said[0]}",
            f"The user means: {intent.name.replace('_', ' ')}",
            *(f"For example: {text}" for text in intent.examples[:_SHOWN]),
        ]
        if intent.slots:
            slots = ", ".join(f"{{{slot}}}" for slot in intent.slots)
            told.append(f"Where a value is stated, write its name in braces, of: {slots}")
        if intent.required:
            told.append(f"Every text states {', '.join(intent.required)}.")
        told.append(f"Write {self.count} other texts with this meaning, no two alike.")
        return Request(
            messages=(
                Message(role="system", content=_ROLE),
                Message(role="user", content="\n".join(told)),
            ),
            parameters={"max_tokens": _MOST_TOKENS, "temperature": _TEMPERATURE},
            sample=0,
        )

    def taught(self, desk: Desk) -> Iterator[dict[str, str]]:
        """Yield the rows of a phrasings file, edge by edge. Raises ``ModelError``."""
        desk.prefetch(
            [Job(request=self.request(e), recordings=self.recordings) for e in self.edges]
        )
        for edge in self.edges:
            answer = desk.ask(
                self.request(edge),
                recordings=self.recordings,
                where=Place(path=self.spec.path),
                preferred=None,
                command=f"python -m {_MODULE} {self.spec.path} --model NAME --into FILE",
            )
            for text in self.usable(edge, answer.text):
                yield {"node": edge.node, "intent": edge.intent, "text": text}

    def usable(self, edge: Edge, answer: str) -> list[str]:
        """Return what of an answer is new wording of the edge.

        Raises ``ModelError`` where there is no list.
        """
        flow = self.spec.flow
        nodes = [n for n in flow.asking if n.edge(edge.intent) and edge.node in ("", n.name)]
        near = {e.intent for node in nodes for e in node.edges}
        seen = {shape(t) for name in near for t in flow.intents[name].texts}
        found = []
        for text in _listed(self.spec, edge, answer):
            plain = " ".join(text.split())
            if shape(plain) not in seen and not list(amiss(flow, edge.intent, plain)):
                seen.add(shape(plain))
                found.append(plain)
        return found


def _listed(spec: DialogueSpec, edge: Edge, answer: str) -> list[str]:
    start, end = answer.find("["), answer.rfind("]")
    try:
        found = json.loads(answer[start : end + 1])
    except ValueError:
        found = None
    if not isinstance(found, list) or not all(isinstance(text, str) for text in found):
        raise ModelError(
            where=spec.path,
            found=f"{edge.node or 'anywhere'} --{edge.intent}-->: {answer[:60]!a}",
            expected="a JSON list of texts",
            next="ask another model with --model",
        )
    return found


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
    parser.add_argument("--count", type=int, default=12, help="texts of an edge")
    parser.add_argument("--budget-tokens", type=int)
    parser.add_argument("--yes", action="store_true", help="begin without asking")
    told = parser.parse_args()
    say = sys.stderr.write
    try:
        spec = read(told.spec, Path.cwd().resolve())
        teacher = Teacher(spec, told.spec.parent / "recordings", count=told.count)
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
