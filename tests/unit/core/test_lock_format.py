"""The lock's text: one way to write it, and it reads back as what was written."""

from __future__ import annotations

import json
import tomllib

import pytest
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st

from pytest_compiledai.core.canonical import digest_of
from pytest_compiledai.core.lock import Entry
from pytest_compiledai.core.lock import Lock
from pytest_compiledai.core.lock import parse
from pytest_compiledai.core.lock import render

NAMES = st.from_regex(r"\A[a-z][a-z0-9_]{0,12}\Z").filter(
    lambda name: name not in ("load", "fallback")
)
DIGESTS = st.text("0123456789abcdef", min_size=64, max_size=64)
LINES = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=20)
CAPABILITIES = st.sampled_from(
    ["clock", "random", "module:json", "module:urllib.parse", "call:http"]
)


@st.composite
def entries(draw: st.DrawFn, name: str | None = None) -> Entry:
    name = name or draw(NAMES)
    inner = draw(st.lists(st.from_regex(r"\A[a-z]{1,6}(/[a-z]{1,6})?\.[a-z]{1,3}\Z"), max_size=3))
    paths = sorted({f"{name}.py", *(f"{name}/{path}" for path in inner)})
    return Entry(
        name=name,
        kind=draw(st.sampled_from(["function", "workflow", "my-kind"])),
        spec=draw(st.sampled_from(["specs/a.yaml", 'specs/"quoted" ü.yaml'])),
        files={path: draw(DIGESTS) for path in paths},
        source=draw(DIGESTS),
        evidence=draw(DIGESTS),
        proposer=draw(LINES),
        attempts=draw(st.integers(0, 99)),
        target=draw(LINES),
        gates=tuple(draw(st.permutations(["security@1", "syntax@2", "accuracy@3"]))),
        off=tuple(draw(st.sets(st.sampled_from(["accuracy", "fuzz"])))),
        capabilities=tuple(sorted(draw(st.sets(CAPABILITIES)))),
        basis=draw(st.sampled_from(["measured", "modelled"])),
    )


def locks(most: int = 5) -> st.SearchStrategy[Lock]:
    unique = st.lists(entries(), max_size=most, unique_by=lambda entry: entry.name)
    return unique.map(lambda items: Lock().with_entries(*items))


def entry(name: str = "route_ticket", **changes: object) -> Entry:
    values: dict[str, object] = {
        "name": name,
        "kind": "function",
        "spec": "specs/tickets.yaml",
        "files": {f"{name}.py": "a" * 64},
        "source": "b" * 64,
        "evidence": "c" * 64,
        "proposer": "some/model",
        "attempts": 2,
        "target": "python>=3.11",
        "gates": ("security@1", "accuracy@3"),
    }
    return Entry(**(values | changes))  # type: ignore[arg-type]


@settings(max_examples=60, derandomize=True, deadline=None, database=None)
@given(locks())
def test_a_lock_reads_back_as_it_was_written(lock: Lock) -> None:
    """What is rendered is parsed to an equal lock, and renders to the same bytes again."""
    data = render(lock)

    again = parse(data)

    assert again == lock
    assert data == render(again)


@settings(max_examples=30, derandomize=True, deadline=None, database=None)
@given(locks(), st.randoms(use_true_random=False))
def test_the_order_of_additions_does_not_matter(lock: Lock, random) -> None:
    """However entries arrive, one by one or together, the bytes are the same."""
    items = list(lock.entries.values())
    random.shuffle(items)

    one_by_one = Lock()
    for item in items:
        one_by_one = one_by_one.with_entries(item)

    assert render(lock) == render(one_by_one)
    assert render(lock) == render(Lock().with_entries(*items))


@settings(max_examples=30, derandomize=True, deadline=None, database=None)
@given(locks(), locks())
def test_disjoint_additions_commute(left: Lock, right: Lock) -> None:
    """Adding two sets of artifacts of different names gives one lock in either order."""
    right = right.without(left.entries)

    one = left.with_entries(*right.entries.values())
    other = right.with_entries(*left.entries.values())

    assert render(one) == render(other)
    assert render(left) == render(one.without(right.entries))


def test_the_text_is_pinned() -> None:
    """The bytes of an entry are fixed: a change of them would make every lock out there differ."""
    lock = Lock().with_entries(entry())

    text = render(lock).decode()

    assert text == (
        "lock-version = 1\n"
        "\n"
        '[artifact."route_ticket"]\n'
        'kind = "function"\n'
        'spec = "specs/tickets.yaml"\n'
        'target = "python>=3.11"\n'
        f'files = {{"route_ticket.py" = "{"a" * 64}"}}\n'
        'proposer = "some/model"\n'
        "attempts = 2\n"
        'basis = "modelled"\n'
        f'source = "{"b" * 64}"\n'
        'gates = ["security@1", "accuracy@3"]\n'
        "off = []\n"
        "capabilities = []\n"
        f'evidence = "{"c" * 64}"\n'
        f'entry = "{entry().digest}"\n'
    )


def test_the_entry_digest_covers_the_rest_of_the_table() -> None:
    """Anyone can recompute ``entry`` from the parsed TOML with canonical JSON."""
    table = tomllib.loads(render(Lock().with_entries(entry())).decode())["artifact"]["route_ticket"]

    expected = table.pop("entry")

    assert expected == digest_of(table)
    assert expected == digest_of(json.loads(json.dumps(table)))


def test_an_empty_lock_is_its_first_line() -> None:
    """A lock without artifacts still says its version."""
    assert render(Lock()) == b"lock-version = 1\n"
    assert parse(b"lock-version = 1\n") == Lock()


def test_gates_keep_the_order_they_were_given() -> None:
    """Gates stand in gate order, which is not the alphabet's."""
    lock = Lock().with_entries(entry(gates=("syntax@1", "accuracy@1", "security@1")))

    assert parse(render(lock)).entries["route_ticket"].gates == (
        "syntax@1",
        "accuracy@1",
        "security@1",
    )


def test_one_artifact_cannot_be_given_two_entries() -> None:
    """Two entries of one name in one call are a mistake of the caller's."""
    with pytest.raises(ValueError, match="two entries"):
        Lock().with_entries(entry(), entry(attempts=3))
