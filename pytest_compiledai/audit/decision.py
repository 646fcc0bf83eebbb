"""What a site's calls could become, the figure that decided, and what would change it."""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pytest_compiledai.audit.measures import Measures
from pytest_compiledai.audit.measures import Share
from pytest_compiledai.audit.rules import rules
from pytest_compiledai.audit.team import Team
from pytest_compiledai.core.interval import wilson


class Target(enum.StrEnum):
    """What a site's calls could become."""

    CODE = "code"
    MACHINE = "machine"
    WEIGHTS = "weights"
    DEMOS = "demos"
    SKILL = "skill"
    KEEP = "keep"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """A target with its reasons."""

    target: Target
    figure: str  # that decided
    change: str  # the one fact that would change it


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One condition of a target: whether it holds, and how to say that it does or does not."""

    holds: bool
    figure: str
    wanted: str


def decide(measures: Measures, team: Team | None = None) -> Decision:
    """Return the decision for a site: the first target all of whose conditions hold."""
    thin = _thin(measures)
    if thin is not None:
        return Decision(target=Target.KEEP, figure=thin.figure, change=thin.wanted)
    ways = _ways(measures)
    if team is not None:
        ways.append((Target.SKILL, _together(team)))
    for target, checks in ways:
        if all(check.holds for check in checks):
            return Decision(
                target=target, figure=checks[0].figure, change=_change(measures, target, checks)
            )
    return _keep(ways)


def _ways(measures: Measures) -> list[tuple[Target, list[Check]]]:
    if measures.machine is not None:
        return [(Target.MACHINE, _machine(measures)), (Target.DEMOS, _demos(measures))]
    return [
        (Target.CODE, _table(measures)),
        (Target.CODE, _code(measures)),
        (Target.WEIGHTS, _weights(measures)),
        (Target.DEMOS, _demos(measures)),
    ]


def _thin(measures: Measures) -> Check | None:
    """Return why there is too little to tell; None where there is enough."""
    enough = rules()["enough"]
    calls = measures.site.calls
    if calls < enough["calls"]:
        missing = enough["calls"] - calls
        return Check(
            holds=False, figure=f"{calls} calls", wanted=f"{missing} more calls in the log"
        )
    machine = measures.machine
    if machine is not None:
        count = machine.conversations
        few = machine.tested < enough["conversations"]
        missing = f"a log with at least {2 * enough['conversations'] + 6} conversations"
        return Check(holds=False, figure=f"{count} conversations", wanted=missing) if few else None
    tested = measures.pilots.tested
    if tested < enough["test_rows"] and not all(check.holds for check in _table(measures)):
        wanted = "a log with more distinct inputs"
        return Check(holds=False, figure=f"{len(measures.examples)} distinct inputs", wanted=wanted)
    return None


def _table(measures: Measures) -> list[Check]:
    least = rules()["code"]["table_new_inputs"]
    share = measures.new_inputs
    new = share.value if share.value is not None else 1.0
    figure = f"{_percent(1 - new)} of the last {share.total} calls repeat an input seen before"
    return [
        Check(
            holds=new <= least and bool(measures.agreement.total),
            figure=figure,
            wanted=f"{_percent(1 - least)} of calls with an input seen before",
        ),
        _agrees(measures, rules()["code"]["agreement"]),
    ]


def _code(measures: Measures) -> list[Check]:
    rule = rules()["code"]
    pilots = measures.pilots
    right = Share(right=pilots.rule_right, total=pilots.tested)
    return [
        Check(
            holds=(right.value or 0) >= rule["rule_share"],
            figure=f"a short rule gives the logged answer for {counted(right)} held-out inputs",
            wanted=f"a short rule that is right on {_percent(rule['rule_share'])} of inputs",
        ),
        _agrees(measures, rule["agreement"]),
    ]


def _weights(measures: Measures) -> list[Check]:
    rule = rules()["weights"]
    pilots = measures.pilots
    right = Share(right=pilots.learned_right, total=pilots.tested)
    return [
        Check(
            holds=pilots.closed_parts
            and (right.value or 0) >= rule["learned_share"]
            and _skill(measures) >= rule["skill"],
            figure=f"rules, words and copying predict {counted(right)} held-out answers, "
            f"a short rule {_percent(pilots.rule_right / pilots.tested if pilots.tested else 0)}",
            wanted=f"closed answers, {_percent(rule['learned_share'])} of them predicted by words",
        ),
        _agrees(measures, rule["agreement"]),
    ]


def _skill(measures: Measures) -> float:
    """Return the share of the way from the commonest answer to all right."""
    pilots = measures.pilots
    open_rows = pilots.tested - pilots.common_right
    return (pilots.learned_right - pilots.common_right) / open_rows if open_rows else 0.0


def _demos(measures: Measures) -> list[Check]:
    rule = rules()["demos"]
    covered = measures.covered
    calls = measures.site.calls
    is_open = measures.machine is not None or not measures.pilots.closed_parts
    return [
        Check(
            holds=is_open
            and covered.near >= rule["covered"]
            and covered.near - covered.random >= rule["gain"],
            figure=f"near demonstrations hold {_percent(covered.near)} of an answer's words"
            f" (others {_percent(covered.random)})",
            wanted=f"answers of which near demonstrations hold {_percent(rule['covered'])}, "
            f"{_percent(rule['gain'])} more than others",
        ),
        _nearer(covered.better, covered.better + covered.worse),
        Check(
            holds=calls >= rule["calls"],
            figure=f"{calls} calls",
            wanted=f"{rule['calls']} calls to draw demonstrations from",
        ),
    ]


def _together(team: Team) -> list[Check]:
    rule = rules()["skill"]
    return [
        Check(
            holds=team.ratio >= rule["ratio"],
            figure=f"{len(team.sites)} sites answer the same conversations with {team.ratio:.1f} "
            "times the tokens of one call with all of their prompts",
            wanted=f"{rule['ratio']:.1f} times the tokens of one call",
        ),
        Check(
            holds=len(team.sites) >= rule["agents"],
            figure=f"{len(team.sites)} sites",
            wanted=f"{rule['agents']} sites that answer the same conversations",
        ),
        Check(
            holds=team.conversations >= rule["conversations"],
            figure=f"{team.conversations} conversations",
            wanted=f"{rule['conversations']} conversations of them",
        ),
    ]


def _nearer(better: int, told_apart: int) -> Check:
    """Return whether near demonstrations are surely the better ones, answer by answer."""
    return Check(
        holds=wilson(better, told_apart).low > 0.5,  # noqa: PLR2004 - as often worse as better
        figure="near demonstrations hold more than others of "
        f"{counted(Share(right=better, total=told_apart))} answers that tell them apart",
        wanted="near demonstrations that hold more than others of surely most answers",
    )


def _machine(measures: Measures) -> list[Check]:
    rule = rules()["machine"]
    machine = measures.machine
    assert machine is not None
    explained = Share(right=machine.explained, total=machine.tested)
    steps = Share(right=machine.steps_right, total=machine.steps)
    return [
        Check(
            holds=(explained.value or 0) >= rule["explained"],
            figure=f"{len(machine.states)} states explain {counted(explained)} other conversations",
            wanted=f"{_percent(rule['explained'])} of conversations inside the known transitions",
        ),
        Check(
            holds=(steps.value or 0) >= rule["steps_right"],
            figure=f"{counted(steps)} next steps follow from the state and the words heard",
            wanted=f"{_percent(rule['steps_right'])} of next steps that follow from what was heard",
        ),
        Check(
            holds=len(machine.states) <= rule["states"],
            figure=f"{len(machine.states)} states",
            wanted=f"at most {rule['states']} states",
        ),
    ]


def _agrees(measures: Measures, least: float) -> Check:
    """Return whether the log leaves room for answers that agree: the interval's upper end."""
    share = measures.agreement
    return Check(
        holds=share.total < rules()["enough"]["repeats"]
        or wilson(share.right, share.total).high >= least,
        figure=f"{counted(share)} repeated inputs got the answer they had before",
        wanted=f"{_percent(least)} of repeated inputs with the answer they had before",
    )


def _change(measures: Measures, target: Target, checks: list[Check]) -> str:
    """Return the fact that would change a decision for a target."""
    if target in (Target.CODE, Target.WEIGHTS) and not measures.agreement.total:
        return "no input was asked twice: answers that differ when it is would make it keep"
    if target is Target.WEIGHTS:
        return f"{_code(measures)[0].wanted} would make it code"
    if target is Target.SKILL:
        return (
            "sixteen scored runs an item that are worse without the other sites would make it keep"
        )
    if target is Target.DEMOS:
        closer: Callable[[Any], list[Check]] = _machine if measures.machine else _weights
        return f"{_first_missing(closer(measures)).wanted} would make it cheaper still"
    return f"less than {checks[-1 if target is Target.CODE else 0].wanted}"


def _first_missing(checks: list[Check]) -> Check:
    return next((check for check in checks if not check.holds), checks[0])


def _keep(ways: list[tuple[Target, list[Check]]]) -> Decision:
    """Return keep, with the way that fails by the fewest conditions; the cheapest of those."""
    target, checks = min(
        ways[1:] if len(ways) > 2 else ways,  # noqa: PLR2004 - a table is code too, told by its rule
        key=lambda way: sum(not check.holds for check in way[1]),
    )
    missing = _first_missing(checks)
    return Decision(
        target=Target.KEEP, figure=missing.figure, change=f"{missing.wanted} would make it {target}"
    )


def counted(share: Share) -> str:
    """Return a share in words, with its counts and its interval."""
    bounds = wilson(share.right, share.total)
    if not share.total:
        return "none of 0"
    return (
        f"{share.right} of {share.total} ({_percent(share.right / share.total)}, "
        f"95 % interval {_percent(bounds.low)} to {_percent(bounds.high)})"
    )


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
