"""The specs of `bench/artifacts`, and what a model wrote for them in good faith."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_compiledai.asking import request_of
from pytest_compiledai.core.source import Source
from pytest_compiledai.core.unit import Unit
from pytest_compiledai.functions.assembly import assemble
from pytest_compiledai.functions.proposing import opening
from pytest_compiledai.functions.refusal import TemplateError
from pytest_compiledai.gates import security
from pytest_compiledai.llm.recording import Recordings


def corpus() -> list[Unit]:
    from bench.replaying import ROOT
    from bench.replaying import units

    return list(units(ROOT / "bench" / "artifacts", "specs"))


def first_refusals(units: list[Unit]) -> Iterator[tuple[str, str]]:
    """What the template or the policy say of each first answer; empty where they take it."""
    from bench.replaying import ROOT

    recordings = Recordings(ROOT / "bench" / "artifacts" / "specs" / "recordings")
    for unit in units:
        for reply in recordings.find(request_of(opening(unit.body), 0).key)[:1]:
            try:
                text = assemble(unit.body, reply.text, fenced=True).text
            except TemplateError as error:
                yield unit.name, error.finding.message
                continue
            source = Source(data=text.encode(), path=f"{unit.name}.py")
            found = security.inspect(source, capabilities=frozenset(unit.capabilities))
            yield unit.name, found[0].message if found else ""


def test_the_corpus_is_large_and_a_third_of_it_asks_for_capabilities():
    """A hundred specs can be read with their rows, and enough of them ask for something."""
    units = corpus()

    assert len(units) >= 100
    assert sum(bool(unit.capabilities) for unit in units) >= len(units) / 3


def test_the_policy_refuses_hardly_any_answer_in_good_faith():
    """At most 2 % of the recorded first answers are refused before anything is executed."""
    found = dict(first_refusals(corpus()))
    refused = {name: told for name, told in found.items() if told}

    assert found
    assert len(refused) <= 0.02 * len(found), refused
