"""The `flow:` of a spec: YAML read into steps, with the line of whatever is amiss.

A step is an agent's name, or one of `sequence`, `join`, `vote`, `best`, `route`, `cascade`,
`loop`, `map`, `choice` with what belongs to it. In a sequence it may say what it reads:
`{step: writer, reads: [facts, tone]}`.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Collection
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any
from typing import Final

from pytest_compiledai.core.errors import SpecError
from pytest_compiledai.core.place import Place
from pytest_compiledai.workflows import graph
from pytest_compiledai.workflows.graph import Call
from pytest_compiledai.workflows.graph import Step

MOST_COPIES: Final = 64
MOST_CALLS: Final = 512  # of one problem
MOST_STRUCTURES: Final = 1000  # that choices give
_Way = tuple[str | int, ...]


def read_flow(data: Any, place: Callable[..., Place], agents: Collection[str]) -> Step:
    """Return the steps of ``data``; ``place`` gives the place of a way of keys inside it.

    Raises ``SpecError``.
    """
    reader = _Reader(place, agents)
    flow = reader.step(data, ())
    for found, most, what in zip(
        graph.extent(flow), (MOST_CALLS, MOST_STRUCTURES), ("calls", "structures"), strict=True
    ):
        if found > most:
            raise reader.amiss((), f"{found} {what}", f"at most {most}")
    return flow


class _Reader:
    def __init__(self, place: Callable[..., Place], agents: Collection[str]) -> None:
        self.place = place
        self.agents = agents
        self.forms: Mapping[str, Callable[[Any, _Way], Step]] = {
            "sequence": self._sequence,
            "join": lambda value, way: graph.Join(self._list(value, way, least=2)),
            "choice": lambda value, way: graph.Choice(self._list(value, way, least=2)),
            "vote": self._vote,
            "best": self._best,
            "route": self._route,
            "cascade": self._cascade,
            "loop": self._loop,
            "map": self._map,
        }

    def step(self, value: Any, way: _Way) -> Step:
        if isinstance(value, str):
            return self._call(value, way)
        if not isinstance(value, Mapping) or len(value) != 1:
            raise self.amiss(way, value, f"an agent, or one of {', '.join(self.forms)}")
        ((form, inside),) = value.items()
        if form not in self.forms:
            raise self.amiss((*way, form), form, f"one of {', '.join(self.forms)}")
        return self.forms[form](inside, (*way, form))

    def _call(self, value: Any, way: _Way) -> Call:
        if not isinstance(value, str) or value not in self.agents:
            raise self.amiss(way, value, f"an agent: {', '.join(sorted(self.agents))}")
        return Call(value, value)

    def _list(self, value: Any, way: _Way, *, least: int = 1) -> tuple[Step, ...]:
        if not isinstance(value, list) or not least <= len(value) <= MOST_COPIES:
            raise self.amiss(way, value, f"a list of {least} to {MOST_COPIES} steps")
        return tuple(self.step(item, (*way, n)) for n, item in enumerate(value))

    def _sequence(self, value: Any, way: _Way) -> Step:
        """Read steps of which each may say what it `reads`: agents of earlier ones, or nothing."""
        if not any(isinstance(item, Mapping) and "reads" in item for item in _listed(value)):
            return graph.Sequence(self._list(value, way))
        if not 1 <= len(value) <= MOST_COPIES:
            raise self.amiss(way, value, f"a list of 1 to {MOST_COPIES} steps")
        steps: list[Step] = []
        reads: list[tuple[int, ...]] = []
        for number, item in enumerate(value):
            at = (*way, number)
            read: tuple[int, ...] = (number - 1,) if number else ()
            if isinstance(item, Mapping) and "reads" in item:
                block = self._block(item, at, "step reads", "step reads")
                read = self._reads(block["reads"], steps, (*at, "reads"))
                item, at = block["step"], (*at, "step")  # noqa: PLW2901 - the step inside
            steps.append(self.step(item, at))
            reads.append(read)
        return graph.reading(tuple(steps), tuple(reads))

    def _reads(self, value: Any, steps: Sequence[Step], way: _Way) -> tuple[int, ...]:
        """Return the places of the steps that are named, each by an agent only it calls."""
        names = [set(graph.slots(step).values()) for step in steps]
        places = []
        for name in _listed(value):
            found = [n for n, agents in enumerate(names) if name in agents]
            if len(found) != 1:
                raise self.amiss(way, name, "an agent of one earlier step of this sequence")
            places += found
        if not isinstance(value, list) or len(set(places)) != len(places):
            raise self.amiss(way, value, "a list of agents of earlier steps, each once")
        return tuple(places)

    def _block(self, value: Any, way: _Way, known: str, needed: str) -> Mapping[str, Any]:
        if not isinstance(value, Mapping):
            raise self.amiss(way, value, f"a mapping of {', '.join(known.split())}")
        for key in value:
            if key not in known.split():
                raise self.amiss((*way, key), key, f"one of {', '.join(known.split())}")
        for key in needed.split():
            if key not in value:
                raise self.amiss(way, "nothing", f"the key `{key}`")
        return value

    def _branches(self, block: Mapping[str, Any], way: _Way) -> tuple[Step, ...]:
        """Return the branches of `of`: a list, or one step in so many copies."""
        of = block["of"]
        if isinstance(of, list):
            if "copies" in block:
                raise self.amiss((*way, "copies"), block["copies"], "a list without copies")
            branches = self._list(of, (*way, "of"), least=2)
        else:
            copies = self._whole(block, "copies", way, least=2, most=MOST_COPIES)
            branches = (self.step(of, (*way, "of")),) * copies
        settings = block.get("settings", "shared")
        if settings not in ("shared", "own"):
            raise self.amiss((*way, "settings"), settings, "shared or own")
        if settings == "shared":
            return branches
        return tuple(_own(branch, str(n)) for n, branch in enumerate(branches, start=1))

    def _vote(self, value: Any, way: _Way) -> Step:
        block = self._block(value, way, "of copies settings", "of")
        sizes = block.get("copies")
        if not isinstance(sizes, list):
            return graph.Vote(self._branches(block, way))
        if len(sizes) < 2 or len({str(size) for size in sizes}) != len(sizes):  # noqa: PLR2004
            raise self.amiss((*way, "copies"), sizes, "a number, or two and more different ones")
        return graph.Choice(tuple(self._of_size(block, size, way) for size in sizes))

    def _of_size(self, block: Mapping[str, Any], size: Any, way: _Way) -> Step:
        """Return a vote of so many copies; of one, the step itself."""
        if size == 1:
            return self.step(block["of"], (*way, "of"))
        return graph.Vote(self._branches({**block, "copies": size}, way))

    def _best(self, value: Any, way: _Way) -> Step:
        block = self._block(value, way, "of copies settings judge", "of judge")
        return graph.Best(self._branches(block, way), self._call(block["judge"], (*way, "judge")))

    def _route(self, value: Any, way: _Way) -> Step:
        block = self._block(value, way, "by to", "by to")
        to = block["to"]
        if not isinstance(to, Mapping) or len(to) < 2:  # noqa: PLR2004 - one is no choice
            raise self.amiss((*way, "to"), to, "a mapping of two and more answers to steps")
        steps = tuple(self.step(step, (*way, "to", name)) for name, step in to.items())
        return graph.Route(self._call(block["by"], (*way, "by")), tuple(map(str, to)), steps)

    def _cascade(self, value: Any, way: _Way) -> Step:
        block = self._block(value, way, "first gate agree then", "first then")
        if ("gate" in block) == ("agree" in block):
            raise self.amiss(way, "both" if "gate" in block else "neither", "`gate` or `agree`")
        first = self.step(block["first"], (*way, "first"))
        then = self.step(block["then"], (*way, "then"))
        if "gate" in block:
            return graph.Cascade(first, then, self._call(block["gate"], (*way, "gate")), 0.0)
        agree = block["agree"]
        if type(agree) not in (int, float) or not 0 < agree <= 1:
            raise self.amiss((*way, "agree"), agree, "a share above 0, at most 1")
        if not isinstance(first, graph.Vote):
            raise self.amiss((*way, "first"), "no vote", "a vote, whose share is looked at")
        return graph.Cascade(first, then, None, float(agree))

    def _loop(self, value: Any, way: _Way) -> Step:
        block = self._block(value, way, "first check mend most", "first most")
        most = self._whole(block, "most", way, least=2, most=16)
        first = self.step(block["first"], (*way, "first"))
        mends = "mend" in block
        again = self.step(block["mend"], (*way, "mend")) if mends else first
        check = block.get("check", "scorer")
        checks = () if check == "scorer" else (self._call(check, (*way, "check")),) * (most - 1)
        return graph.Loop((first, *(again,) * (most - 1)), checks, mends=mends)

    def _map(self, value: Any, way: _Way) -> Step:
        block = self._block(value, way, "each items keep width", "each items")
        items = self._whole(block, "items", way, least=1, most=MOST_COPIES)
        keep = block.get("keep", "all")
        if keep not in ("all", "most", "mean"):
            raise self.amiss((*way, "keep"), keep, "all, most or mean")
        width = self._whole({"width": items} | dict(block), "width", way, least=1, most=items)
        return graph.Map((self.step(block["each"], (*way, "each")),) * items, keep, width)

    def _whole(
        self, block: Mapping[str, Any], key: str, way: _Way, *, least: int, most: int
    ) -> int:
        value = block.get(key)
        if type(value) is not int or not least <= value <= most:
            raise self.amiss((*way, key), value, f"{key}: a whole number, {least} to {most}")
        return value

    def amiss(self, way: _Way, found: Any, expected: str) -> SpecError:
        return SpecError(
            where=self.place(*way),
            found=f"{found!r}"[:100] if found is not None else "nothing",
            expected=expected,
            next="see docs/workflows.md, section Flow",
        )


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _own(step: Step, suffix: str) -> Step:
    """Return ``step`` with slots of its own, so that its settings are chosen apart."""
    from dataclasses import replace

    if isinstance(step, Call):
        return replace(step, slot=f"{step.slot}.{suffix}")
    return graph.rebuilt(step, [_own(part, suffix) for part in graph.parts(step)])
