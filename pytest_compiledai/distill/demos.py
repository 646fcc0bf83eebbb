"""The artifact of kind `demos`: demonstrations, their index, and how a task is answered.

Made from a spec's successful trajectories, read back strictly; production and the gates use the
same prompts.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from typing import Final

from pytest_compiledai.core.canonical import canonical_json
from pytest_compiledai.core.strictjson import read_json
from pytest_compiledai.distill.demospec import Cascade
from pytest_compiledai.distill.demospec import DemosSpec
from pytest_compiledai.distill.embedding import Embedder
from pytest_compiledai.distill.embedding import embedder_of
from pytest_compiledai.distill.retrieval import Hit
from pytest_compiledai.distill.retrieval import Index
from pytest_compiledai.distill.retrieval import hits
from pytest_compiledai.distill.retrieval import index_of
from pytest_compiledai.distill.tensors import read_matrices
from pytest_compiledai.distill.tensors import write_matrices
from pytest_compiledai.distill.trace import Trace
from pytest_compiledai.distill.trace import trace_of

VERSION: Final = 1
FILES: Final = ("demos.jsonl", "index.safetensors", "settings.json")
_ANSWER: Final = "Answer with the action alone, without an explanation."

Messages = tuple[tuple[str, str], ...]  # role, content


@dataclass(frozen=True)
class Demos:
    """A frozen cascade."""

    traces: tuple[Trace, ...]
    index: Index
    cascade: Cascade

    @cached_property
    def embedder(self) -> Embedder:
        """What turns a task's texts into vectors."""
        return embedder_of(self.cascade.embedder)

    def found(self, task: Mapping[str, Any]) -> list[Hit]:
        """Return the demonstrations for a task, the nearest first."""
        if not self.traces:
            return []
        texts = {key: str(task[key]) for key in self.cascade.keys if task.get(key)}
        vectors = self.embedder.vectors(list(texts.values()))
        return self.index.nearest(dict(zip(texts, vectors, strict=True)), self.cascade.k)

    def student(self, task: Mapping[str, Any]) -> Messages:
        """Return what the student is asked: the description, demonstrations, the task."""
        shown = [self._shown(hit) for hit in self.found(task)]
        told = "\n\n".join(f"Example {n}:\n{text}" for n, text in enumerate(shown, start=1))
        return (("system", self._system()), ("user", f"{told}\n\nNow:\n{_task(task)}\naction:"))

    def teacher(self, task: Mapping[str, Any]) -> Messages:
        """Return what the teacher is asked: the description and the task."""
        return (("system", self._system()), ("user", f"{_task(task)}\naction:"))

    def _system(self) -> str:
        return f"{self.cascade.description}\n\n{_ANSWER}"

    def _shown(self, hit: Hit) -> str:
        trace = self.traces[hit.trace]
        first = max(0, hit.step - self.cascade.window // 2)
        lines = [f"{key}: {value}" for key in ("goal", "plan") if (value := getattr(trace, key))]
        for step in trace.steps[first : first + self.cascade.window]:
            lines += [
                f"{key}: {value}"
                for key in ("observation", "reasoning", "action")
                if (value := getattr(step, key))
            ]
        return "\n".join(lines)


def _task(task: Mapping[str, Any]) -> str:
    return "\n".join(
        f"{key}: {value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)}"
        for key, value in task.items()
    )


def kept(spec: DemosSpec) -> tuple[Trace, ...]:
    """Return the trajectories that succeeded, in file order, to the most demonstrations."""
    found: list[Trace] = []
    steps = 0
    for trace in spec.traces:
        if trace.score >= spec.keep and steps + len(trace.steps) <= spec.most:
            found.append(trace)
            steps += len(trace.steps)
    return tuple(found)


def made(spec: DemosSpec) -> dict[str, bytes]:
    """Return the artifact's files: equal specs and traces give equal bytes.

    Raises ``ValueError`` where no trajectory succeeded, ``ToolError`` for another encoder.
    """
    traces = kept(spec)
    if not traces:
        raise ValueError(f"no trajectory with a score of {spec.keep:g} or more")
    index = index_of(traces, spec.cascade.keys, embedder_of(spec.cascade.embedder))
    width = len(next(iter(index.matrices.values()))[0])
    lines = [json.dumps(trace.as_json(), ensure_ascii=False) for trace in traces]
    settings = {"version": VERSION, "kind": "demos", "name": spec.name} | spec.cascade.as_json()
    files = (
        "".join(f"{line}\n" for line in lines).encode(),
        write_matrices(index.matrices, width),
        f"{json.dumps(settings, ensure_ascii=False, indent=1, sort_keys=True)}\n".encode(),
    )
    return {f"{spec.name}/{file}": data for file, data in zip(FILES, files, strict=True)}


def read_demos(files: Mapping[str, bytes]) -> Demos:
    """Return the artifact that ``files`` hold, by file name. Raises ``ValueError``.

    A loaded artifact is such a mapping: ``read_demos(compiled.load("tickets"))``.
    """
    named = {path.rpartition("/")[2]: data for path, data in files.items()}
    if sorted(named) != sorted(FILES):
        raise ValueError(f"the files {', '.join(sorted(named))}; expected {', '.join(FILES)}")
    cascade = _cascade(read_json(named["settings.json"].decode("utf-8")))
    lines = named["demos.jsonl"].decode("utf-8").splitlines()
    traces = tuple(trace_of(read_json(line)) for line in lines)
    matrices = read_matrices(named["index.safetensors"])
    steps = tuple(hits(traces))
    if set(matrices) != set(cascade.keys):
        raise ValueError("an index of other keys than the settings")
    if any(len(matrix) != len(steps) for matrix in matrices.values()):
        raise ValueError(f"an index of other rows than the {len(steps)} demonstrations")
    if len({len(row) for matrix in matrices.values() for row in matrix}) != 1:
        raise ValueError("an index without rows, or of several widths")
    return Demos(traces, Index(steps=steps, matrices=matrices), cascade)


def _cascade(settings: Any) -> Cascade:
    known = set(Cascade.__dataclass_fields__)
    if not isinstance(settings, dict) or set(settings) != known | {"version", "kind", "name"}:
        raise ValueError("other settings than are written")
    if settings["version"] != VERSION or settings["kind"] != "demos":
        raise ValueError(f"version {settings['version']!r}; expected {VERSION}")
    values = {key: settings[key] for key in known}
    return Cascade(**values | {"keys": tuple(values["keys"])})


def expected(row_output: Mapping[str, Any]) -> str:
    """Return a golden row's only value as the text of an answer."""
    (value,) = row_output.values()
    return value if isinstance(value, str) else canonical_json(value).decode("ascii")
