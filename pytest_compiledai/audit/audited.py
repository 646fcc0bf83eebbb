"""One audited site: its figures, its decision, its costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pytest_compiledai.audit.cost import Conversations
from pytest_compiledai.audit.cost import Costs
from pytest_compiledai.audit.cost import conversations_cost
from pytest_compiledai.audit.cost import costs_of
from pytest_compiledai.audit.decision import Decision
from pytest_compiledai.audit.decision import decide
from pytest_compiledai.audit.log import Log
from pytest_compiledai.audit.log import read_log
from pytest_compiledai.audit.measures import Measures
from pytest_compiledai.audit.measures import measure
from pytest_compiledai.audit.site import Site
from pytest_compiledai.audit.team import Team
from pytest_compiledai.audit.team import teams


@dataclass(frozen=True, slots=True, kw_only=True)
class Audited:
    """One site of a log, audited."""

    measures: Measures
    decision: Decision
    costs: Costs
    conversations: Conversations | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """A whole log, audited; sites with most calls first."""

    log: Log
    sites: tuple[Audited, ...]


def audit(paths: Sequence[Path]) -> Audit:
    """Return the audit of the logs at ``paths``. Raises ``SettingsError``."""
    log = read_log(paths)
    together = teams(log.sites)
    sites = tuple(audit_site(site, together.get(site.name)) for site in log.sites)
    return Audit(log=log, sites=sites)


def audit_site(site: Site, team: Team | None = None) -> Audited:
    """Return one site's figures, decision and costs; ``team`` are the sites it works with."""
    measures = measure(site)
    decision = decide(measures, team)
    costs = costs_of(measures, decision.target)
    talks = None
    if measures.machine is not None:
        system = max((len(text) for text in site.systems.values()), default=0)
        talks = conversations_cost(measures.turns, system, costs.model)
    return Audited(measures=measures, decision=decision, costs=costs, conversations=talks)
