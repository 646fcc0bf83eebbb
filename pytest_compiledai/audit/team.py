"""Sites that answer the same conversations together: a graph of agents, seen from outside.

Only logs that name conversations show it. Whether the order of the agents matters is not seen: that
takes runs with scores (kind `skill`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from pytest_compiledai.audit.rules import rules
from pytest_compiledai.audit.site import Site

_CHARACTERS_PER_TOKEN = 4


class Team(NamedTuple):
    """The sites that work together, and what one call in their place would take."""

    sites: tuple[str, ...]
    conversations: int  # of the site that were compared
    ratio: float  # tokens of all of them over those of one call with all of their prompts


def teams(sites: Sequence[Site]) -> dict[str, Team]:
    """Return the team of each site that has one, by the site's name."""
    least = rules()["skill"]["together"]
    found = {}
    for site in sites:
        others = [
            other
            for other in sites
            if other is not site and min(_shared(site, other), _shared(other, site)) >= least
        ]
        if others:
            members = sorted([site, *others], key=lambda member: member.name)
            found[site.name] = Team(
                sites=tuple(member.name for member in members),
                conversations=len(site.sessions),
                ratio=_ratio(members),
            )
    return found


def _shared(site: Site, other: Site) -> float:
    """Return the share of a site's conversations that the other takes part in.

    Both keep the smallest keys alone, so that only keys up to the other's largest can be missed.
    """
    top = max(other.sessions, default=0) if other.sessions_full else 2**64
    asked = [key for key in site.sessions if key <= top]
    return sum(key in other.sessions for key in asked) / len(asked) if asked else 0.0


def _ratio(members: Sequence[Site]) -> float:
    tokens = [(site.tokens_in / site.calls, site.tokens_out / site.calls) for site in members]
    prompts = [max(map(len, site.systems.values()), default=0) for site in members]
    largest = max(range(len(members)), key=lambda at: tokens[at])
    others = (sum(prompts) - prompts[largest]) / _CHARACTERS_PER_TOKEN
    one = tokens[largest][0] + others + max(out for _, out in tokens)
    return sum(map(sum, tokens)) / one if one else 0.0
