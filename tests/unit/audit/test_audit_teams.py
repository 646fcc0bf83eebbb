"""Sites that answer the same conversations: a graph of agents becomes a skill, last of all rungs."""

from __future__ import annotations

import random

import pytest

from pytest_compiledai.audit.audited import audit

SITES = ("app.plan", "app.search", "app.write")


def agents(count=150, *, share=1.0, sites=SITES):
    """Return plain records of sites of open answers, ``share`` of whose conversations are one."""
    rng = random.Random(5)
    records = []
    for number in range(count):
        for site in sites:
            own = rng.random() >= share
            text = " ".join(f"w{rng.randrange(4000)}" for _ in range(12))
            records.append(
                {
                    "site": site,
                    "system": f"You are {site}. Do your part.",
                    "input": f"{text} {text}",
                    "output": " ".join(f"v{rng.randrange(9000)}" for _ in range(9)),
                    "conversation": f"{site if own else 'all'}-{number}",
                }
            )
    return records


@pytest.fixture
def targets(log):
    """Return the target of each site of records."""
    return lambda records: {
        site.measures.site.name: str(site.decision.target) for site in audit([log(*records)]).sites
    }


def test_three_sites_of_one_conversation_become_a_skill(targets):
    """Where no cheaper rung passes, the sites are proposed as one call."""
    assert dict.fromkeys(SITES, "skill") == targets(agents())


def test_sites_that_seldom_meet_are_kept(targets):
    """Half of the conversations together are no graph."""
    assert dict.fromkeys(SITES, "keep") == targets(agents(share=0.5))


def test_two_sites_are_no_graph(targets):
    """A call and its check stay what they are."""
    assert {"keep"} == set(targets(agents(sites=SITES[:2])).values())


def test_a_cheaper_rung_goes_first(targets):
    """A site of the graph that a short rule answers is code all the same."""
    records = agents()
    for number, record in enumerate(records):
        if record["site"] == "app.plan":
            queue = "loans" if number % 2 else "cards"
            record["input"] += " mortgage" if queue == "loans" else " plastic"
            record["output"] = {"queue": queue}

    assert {"app.plan": "code", "app.search": "skill", "app.write": "skill"} == targets(records)


def test_the_figures_say_why(log):
    """The decision names the sites' tokens, and the costs are reckoned."""
    site = audit([log(*agents())]).sites[0]

    assert "3 sites answer the same conversations with" in site.decision.figure
    assert "sixteen scored runs" in site.decision.change
