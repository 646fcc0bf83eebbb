"""The frozen trade-off set: how it is made from a spec and its profile, and read back strictly."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from collections.abc import Mapping
from typing import TYPE_CHECKING
from typing import Any
from typing import Final

from pytest_compiledai.core.canonical import digest_of
from pytest_compiledai.core.errors import ModelError
from pytest_compiledai.core.errors import RecordingMissing
from pytest_compiledai.core.split import Split
from pytest_compiledai.workflows import graph
from pytest_compiledai.workflows import recorded
from pytest_compiledai.workflows.plan import Wish
from pytest_compiledai.workflows.plan import structures
from pytest_compiledai.workflows.tradeoffs import FILE
from pytest_compiledai.workflows.tradeoffs import NothingFits
from pytest_compiledai.workflows.tradeoffs import TradeOffs
from pytest_compiledai.workflows.tradeoffs import as_json

if TYPE_CHECKING:
    from pytest_compiledai.workflows.compose import Composer
    from pytest_compiledai.workflows.profile import Profile
    from pytest_compiledai.workflows.spec import WorkflowSpec

VERSION: Final = 1
#: The keys of the artifact: all of them there, and no other.
KEYS: Final = (
    *("version", "kind", "name", "latency", "confidence", "agents", "flow", "passes"),
    *(
        "structures",
        "configurations",
        "chosen",
        "space",
        "searched",
        "method",
        "problems",
        "profile",
    ),
    *("calibration", "remarks"),
)
SHOWN: Final = (Split.TRAIN, Split.VALIDATION)  # what the set is made from


def made(spec: WorkflowSpec) -> bytes:
    """Return the artifact's bytes: equal specs and profiles give equal bytes.

    Made from train and validation problems only. Raises ``ModelError`` where the profile is
    missing or does not hold what the flow needs, ``SpecError`` where it cannot be read.
    """
    data = recorded.profile_bytes(spec)
    whole = recorded.read_cached(data, spec.profile)
    from pytest_compiledai.workflows.spoken import check_words  # needs what reading needed

    _check_covered(spec, whole)
    check_words(spec, whole)
    return f"{json.dumps(_set(spec, whole), ensure_ascii=False, indent=1)}\n".encode()


def part(spec: WorkflowSpec, profile: Profile, *splits: Split) -> Profile:
    """Return the rows of the problems in ``splits``, edited problems left out."""
    import numpy as np

    wanted = spec.ids(*splits)
    return profile.only(np.array([query in wanted for query in profile.queries], dtype=bool))


def _set(spec: WorkflowSpec, whole: Profile) -> dict[str, Any]:
    from pytest_compiledai.workflows.compose import Composer
    from pytest_compiledai.workflows.compose import TooMany
    from pytest_compiledai.workflows.replay import Unprofiled

    profile = part(spec, whole, *SHOWN)
    composer = Composer(spec.plan, profile)
    try:
        calibration = calibrated(spec, composer)
        found = composer.composed(
            new_problems=max(1, len(spec.ids(Split.TEST))),
            margin=(calibration or {}).get("margin") or 0.0,
        )
    except Unprofiled as error:
        raise _unprofiled(spec, str(error)) from None
    except TooMany as error:
        raise ModelError(
            where=spec.path,
            found=f"more configurations than can be replayed, no rule on means for {error}",
            expected="fewer settings or copies, or a search that tries some",
            next='pip install "pytest-compiledai[evolve]"; see docs/workflows.md, section Search',
        ) from None
    stated = {"confidence": spec.plan.confidence}
    offs = TradeOffs(found.configurations, spec.plan.latency, stated)
    return {
        "version": VERSION,
        "kind": "workflow",
        "name": spec.name,
        "latency": spec.plan.latency,
        "confidence": spec.plan.confidence,
        "agents": {name: agent.as_json() for name, agent in sorted(spec.agents.items())},
        "flow": spec.flow,
        "passes": list(spec.plan.passes),
        "structures": [graph.label(step) for step in composer.structures],
        "configurations": [as_json(configuration) for configuration in found.configurations],
        "chosen": {name: _picked(offs, wish) for name, wish in sorted(spec.plan.wishes.items())},
        "space": found.space,
        "searched": found.searched,
        "method": found.method,
        "problems": digest_of(sorted(spec.ids(*SHOWN))),
        "profile": whole.digest,
        "calibration": calibration,
        "remarks": [*_remarks(spec, profile), *_uncalibrated(calibration)],
    }


def calibrated(spec: WorkflowSpec, composer: Composer) -> dict[str, Any] | None:
    """Return the margin that runs on train and validation problems give; None without runs."""
    runs = recorded.runs_of(spec)
    if runs is None:
        return None
    from pytest_compiledai.workflows.runs import check_known
    from pytest_compiledai.workflows.runs import margin
    from pytest_compiledai.workflows.runs import told

    check_known(runs, spec.ids(*Split), spec.runs or "")
    return {"runs": runs.digest, **told(*margin(runs, composer, spec.plan.confidence))}


def _uncalibrated(calibration: Mapping[str, Any] | None) -> Iterator[str]:
    if calibration is not None and calibration["margin"] is None:
        count = calibration["configurations"]
        yield f"{count} configurations were run end to end: too few for a margin, none is taken"


def _picked(offs: TradeOffs, wish: Wish) -> str | None:
    """Return the id of what is wished for; None where nothing keeps the bounds."""
    kept = offs.within(accuracy=wish.accuracy, seconds=wish.seconds, cost=wish.cost)
    try:
        if wish.want == "prudent":
            return kept.prudent(accuracy=wish.accuracy).id
        picks = {"best": kept.best, "fastest": kept.fastest, "cheapest": kept.cheapest}
        return picks[wish.want]().id
    except NothingFits:
        return None


def _check_covered(spec: WorkflowSpec, whole: Profile) -> None:
    """Raise where a problem or a setting was not profiled at all."""
    if not spec.ids(*SHOWN):
        raise _unprofiled(spec, "a train or validation problem: all are test problems")
    known = set(whole.queries)
    missing = [row.id for row in spec.rows if row.id not in known]
    if missing:
        raise _unprofiled(spec, f"problem {missing[0]} and {len(missing) - 1} more")
    for agent in sorted(_copies(spec)):
        settings = spec.plan.settings[agent]
        judge = agent in judges(spec.plan.flow)
        for setting in settings:
            cell = whole.cell(agent, setting)
            if cell is None:
                tallies = any(a == agent and s == setting for a, s, _ in whole.cells)
                if judge and tallies:
                    continue  # known by how many candidates were right; replay says what lacks
                raise _unprofiled(spec, f"{agent} at {setting}")


def judges(step: graph.Step) -> set[str]:
    """Return the agents that judge candidates."""
    found = {step.judge.agent} if isinstance(step, graph.Best) else set()
    return found.union(*(judges(inner) for inner in graph.parts(step)))


def _unprofiled(spec: WorkflowSpec, what: str) -> ModelError:
    return RecordingMissing(
        where=spec.path,
        found=f"no row for {what} in {spec.profile}",
        expected="rows of every setting, and of every problem",
        next=f"python -m pytest_compiledai.workflows.profiling {spec.path}, or add what is missing "
        "as docs/workflows.md says",
    )


def _remarks(spec: WorkflowSpec, profile: Profile) -> Iterator[str]:
    """Yield which calls were left out, what the profile does not say and the set so assumes."""
    for agent in sorted(set(spec.plan.settings) - set(_copies(spec))):
        yield f"{agent}: its results reach no answer, so that no configuration calls it"
    counts = [cell.counts(len(profile.queries)).max() for cell in profile.cells.values()]
    copies = _copies(spec)
    if max(copies.values(), default=0) > 1 and max(counts, default=0) < 2:  # noqa: PLR2004 - a pair
        yield "one sample a problem: copies at one setting are taken to answer alike"
    for agent, most in sorted(copies.items()):
        yield from _shape(spec, profile, agent, most)
    for (agent, setting, state), cell in sorted(profile.cells.items(), key=lambda item: item[0]):
        lacking = int((cell.counts(len(profile.queries)) == 0).sum())
        if state == "correct" and lacking and agent not in judges(spec.plan.flow):
            yield f"{agent} at {setting}: no rows on {lacking} problems; its flows get bounds only"
    for agent in sorted(fed(spec.plan.flow) & set(_copies(spec))):
        for setting in spec.plan.settings[agent]:
            if profile.cell(agent, setting, "wrong") is None:
                yield f"{agent} at {setting}: no rows on wrong inputs, which count as not mended"


def _copies(spec: WorkflowSpec) -> dict[str, int]:
    """Return by agent how many calls at one setting its structures make at most."""
    found: dict[str, int] = {}
    for step in structures(spec.plan):
        for slot, count in Counter(call.slot for call in graph.calls(step)).items():
            agent = graph.slots(step)[slot]
            found[agent] = max(found.get(agent, 0), count)
    return found


def _shape(spec: WorkflowSpec, profile: Profile, agent: str, most: int) -> Iterator[str]:
    """Yield, for the setting of an agent where that is widest, how far its copies may be off.

    Samples that are not stored follow a Beta: pairs tell how much problems differ, not how.
    """
    from pytest_compiledai.workflows import moments

    found: list[tuple[float, str]] = []
    for setting in spec.plan.settings[agent]:
        cell = profile.cell(agent, setting)
        if cell is None:
            continue
        right, drawn = moments.right_and_drawn(cell.score, cell.query, len(profile.queries))
        known = moments.moments(right, drawn)
        if known is None or drawn.max() >= most:
            continue
        low, high = moments.any_of(known, most)
        taken = moments.beta(known).any_of(most)
        text = (
            f"{agent} at {setting}: {drawn.max()} samples a problem; one right of {most} is taken "
            f"to be {taken:.3f}, and is {low:.3f} to {high:.3f} whatever the shape of their spread"
        )
        found.append((high - low, text))
    if found:
        yield max(found)[1]


def fed(step: graph.Step, *, after: bool = False) -> set[str]:
    """Return the agents that are given another step's result."""
    match step:
        case graph.Call(agent=agent):
            return {agent} if after else set()
        case graph.Sequence(steps=steps):
            given = zip(steps, step.fed(), strict=True)
            return set().union(*(fed(inner, after=after or bool(reads)) for inner, reads in given))
        case graph.Loop(tries=tries, checks=checks, mends=mends):
            again = [fed(inner, after=after or mends) for inner in tries[1:]]
            return {check.agent for check in checks}.union(fed(tries[0], after=after), *again)
        case graph.Cascade(first=first, gate=gate, second=second):
            gates = {gate.agent} if gate is not None else set()
            return gates | fed(first, after=after) | fed(second, after=after)
        case graph.Best(branches=branches):
            return set().union(*(fed(branch, after=after) for branch in branches))
        case _:
            return set().union(*(fed(inner, after=after) for inner in graph.parts(step)))


def read_set(files: Mapping[str, bytes], name: str) -> dict[str, Any]:
    """Return the artifact's value. Raises ``ValueError`` for anything but one set as written."""
    from pytest_compiledai.core.strictjson import read_json

    if list(files) != [f"{name}/{FILE}"]:
        raise ValueError(f"the files {', '.join(sorted(files))}; expected {name}/{FILE}")
    value = read_json(files[f"{name}/{FILE}"].decode("utf-8"))
    if not isinstance(value, dict) or tuple(value) != KEYS:
        raise ValueError(f"other keys; expected {', '.join(KEYS)}")
    if value["version"] != VERSION:
        raise ValueError(f"version {value['version']!r}; expected {VERSION}")
    return value
