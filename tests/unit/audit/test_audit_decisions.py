"""Decisions, costs and drafts of whole sites."""

from __future__ import annotations

import importlib.util
import random

import pytest

from pytest_compiledai.audit.audited import audit
from pytest_compiledai.audit.conversation import turn_of
from pytest_compiledai.audit.cost import conversations_cost
from pytest_compiledai.audit.draft import draft_all
from pytest_compiledai.audit.infer import infer
from pytest_compiledai.audit.rules import rules
from pytest_compiledai.core.document import read_documents
from pytest_compiledai.core.errors import SettingsError
from pytest_compiledai.core.kind import Project
from pytest_compiledai.functions.spec import read_function_spec

WORDS = [
    f"{a}{b}"
    for a in ("ka", "lo", "mi", "ru", "te", "vo")
    for b in ("ban", "der", "fis", "gor", "hul")
]


def prose(rng, count=6):
    """Return some words."""
    return " ".join(rng.choice(WORDS) for _ in range(count))


def routing(count=150, *, site="app.route", slips=0, **facts):
    """Return plain records of a site whose answers a keyword decides."""
    rng = random.Random(13)
    records = []
    for number in range(count):
        queue = rng.choice(("loans", "cards"))
        key = {"loans": "mortgage", "cards": "plastic"}[queue]
        text = f"{number} {prose(rng)} {key} {prose(rng)}"
        queue = "loans" if number < slips else queue
        records.append({"site": site, "input": text, "output": {"queue": queue}} | facts)
    return records


@pytest.fixture
def audited(log):
    """Return the audit of records."""
    return lambda records: audit([log(*records)])


def test_a_rule_makes_code(audited):
    """A site whose answers a short rule gives is code, and says what it rests on."""
    (site,) = audited(routing()).sites

    assert "code" == site.decision.target
    assert "a short rule gives the logged answer for" in site.decision.figure
    assert "no input was asked twice" in site.decision.change


def test_answers_that_change_when_asked_again_are_kept(audited):
    """A rule that fits does not make code of a site whose repeated inputs disagree."""
    records = routing()
    flipped = [each | {"output": {"queue": "other"}} for each in records[:60]]

    (site,) = audited(records + flipped + records[:60]).sites

    assert "keep" == site.decision.target
    assert "repeated inputs" in site.decision.figure


def test_few_calls_are_kept(audited):
    """Below the least number of calls nothing is decided but how many are missing."""
    (site,) = audited(routing(30)).sites

    missing = rules()["enough"]["calls"] - 30
    assert ("keep", f"{missing} more calls in the log") == (
        site.decision.target,
        site.decision.change,
    )


@pytest.mark.skipif(not importlib.util.find_spec("litellm"), reason="needs LiteLLM's price table")
def test_months_and_break_even_follow_from_the_rules(audited):
    """The sums are those of the reviewed figures, for a model whose price is known."""
    (site,) = audited(routing(model="gpt-4o-mini", tokens_in=1000, tokens_out=100)).sites

    rule = rules()["cost"]["code"]
    call = 1000 * 1.5e-7 + 100 * 6e-7
    once = rule["compile_tokens_in"] * 1.5e-7 + rule["compile_tokens_out"] * 6e-7
    month = site.costs.months[-1]
    assert call == pytest.approx(site.costs.call_usd)
    assert once / (call * (1 - rule["fallback"])) == pytest.approx(site.costs.break_even_calls)
    least = rule["recompiles_month"] * once / (call * (1 - rule["fallback"]))
    assert least == pytest.approx(site.costs.least_calls_month)
    assert 1_000_000 * call == pytest.approx(month.keep_usd)
    running = 1_000_000 * call * rule["fallback"] + rule["recompiles_month"] * once
    assert running == pytest.approx(month.compiled_usd)


def test_without_a_price_there_are_tokens_alone(audited):
    """A model without a known price gives no sum of money, and no break-even."""
    (site,) = audited(routing(model="house-model")).sites

    assert (None, "unpriced", None, ()) == (
        site.costs.call_usd,
        site.costs.basis,
        site.costs.break_even_calls,
        site.costs.months,
    )


def test_both_baselines_of_a_conversation():
    """The history is sent again with each turn; with caching, at the cached price."""
    turns = [turn_of("a" * 400, "b" * 80, ()), turn_of("c" * 40, "d" * 80, ())]

    cost = conversations_cost([turns], 4000, None)

    history = 400 + 4000 + 80
    assert (4400 + history + 40) / 4 == cost.resent_tokens_in
    share = rules()["conversation"]["cached_price"]
    assert (4400 + share * history + 40) / 4 == pytest.approx(cost.cached_tokens_in)
    assert 160 / 4 == cost.tokens_out


@pytest.mark.parametrize(
    ("values", "schema"),
    [
        (["a", "b"] * 8, {"enum": ["a", "b"]}),
        ([f"text {n}" for n in range(20)], {"type": "string"}),
        ([1, 2.5, 3], {"type": "number"}),
        ([1, None, 3], {"anyOf": [{"type": "integer"}, {"type": "null"}]}),
        ([[1], []], {"type": "array", "items": {"type": "integer"}}),
        ([True, False], {"type": "boolean"}),
    ],
)
def test_schemas_are_inferred(values, schema):
    """Closed texts become an enum; types are joined as a spec may state them."""
    assert schema == infer(values)


def test_a_slip_in_a_hundred_answers_is_not_in_the_schema():
    """What only a few answers do is left out of the schema."""
    values = [{"queue": "a"}] * 60 + [{"queue": "b"}] * 60 + [{"queu": "a"}]

    assert {"type": "object", "properties": {"queue": {"enum": ["a", "b"]}}} == {
        key: value for key, value in infer(values).items() if key != "required"
    }


def test_a_draft_is_a_spec_that_the_strict_reader_takes(audited, tmp_path):
    """Spec and golden rows are written and read back; conflicts are left out, secrets redacted."""
    records = routing()
    secret = "sk-abcdefghij0123456789abcdefghij"
    records[0]["input"] += f" {secret}"
    found = audited([*records, records[1] | {"output": {"queue": "other"}}])

    (draft,) = draft_all(found, tmp_path, tmp_path / "specs")

    assert "" == draft.reason
    text = (tmp_path / draft.spec).read_bytes()
    (document,) = read_documents(text, draft.spec)
    spec = read_function_spec(document, Project(root=tmp_path, grants={}))
    golden = (tmp_path / spec.golden).read_text(encoding="utf-8")
    assert (draft.rows, draft.conflicting) == (len(spec.rows), 1)
    assert 149 == draft.rows
    assert secret not in golden
    assert "[redacted:API key]" in golden


def test_what_two_models_answer_differently_is_no_golden_row(audited, tmp_path):
    """An input that two models answer differently is left out, both rows of it counted."""
    records = [each | {"model": "one"} for each in routing()]
    other = records[0] | {"model": "two", "output": {"queue": "cards-or-loans"}}

    (draft,) = draft_all(audited([*records, other]), tmp_path, tmp_path / "specs")

    assert (149, 2, 0) == (draft.rows, draft.conflicting, draft.unfit)


def test_a_draft_overwrites_nothing(audited, tmp_path):
    """A file that stands there is an error, and nothing is written beside it."""
    specs = tmp_path / "specs"
    specs.mkdir()
    (specs / "app_route.jsonl").write_text("mine", encoding="utf-8")

    with pytest.raises(SettingsError):
        draft_all(audited(routing()), tmp_path, specs)

    assert ["app_route.jsonl"] == [path.name for path in specs.iterdir()]


def test_a_draft_outside_the_project_is_an_error(audited, tmp_path):
    """Drafts are written below the root alone."""
    with pytest.raises(SettingsError):
        draft_all(audited(routing()), tmp_path, tmp_path.parent / "elsewhere")


def test_what_is_not_code_gets_no_draft(audited, tmp_path):
    """A site to be kept is named with its reason, and nothing is written."""
    (draft,) = draft_all(audited(routing(20)), tmp_path, tmp_path / "specs")

    assert (None, "the decision is keep") == (draft.spec, draft.reason)
    assert not (tmp_path / "specs").exists()
